import { describe, expect, test } from '@jest/globals';
import {
  createActor,
  initialTransition,
  SimulatedClock,
  transition,
  type SnapshotFrom,
} from 'xstate';
import {
  endsTier,
  groupMachine,
  isGroupWithinIntensity,
  nextToStop,
  sharersOfFate,
  startOrder,
  type GroupChild,
  type GroupEvent,
  type GroupPolicy,
  type Strategy,
} from './group.machine.js';

const children: GroupChild[] = [
  { address: 'shard-0', tier: 0 },
  { address: 'shard-1', tier: 0 },
  { address: 'trainer', tier: 1 },
  { address: 'ranker', tier: 2 },
];
const policy: GroupPolicy = {
  strategy: 'rest-for-one',
  restartsMax: 2,
  restartWindowMs: 1_000,
  coolDownMs: 500,
};

const members: GroupEvent = { type: 'MEMBERS', children };
const crash = (address: string, atMs = 0, others: string[] = []): GroupEvent => ({
  ...{ type: 'CRASHED', address, atMs },
  addresses: [address, ...others],
});
const stopped = (address: string, atMs = 0): GroupEvent => ({ type: 'STOPPED', address, atMs });
const stop: GroupEvent = { type: 'STOP', atMs: 0, drainMs: 300 };

/** Where `events` lead a group with members, and the effects of the last one. */
function walk(events: readonly GroupEvent[], strategy: Strategy = 'rest-for-one') {
  let [snapshot, actions]: [SnapshotFrom<typeof groupMachine>, readonly { type: string }[]] =
    initialTransition(groupMachine, { ...policy, strategy });
  for (const event of [members, ...events])
    [snapshot, actions] = transition(groupMachine, snapshot, event);
  const effects = actions
    .filter(({ type }) => !type.startsWith('xstate.'))
    .map((action) => [action.type, (action as { params?: unknown }).params]);
  return { snapshot, effects };
}

describe('who shares the fate of a child', () => {
  test.each<[Strategy, string[], string[]]>([
    ['one-for-one', ['shard-0'], []],
    ['rest-for-one', ['shard-0'], ['ranker', 'trainer', 'shard-1']],
    ['rest-for-one', ['trainer'], ['ranker']],
    ['rest-for-one', ['trainer', 'shard-0'], ['ranker', 'shard-1']],
    ['rest-for-one', ['ranker'], []],
    ['all-for-one', ['shard-1'], ['ranker', 'trainer', 'shard-0']],
    ['all-for-one', ['shard-1', 'ranker'], ['trainer', 'shard-0']],
    ['all-for-one', ['somebody removed'], []],
  ])('%s, %j', (strategy, ended, sharers) => {
    expect(sharersOfFate(strategy, children, ended)).toEqual(sharers);
  });
});

describe('a group', () => {
  test('restarts those that share the fate of a crashed child', () => {
    const { snapshot, effects } = walk([crash('trainer')]);
    expect(effects).toEqual([['restart', { addresses: ['ranker'] }]]);
    expect(snapshot.context).toMatchObject({ crashesAtMs: [0], crashed: 'trainer' });
  });

  test('counts the end of a process once, and restarts who was started after the lowest in it', () => {
    const { snapshot, effects } = walk([crash('trainer', 0, ['shard-0'])]);
    expect(effects).toEqual([['restart', { addresses: ['ranker', 'shard-1'] }]]);
    expect(snapshot.context).toMatchObject({ crashesAtMs: [0], crashed: 'trainer' });
  });

  test('one crash more than the intensity allows takes all of it down and escalates', () => {
    const { snapshot, effects } = walk([crash('trainer'), crash('ranker'), crash('shard-0')]);
    expect(snapshot.matches({ tended: 'cooling' })).toBe(true);
    expect(effects).toEqual([
      ['report', { type: 'failed' }],
      ['coolDown', { addresses: ['ranker', 'trainer', 'shard-1', 'shard-0'] }],
      ['escalate', undefined],
    ]);
  });

  test('forgets crashes that left the window', () => {
    const { snapshot } = walk([crash('trainer'), crash('ranker'), crash('ranker', 1_000)]);
    expect(snapshot.matches({ tended: 'supervising' })).toBe(true);
    expect(snapshot.context.crashesAtMs).toEqual([1_000]);
  });

  test('is tried once after its cool-down, and not for a new round of crashes', () => {
    const clock = new SimulatedClock();
    const effects: string[] = [];
    const note = (name: string) => () => void effects.push(name);
    const machine = groupMachine.provide({
      actions: {
        restart: note('restart'),
        coolDown: note('coolDown'),
        escalate: note('escalate'),
        report: () => undefined,
      },
    });
    const group = createActor(machine, { input: policy, clock }).start();
    for (const event of [members, crash('trainer'), crash('trainer'), crash('trainer')])
      group.send(event);
    group.send(crash('trainer', 499));
    clock.increment(500);
    expect(group.getSnapshot().matches({ tended: 'supervising' })).toBe(true);
    group.send(crash('trainer', 600));
    expect(effects).toEqual(['restart', 'restart', 'coolDown', 'escalate', 'coolDown', 'escalate']);
    group.stop();
  });

  test('stops tier by tier, each with an even share of the time that is left', () => {
    expect(walk([stop]).effects).toEqual([
      ['retire', undefined],
      ['stop', { addresses: ['ranker'], drainMs: 100 }],
    ]);
    expect(walk([stop, stopped('ranker', 200)]).effects).toEqual([
      ['stop', { addresses: ['trainer'], drainMs: 50 }],
    ]);
    const shards = [stop, stopped('ranker', 200), stopped('trainer', 400)];
    expect(walk(shards).effects).toEqual([
      ['stop', { addresses: ['shard-1', 'shard-0'], drainMs: 1 }],
    ]);
    expect(walk([...shards, stopped('shard-0')]).effects).toEqual([]);
    const { snapshot } = walk([...shards, stopped('shard-0'), stopped('shard-1')]);
    expect(snapshot.value).toBe('stopped');
  });

  test('that stops lets nobody be restarted', () => {
    expect(walk([stop, crash('shard-0')]).effects).toEqual([]);
  });

  test('without children is stopped at once', () => {
    const gone = children.map(({ address }) => stopped(address));
    expect(walk([...gone, stop]).snapshot.value).toBe('stopped');
  });
});

test('the decisions are plain functions', () => {
  expect(startOrder([children[2]!, children[1]!, children[0]!])).toEqual([
    children[1],
    children[0],
    children[2],
  ]);
  expect(nextToStop({ children: [], stopAtMs: 5 }, 0)).toEqual({ addresses: [], drainMs: 5 });
  expect(isGroupWithinIntensity({ crashesAtMs: [0, 0], policy }, 999)).toBe(false);
  const { context } = walk([]).snapshot;
  expect(endsTier(context, 'ranker')).toBe(true);
  expect(endsTier(context, 'trainer')).toBe(false);
});
