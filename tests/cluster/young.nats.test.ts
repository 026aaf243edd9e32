import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { actorsOf } from '../../messages/actor-status.js';
import { names } from '../../messages/default-names.testkit.js';
import { LiveCluster } from '../support/live-cluster.js';

/** A shop that asks before there is anything gets answers, and none of them is learned from. */
let live: LiveCluster;
beforeAll(async () => {
  live = await LiveCluster.start();
}, 120_000);
afterAll(() => live.stop());

const impressions = (): number =>
  actorsOf(live.cluster.status().actors, 'joiner').reduce(
    (sum, { stats }) => sum + (stats.impressions ?? 0),
    0,
  );

const asked = async (request: object) =>
  JSON.parse(
    Buffer.from(
      await live.bus.request('starling.recommend', Buffer.from(JSON.stringify(request)), {
        timeoutMs: 5_000,
      }),
    ).toString(),
  ) as object;

describe('a cluster that knows nothing', () => {
  test.each([{ user: 'nobody' }, { visitor: 'v' }, { user: 'u', filter: 'item.year > 1990' }])(
    'answers %j with nothing, and says why',
    async (who) => {
      const { items, warnings } = await live.client.recommend({ ...who, k: 5 });
      expect(items).toEqual([]);
      expect(warnings).toEqual(['there are no items yet: tell them over starling.ingest.items']);
    },
  );

  test('answers the official client the same', async () => {
    const answer = await asked({ user: 'nobody', k: 5 });
    expect(answer).toMatchObject({
      items: [],
      warnings: [expect.stringContaining('no items yet')],
    });
  });

  test('scores what it has never heard of, and says so', async () => {
    const { scores, warnings } = await live.client.rank({ user: 'nobody', candidates: ['a', 'b'] });
    expect(scores).toEqual([expect.any(Number), expect.any(Number)]);
    expect(warnings).toEqual(['nothing is known of 2 of 2 candidates: a, b']);
  });

  test('has learned nothing by that', async () => {
    expect(impressions()).toBe(0);
    const { lastSequence } = await live.bus.streamState(names.stream.raw('east'));
    expect(lastSequence).toBe(0);
  });
});

describe('a cluster that has items, and no events', () => {
  beforeAll(async () => {
    await live.client.ingestItems(['a', 'b', 'c'].map((item, i) => ({ item, year: 1990 + i })));
    await live.until('the items are offered', async () => {
      const { items } = await live.client.recommend({ user: 'u', k: 5, log: false });
      return items.length === 3;
    });
  });

  test.each([{ user: 'nobody' }, { visitor: 'v' }])('offers %j the newest', async (who) => {
    const { items, warnings } = await live.client.recommend({ ...who, k: 5, log: false });
    expect(items.map(({ item }) => item).sort()).toEqual(['a', 'b', 'c']);
    expect(warnings).toEqual(['nothing has been learned yet: popular and new items come first']);
  });

  test.each([
    [{ filter: 'item.year > 2000' }, 'no item fits the filter: it was asked about 3'],
    [{ candidates: ['x'] }, 'no candidate is an item that may be offered'],
    [
      { exclude: ['a', 'b', 'c'] },
      'no item may be offered: each is hidden, not available now, or excluded',
    ],
  ])('answers %j with nothing, and says why', async (request, warning) => {
    const { items, warnings } = await live.client.recommend({ user: 'u', k: 5, ...request });
    expect({ items, warnings }).toEqual({ items: [], warnings: [warning] });
  });

  test('names candidates that it does not know', async () => {
    const { warnings } = await live.client.rank({ user: 'u', candidates: ['a', 'x'] });
    expect(warnings).toEqual(['nothing is known of 1 of 2 candidates: x']);
  });
});
