import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../core/base/manual-clock.testkit.js';
import type { ActorKind } from '../messages/actor-kinds.js';
import type { ProfiledMessage } from '../messages/child-messages.js';
import { profileProcesses, type ProfiledActor } from './process-profiles.js';

const tree = {
  ...{ names: ['(root)'], fileOf: [0], files: [''] },
  ...{ functionOf: [0], parentOf: [0], selfUs: [5] },
};
const seen: ProfiledMessage = { type: 'profiled', profile: { wallMs: 10, cpuMs: 5, tree } };

interface Manner {
  readonly pid: number | null;
  readonly kind: ActorKind;
  /** What it says; undefined: nothing. */
  readonly says?: ProfiledMessage;
  readonly isGone?: boolean;
}

function actor({ pid, kind, says, isGone = false }: Manner, asked: string[]): ProfiledActor {
  const address = `a.${kind}.0`;
  return {
    pid,
    status: () => ({ address, kind, dataCenter: 'a' }),
    profile: (_seconds, heard) => {
      asked.push(address);
      if (says) queueMicrotask(() => heard(says));
      return !isGone;
    },
  };
}

describe('the processes of a host', () => {
  test('are asked once each, whoever is in them', async () => {
    const asked: string[] = [];
    const actors = [
      actor({ pid: 7, kind: 'trainer', says: seen }, asked),
      actor({ pid: 7, kind: 'joiner', says: seen }, asked),
      actor({ pid: 8, kind: 'ranker', says: seen }, asked),
      actor({ pid: null, kind: 'processor', says: seen }, asked),
    ];
    const { processes, missing } = await profileProcesses(actors, 1, new ManualClock());
    expect(asked).toEqual(['a.trainer.0', 'a.ranker.0']);
    expect(missing).toEqual([]);
    expect(processes).toEqual([
      { name: 'a.7', pid: 7, kinds: ['joiner', 'trainer'], wallMs: 10, cpuMs: 5, tree },
      { name: 'a.ranker.0', pid: 8, kinds: ['ranker'], wallMs: 10, cpuMs: 5, tree },
    ]);
  });

  test('that say nothing, or nothing of use, are missing, and the others are there', async () => {
    const clock = new ManualClock();
    const asked: string[] = [];
    const nonsense = { type: 'profiled', profile: { wallMs: 'long' } } as const;
    const actors = [
      actor({ pid: 1, kind: 'ranker', says: seen }, asked),
      actor({ pid: 2, kind: 'trainer' }, asked),
      actor({ pid: 3, kind: 'joiner', isGone: true }, asked),
      actor({ pid: 4, kind: 'processor', says: { type: 'profiled', error: 'no' } }, asked),
      actor({ pid: 5, kind: 'ps-shard', says: nonsense }, asked),
    ];
    const all = profileProcesses(actors, 1, clock);
    await new Promise(setImmediate);
    await clock.advance(11_000);
    const { processes, missing } = await all;
    expect(processes.map(({ pid }) => pid)).toEqual([1]);
    expect([...missing].sort()).toEqual([
      expect.stringContaining('a.joiner.0: has not begun'),
      expect.stringContaining('a.processor.0: no'),
      expect.stringContaining('a.ps-shard.0: '),
      expect.stringContaining('a.trainer.0: a.trainer.0: no answer within 11000 ms'),
    ]);
  });
});
