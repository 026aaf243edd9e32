import { expect, test } from '@jest/globals';
import type { ActorStatus } from '../messages/actor-status.js';
import { bookLines } from './event-books.js';

const joiner = (index: number, stats: object): ActorStatus => ({
  ...{ address: `train.joiner.${index}`, kind: 'joiner', dataCenter: 'train', host: 'here' },
  ...{ pid: 7, state: 'ready', epoch: 1, restarts: 0, sinceMs: 0, partitions: [] },
  stats: { ...zeros, ...stats },
});

const zeros = {
  ...{ actions: 0, joinedActions: 0, repeatedActions: 0, organicActions: 0, historyActions: 0 },
  ...{ lateActions: 0, orphanActions: 0, passedActions: 0, erasedActions: 0, heldActions: 0 },
  ignoredActions: 0,
  ...{ duplicates: 0, received: 0, impressions: 0, lateImpressions: 0, positives: 0 },
  ...{ ignoredImpressions: 0 },
  ...{ negatives: 0, negativesDropped: 0, notSeen: 0, erased: 0, open: 0 },
};

test('every event is in one part, of all joiners together, and what is 0 goes without saying', () => {
  const actors = [
    joiner(0, { actions: 1_005, joinedActions: 5, organicActions: 990, passedActions: 10 }),
    joiner(1, { actions: 12, organicActions: 10, heldActions: 2, duplicates: 3 }),
  ];
  expect(bookLines({ actors })).toEqual([
    'events: 1,007 = 5 answered a slate + 1,000 learned of their own accord + 2 wait',
    'came again: 3',
  ]);
});

test('nothing is said before anything has come, and where a joiner has not told yet', () => {
  expect(bookLines({ actors: [joiner(0, {})] })).toEqual([]);
  expect(bookLines({ actors: [{ ...joiner(0, {}), stats: {} }] })).toEqual([]);
});

test('of several outcomes each has its line and its rate, over all joiners', () => {
  const view = { positives: 3, negatives: 1, open: 2, notSeen: 1 };
  const purchase = { positives: 1, negatives: 2, notGiven: 1, open: 3 };
  const actors = [0, 1].map((index) =>
    joiner(index, { impressions: 7, ...view, outcomes: { view, purchase } }),
  );
  expect(bookLines({ actors }).slice(1)).toEqual([
    'outcome view: 14 = 6 positives + 2 negatives + 2 never on screen + 4 open; 75.00 % of what is known',
    'outcome purchase: 14 = 2 positives + 4 negatives + 2 not given + 6 open; 33.33 % of what is known',
  ]);
  const [first] = actors;
  expect(bookLines({ actors: [first!, joiner(1, {})] })).toHaveLength(1);
});

test('one outcome has no line beside that of the impressions', () => {
  const actors = [joiner(0, { impressions: 1, open: 1, outcomes: {} })];
  expect(bookLines({ actors })).toEqual(['impressions: 1 = 1 open']);
});
