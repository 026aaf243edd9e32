import { expect, test } from '@jest/globals';
import type { ActorStatus } from '../messages/actor-status.js';
import { clockLines } from './clock-lines.js';

const processor = (index: number, stats: object): ActorStatus => ({
  ...{ address: `train.processor.${index}`, kind: 'processor', dataCenter: 'train', host: 'here' },
  ...{ pid: 7, state: 'ready', epoch: 1, restarts: 0, sinceMs: 0, partitions: [] },
  stats,
});

test('whose clock is ahead is named, and by how much, the furthest first, over all processors', () => {
  const actors = [
    processor(0, {
      ...{ putBack: 3, putBackMsMax: 3_540_000 },
      putBackBy: {
        'user sender-9': { events: 2, aheadMsMax: 3_540_000 },
        'visitor c9': { events: 1, aheadMsMax: 61_000 },
      },
    }),
    processor(1, {
      putBack: 998,
      putBackBy: {
        'rankers of east': { events: 997, aheadMsMax: 90_000_000 },
        'user sender-9': { events: 1, aheadMsMax: 3_000 },
      },
    }),
  ];
  expect(clockLines({ actors })).toEqual([
    'clocks ahead: 1,001 events were put back to the time of acceptance: rankers of east 25 h (997), user sender-9 59 min (3), visitor c9 61 s (1)',
  ]);
  expect(clockLines({ actors: [processor(0, { putBack: 1 })] })).toEqual([
    'clocks ahead: 1 event was put back to the time of acceptance',
  ]);
});

test('nothing is said where all clocks are right, and where nobody has told yet', () => {
  expect(clockLines({ actors: [processor(0, { putBack: 0, putBackBy: {} })] })).toEqual([]);
  expect(clockLines({ actors: [processor(0, {})] })).toEqual([]);
});
