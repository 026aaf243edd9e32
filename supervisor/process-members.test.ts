import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ProcessExit } from './child-process.js';
import { ProcessMembers } from './process-members.js';

const killed: ProcessExit = { code: null, signal: 'SIGKILL', detail: 'killed by SIGKILL' };
const failed = { type: 'failed', code: 'INTERNAL', message: 'broken' } as const;
const left: ProcessExit = { code: 0, signal: null, detail: 'left its process' };

let members: ProcessMembers;
/** In the order in which they were told. */
let told: [address: string, exit: ProcessExit][];

beforeEach(() => {
  members = new ProcessMembers();
  told = [];
  for (const address of ['a', 'b', 'c'])
    members.add(address, (exit) => void told.push([address, exit]));
});

describe('the end of a process of several', () => {
  test('is the crash of whoever is at fault, and of nobody else', () => {
    members.heard('b', failed);
    members.ended(killed);
    const shared = { with: 'b', isCrash: false };
    expect(told).toEqual([
      ['b', { ...killed, together: ['a', 'b', 'c'] }],
      ['a', { ...killed, shared }],
      ['c', { ...killed, shared }],
    ]);
  });

  test('is a crash of all where nobody is at fault, and one of them stands for it', () => {
    members.ended(killed);
    const shared = { with: 'a', isCrash: true };
    expect(told).toEqual([
      ['a', { ...killed, together: ['a', 'b', 'c'] }],
      ['b', { ...killed, shared }],
      ['c', { ...killed, shared }],
    ]);
  });

  test('is not stood for by one that was to leave anyway', () => {
    members.asked('a');
    members.ended(killed);
    expect(told.map(([address, { shared }]) => [address, shared?.with])).toEqual([
      ['b', undefined],
      ['a', 'b'],
      ['c', 'b'],
    ]);
  });

  test('is told to their group by one that was to stay, also where another one is at fault', () => {
    members.asked('b');
    members.heard('b', { type: 'left', clean: false });
    members.ended(killed);
    expect(told.map(([address, { together }]) => [address, together])).toEqual([
      ['b', undefined],
      ['a', ['a', 'c']],
      ['c', undefined],
    ]);
    expect(told[1]![1].shared).toEqual({ with: 'b', isCrash: false });
  });

  test('is told once, and not to those who have left', () => {
    members.left('b', left);
    members.ended(killed);
    members.ended(killed);
    members.left('a', left);
    expect(told.map(([address, { detail }]) => [address, detail])).toEqual([
      ['b', left.detail],
      ['a', killed.detail],
      ['c', killed.detail],
    ]);
  });
});

describe('a process that was told to end by somebody else', () => {
  const leaves = { type: 'left', clean: true } as const;

  test('takes nobody any more, and is one crash, which all of them share', () => {
    members.heard('b', leaves);
    expect(members.goesOn).toBe(false);
    members.heard('a', leaves);
    members.ended(left);
    const shared = { with: 'b', isCrash: true };
    expect(told.map(([address, exit]) => [address, exit.shared])).toEqual([
      ['b', undefined],
      ['a', shared],
      ['c', shared],
    ]);
  });

  test('is not one that somebody has left who was asked to', () => {
    members.asked('b');
    members.heard('b', leaves);
    expect(members.goesOn).toBe(true);
    members.ended(killed);
    expect(told.map(([address, exit]) => [address, exit.shared?.with])).toEqual([
      ['b', undefined],
      ['a', undefined],
      ['c', 'a'],
    ]);
  });
});

describe('a process that all are going to leave', () => {
  beforeEach(() => {
    for (const address of ['a', 'b', 'c']) members.retired(address);
  });

  test('does not end because of one that has not left in order, or is to be killed', () => {
    members.heard('a', { type: 'left', clean: false });
    expect(members.killed('b')).toBe(false);
    expect(told.map(([address]) => address)).toEqual(['a', 'b']);
  });

  test('is killed with the last of them', () => {
    members.heard('a', { type: 'left', clean: true });
    members.heard('b', { type: 'left', clean: true });
    members.heard('c', { type: 'left', clean: false });
    expect(members.killed('c')).toBe(true);
    members.ended(killed);
    expect(told.map(([address, exit]) => [address, exit.detail])).toEqual([
      ['a', left.detail],
      ['b', left.detail],
      ['c', killed.detail],
    ]);
  });
});

describe('a process takes others', () => {
  test('while somebody is in it who is to stay', () => {
    expect(new ProcessMembers().goesOn).toBe(false);
    members.asked('a');
    members.asked('b');
    expect(members.goesOn).toBe(true);
    members.asked('c');
    expect(members.goesOn).toBe(false);
  });

  test('until somebody in it has failed', () => {
    members.heard('c', failed);
    expect(members.goesOn).toBe(false);
  });
});
