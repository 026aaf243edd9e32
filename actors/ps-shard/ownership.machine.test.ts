import { describe, expect, test } from '@jest/globals';
import { SimulatedClock, createActor } from 'xstate';
import {
  heed,
  isSuperseded,
  nextEpoch,
  ownershipMachine,
  type OwnershipContext,
  type OwnershipEvent,
} from './ownership.machine.js';

const contextOf = (change: Partial<OwnershipContext> = {}): OwnershipContext => ({
  role: 'owner',
  namedEpoch: 4,
  epoch: 4,
  isStopping: false,
  ...change,
});

describe('what the directory says', () => {
  test('is taken over', () => {
    expect(heed(contextOf(), { role: 'follower', epoch: 5 })).toEqual({
      role: 'follower',
      namedEpoch: 5,
    });
  });

  test('may change who copies without another owner', () => {
    const before = contextOf({ role: 'none' });
    expect(heed(before, { role: 'follower', epoch: 4 })).toMatchObject({ role: 'follower' });
  });

  test('is left aside where it is of before, or the shard ends', () => {
    expect(heed(contextOf(), { role: 'none', epoch: 3 })).toEqual({});
    expect(heed(contextOf({ isStopping: true }), { role: 'owner', epoch: 5 })).toEqual({});
  });
});

describe('an owner', () => {
  test('is superseded when another one is named, or itself for a later epoch', () => {
    expect(isSuperseded(contextOf())).toBe(false);
    expect(isSuperseded(contextOf({ role: 'follower' }))).toBe(true);
    expect(isSuperseded(contextOf({ namedEpoch: 5 }))).toBe(true);
  });
});

test('an owner takes an epoch later than the named one and than all that it has tried', () => {
  expect(nextEpoch(contextOf({ epoch: 0 }))).toBe(5);
  expect(nextEpoch(contextOf({ namedEpoch: 4, epoch: 6 }))).toBe(7);
});

test('a partition that nobody takes is taken back after the time of a release, counted from the last one', () => {
  const clock = new SimulatedClock();
  const effects: string[] = [];
  const provided = Object.fromEntries(
    [
      'follow',
      'claim',
      'catchUp',
      'look',
      'open',
      'confirm',
      'flush',
      'close',
      'drop',
      'report',
    ].map((name) => [name, () => void effects.push(name)]),
  );
  const actor = createActor(ownershipMachine.provide({ actions: provided }), { clock });
  actor.start();
  const send = (...types: Exclude<OwnershipEvent['type'], 'DIRECTORY' | 'FAILED'>[]): void => {
    for (const type of types) actor.send({ type });
  };
  actor.send({ type: 'DIRECTORY', role: 'owner', epoch: 1 });
  send('FOLLOWED');
  actor.send({ type: 'DIRECTORY', role: 'owner', epoch: 2 });
  send('CLAIMED', 'CAUGHT_UP', 'OPENED', 'CONFIRMED', 'RELEASE', 'FLUSHED');
  expect(actor.getSnapshot().value).toEqual({ handingOver: 'released' });
  clock.increment(2_900);
  send('RELEASE');
  clock.increment(2_900);
  expect(actor.getSnapshot().value).toEqual({ handingOver: 'released' });
  clock.increment(100);
  expect(effects.at(-1)).toBe('confirm');
  send('CONFIRMED');
  expect(actor.getSnapshot().value).toEqual({ owned: 'serving' });
});
