import { expect, test } from '@jest/globals';
import type { ClusterStatus } from '../messages/cluster-status.js';
import { countsNow, sentTable } from './sent-table.js';

const zeros = {
  ...{ actions: 0, joinedActions: 0, repeatedActions: 0, organicActions: 0, historyActions: 0 },
  ...{ lateActions: 0, orphanActions: 0, passedActions: 0, erasedActions: 0, heldActions: 0 },
  ...{ ignoredActions: 0, duplicates: 0, received: 0 },
};

/** A cluster whose joiner says these figures one after the other, and the last for ever. */
function clientSaying(...figures: object[]) {
  let at = 0;
  return {
    status: () => {
      const stats = { ...zeros, ...figures[Math.min(at++, figures.length - 1)] };
      const actors = [{ address: 'train.joiner.0', kind: 'joiner', stats }];
      return Promise.resolve({ actors } as unknown as ClusterStatus);
    },
  };
}

const events = [
  { type: 'view', item: 'a', id: '1' },
  { type: 'view', item: 'a', id: '1' },
  { type: 'cart', item: 'b' },
  { item: 'c' },
];

test('each event that was sent is in one part, and what became of all since is told when it is known', async () => {
  const client = clientSaying(
    { actions: 10, organicActions: 10 },
    { actions: 12, organicActions: 10, heldActions: 2 },
    { actions: 13, organicActions: 11, historyActions: 2, duplicates: 1 },
  );
  const before = await countsNow(client);
  expect(await sentTable(client, events, { accepted: 4, repeated: 1 }, before)).toEqual([
    'rows of events: 4 = 1 view + 1 cart + 1 click + 1 repeated',
    'all events since: 3 = 1 learned of their own accord + 2 of their own accord, not learned',
  ]);
});

test('where nobody could say before what there was, only what was sent is told', async () => {
  const client = { status: () => Promise.reject(new Error('nobody leads')) };
  const before = await countsNow(client);
  expect(await sentTable(client, events.slice(2), { accepted: 2, repeated: 0 }, before)).toEqual([
    'rows of events: 2 = 1 cart + 1 click',
  ]);
});
