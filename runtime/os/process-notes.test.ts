import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { watchForeign } from './foreign-process.js';
import { startLogged } from './logged-process.js';
import { identityOf, type ProcessIdentity } from './process-identity.js';
import { ProcessNotes, processNote } from './process-notes.js';

let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'starling-os-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function sleeper(): Promise<{ child: ChildProcess; identity: ProcessIdentity }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  children.push(child);
  await once(child, 'spawn');
  return { child, identity: await identityOf(child.pid!) };
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

const open = () => ProcessNotes.open(path.join(folder, 'notes.json'), processNote, () => undefined);

describe('notes of processes', () => {
  test('tell a successor of those that still run, and of no others', async () => {
    const [one, other] = [await sleeper(), await sleeper()];
    const notes = await open();
    await Promise.all([notes.add('one', one.identity), notes.add('other', other.identity)]);
    await ended(other.child);
    expect([...(await open()).all]).toEqual([['one', one.identity]]);
  });

  test('of somebody else with the same pid are passed over', async () => {
    const { identity } = await sleeper();
    const notes = await open();
    await notes.add('one', { ...identity, started: 'at another time' });
    expect((await open()).all.size).toBe(0);
  });

  test('are removed for the process that has ended alone', async () => {
    const { identity } = await sleeper();
    const notes = await open();
    await notes.add('one', identity);
    notes.remove('one', identity.pid + 1);
    expect(notes.all.size).toBe(1);
    notes.remove('one', identity.pid);
    await notes.settled();
    expect((await open()).all.size).toBe(0);
  });

  test('that are damaged are refused with the name of the file', async () => {
    await writeFile(path.join(folder, 'notes.json'), '{"one": {"pid": "many"}}');
    await expect(open()).rejects.toMatchObject({
      code: 'STATE_INVALID',
      message: expect.stringContaining('notes.json is damaged'),
    });
  });
});

describe('a process of somebody else', () => {
  test('is watched until it has ended', async () => {
    const { child, identity } = await sleeper();
    let looks = 0;
    const watched = watchForeign(identity, () => {
      if (++looks === 2) child.kill('SIGKILL');
      return true;
    });
    expect(await watched).toBe(true);
    expect(looks).toBeGreaterThanOrEqual(2);
  });

  test('is watched no longer than wanted', async () => {
    const { identity } = await sleeper();
    expect(await watchForeign(identity, () => false)).toBe(false);
  });
});

describe('a process with a log', () => {
  const run = async (logBytesMax: number, words: string): Promise<void> => {
    const { child } = startLogged({
      command: process.execPath,
      args: ['-e', `process.stdout.write(${JSON.stringify(words)})`],
      logFile: path.join(folder, 'logs', 'it.log'),
      logBytesMax,
    });
    await once(child, 'exit');
  };

  test('appends to it, and beyond the bound keeps one older log', async () => {
    await run(10, 'first ');
    await run(10, 'second ');
    await run(10, 'third');
    expect(await readFile(path.join(folder, 'logs', 'it.log'), 'utf8')).toBe('third');
    expect(await readFile(path.join(folder, 'logs', 'it.log.1'), 'utf8')).toBe('first second ');
  });

  test('runs without one where there can be none', async () => {
    await writeFile(path.join(folder, 'taken'), '');
    const logFile = path.join(folder, 'taken', 'it.log');
    const { child, log } = startLogged({ command: process.execPath, args: ['-e', '0'], logFile });
    expect(log).toContain('no log: ');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
