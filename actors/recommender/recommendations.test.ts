import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import { Catalog } from '../../core/retrieval/catalog.js';
import type { RankBatch, RankBatchReply } from '../../messages/ranking.js';
import { parseRecommend } from '../../messages/public.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { FeaturesRequest } from '../../messages/features.js';
import { noneKept } from '../../messages/features.js';
import { chooseSlate } from '../../core/retrieval/slate.js';
import { CandidateScores } from './candidate-scores.js';
import { ItemFilters } from './item-filters.js';
import { LatelyDone } from './lately-done.js';
import { SliceTurns } from './slice-turns.js';
import { ShownAttributes } from './shown-attributes.js';
import { Recommendations } from './recommendations.js';

const serving = { candidatesMax: 5_000, popularItems: 10, recentItems: 10, exploration: 0 };
/** Looks at it cost nothing; `passes` may say otherwise. */
let elapsedMs = 0;
let passesMs = 0;
const clock = {
  nowMs: () => (elapsedMs += passesMs),
  soon: (run: () => void) => void setImmediate(run),
};
const limits = { candidatesMax: 5_000, kMax: 100 };
const config = parseClusterConfig({ features: { item: { entity: 'item', kind: 'id' } } });
const deadline = { share: (part: number, msMax: number) => Math.min(msMax, 1_000 * part) };
const head = { denseVersion: 7, through: 1, dataCenter: 'east', rerouted: false, degraded: false };
const unset = { settingsVersion: 0 };

type Answer = (batch: RankBatch) => Partial<RankBatchReply>;

/** What a ranker chooses; it says how each of it is logged. */
function chosenOf({ items, choose }: RankBatch, scores: Float32Array): Partial<RankBatchReply> {
  if (!choose) return {};
  const rows = chooseSlate({ candidates: items, scores, ...choose, random: () => 0 });
  const impressions = rows.map((row) => Buffer.from(items[row]!));
  return {
    scores: Float32Array.from(rows, (row) => scores[row]!),
    slate: { rows: Uint32Array.from(rows), impressions },
  };
}

/** Items score by their number; `answer` may say more, or throw. */
function setUp(
  itemCount: number,
  answer: Answer = () => ({}),
  done: readonly string[] | Error = [],
) {
  const catalog = new Catalog({ even: 'text', number: 'number' });
  for (let i = 0; i < itemCount; i++) catalog.put(`${i}`, { even: i % 2 === 0 ? 'yes' : 'no' });
  const asked: { batch: RankBatch; deadlineMs: number }[] = [];
  const scores = new CandidateScores({
    deadlineMsMax: 800,
    rowsMax: 2_048,
    nowMs: () => 5_000,
    rank: async (batch, deadlineMs) => {
      asked.push({ batch, deadlineMs });
      const byNumber = Float32Array.from(batch.items, (item) => Number(item) / 10_000);
      return {
        ...head,
        ...unset,
        model: 'main',
        predictions: {},
        progress: {},
        scores: byNumber,
        ...chosenOf(batch, byNumber),
        ...answer(batch),
      };
    },
  });
  const random = () => 0;
  const logged: string[] = [];
  const log = { takes: true };
  const impressions = {
    offer: async (messages: readonly Uint8Array[]) => {
      if (log.takes) logged.push(...messages.map((bytes) => Buffer.from(bytes).toString()));
      return log.takes;
    },
  };
  const asks: FeaturesRequest[] = [];
  const looked: string[] = [];
  const lately = new LatelyDone({
    config: { ...config, events: { view: { negative: false }, buy: { negative: false } } },
    nowMs: () => 10 * 3_600_000,
    ask: async (request) => {
      asks.push(request);
      if (done instanceof Error) throw done;
      return { sequence: 0, users: [null], items: [], kept: noneKept, lately: [done] };
    },
  });
  const recommendations = new Recommendations({
    ...{ catalog, scores, impressions, serving, random, lately, turns: new SliceTurns(clock) },
    filters: new ItemFilters({
      scope: { item: { even: 'text', number: 'number' }, user: {}, context: {} },
      nowMs: () => 5_000,
      ask: () => Promise.reject(new Error('of no user')),
    }),
    attributes: new ShownAttributes({
      ask: async ({ items, attributes = [] }) => {
        if (done instanceof Error) throw done;
        looked.push(...items);
        const image = Float32Array.of(0.1, 2);
        const known = items.map((item) => ({ title: `of ${item}`, stock: 3, image }));
        const named = known.map((each) =>
          Object.fromEntries(Object.entries(each).filter(([name]) => attributes.includes(name))),
        );
        return { sequence: 0, users: [], items: named, kept: noneKept, lately: [] };
      },
    }),
    nowMs: () => 5_000,
    newId: () => 'new',
    placed: (id) => id,
    itemsSubject: 'shop.ingest.items',
  });
  const recommend = (request: object) =>
    recommendations.recommend(parseRecommend({ user: 'u', ...request }, limits), deadline);
  return { recommend, asked, asks, looked, logged, log, catalog, recommendations };
}

describe('recommendations', () => {
  test('say vectors as lists', async () => {
    const { items } = await setUp(5).recommend({ k: 1, attributes: ['image', 'stock'] });
    expect(items[0]!.attributes).toEqual({ image: [0.1, 2], stock: 3 });
  });

  test('that look at many items let others in between, and end in time with what they have', async () => {
    const { recommend } = setUp(20_000);
    const filter = 'item.even == "no" && item.even == "yes"';
    const order: string[] = [];
    const many = recommend({ k: 3, filter }).then((found) => {
      order.push('many');
      return found;
    });
    const few = recommend({ k: 3 }).then(() => order.push('few'));
    expect(await many).toMatchObject({
      items: [],
      degraded: false,
      stages: { candidates: 20_000 },
    });
    await few;
    expect(order).toEqual(['few', 'many']);
    passesMs = 150;
    try {
      const found = await recommend({ k: 3, filter: 'item.even == "yes"' });
      expect(found).toMatchObject({ degraded: true, items: [{}, {}, {}] });
      expect(found.stages!.candidates).toBeLessThan(20_000);
    } finally {
      passesMs = 0;
    }
  });

  test('are the best of the candidates, which one ranker scores and chooses, and are logged as it says', async () => {
    const { recommend, asked, logged, recommendations } = setUp(50, () => ({
      scores: Float32Array.of(0.9, 0.8, 0.7),
    }));
    const { items, requestId, modelVersion, degraded } = await recommend({ k: 3 });
    expect(items.map(({ item }) => item)).toEqual(['49', '48', '47']);
    expect(items[0]!.score).toBeCloseTo(0.9);
    expect([requestId, modelVersion, degraded]).toEqual(['new', 7, false]);
    expect(logged).toEqual(['49', '48', '47']);
    expect(asked).toHaveLength(1);
    const { batch } = asked[0]!;
    expect(batch).toMatchObject({ log: 'chosen', choose: { k: 3, exploration: 0 } });
    expect([new Set(batch.requestIds), new Set(batch.atMs)]).toEqual([
      new Set(['new']),
      new Set([5_000]),
    ]);
    expect(recommendations.counts).toEqual({ recommended: 3, degraded: 0, rowsRerouted: 0 });
  });

  test('are chosen here, and then logged by a ranker, where rankers of an earlier release can not', async () => {
    const { recommend, asked, logged } = setUp(50, ({ log }) => {
      if (log === 'chosen') throw new StarlingError('BAD_MESSAGE', 'rank batch.log: got "chosen"');
      return log === 'offered' ? { scores: Float32Array.of(0.9, 0.8, 0.7) } : {};
    });
    const { items, degraded } = await recommend({ k: 3 });
    expect(items.map(({ item }) => item)).toEqual(['49', '48', '47']);
    expect(items[0]!.score).toBeCloseTo(0.9);
    expect(asked.map(({ batch }) => batch.log)).toEqual(['chosen', 'none', 'offered']);
    expect(asked[2]!.batch.items).toEqual(['49', '48', '47']);
    expect([logged, degraded]).toEqual([[], false]);
  });

  test('that are not to be logged are not', async () => {
    const { recommend, asked, logged } = setUp(50);
    const { items, requestId } = await recommend({ k: 3, log: false });
    expect(items.map(({ item }) => item)).toEqual(['49', '48', '47']);
    expect([requestId, logged, asked.map(({ batch }) => batch.log)]).toEqual(['', [], ['none']]);
  });

  test('share their candidates between rankers, and know their oldest network', async () => {
    const { recommend, asked } = setUp(5_000, ({ items, log }) =>
      log === 'none' ? { denseVersion: items.length } : { denseVersion: 3 },
    );
    const { items, modelVersion } = await recommend({ k: 1 });
    expect(asked.map(({ batch }) => batch.items.length)).toEqual([2048, 2048, 904, 1]);
    expect(items[0]!.item).toBe('4999');
    expect(modelVersion).toBe(3);
  });

  test('leave out what is excluded, filtered or not asked for', async () => {
    const { recommend } = setUp(20);
    const first = await recommend({ k: 2, filter: { even: 'yes' }, exclude: ['18'] });
    expect(first.items.map(({ item }) => item)).toEqual(['16', '14']);
    const own = { candidates: ['3', '4', '4', 'unknown'], filter: { even: 'yes' } };
    const second = await recommend({ k: 5, ...own });
    expect(second.items.map(({ item }) => item)).toEqual(['4']);
  });

  test('say what they are called where that is asked, and look at nothing else', async () => {
    const { recommend, looked } = setUp(50);
    const { items } = await recommend({ k: 2, attributes: ['title', 'url'] });
    expect(items.map(({ attributes }) => attributes)).toEqual([
      { title: 'of 49' },
      { title: 'of 48' },
    ]);
    expect(looked).toEqual(['49', '48']);
    expect((await recommend({ k: 2 })).items[0]).not.toHaveProperty('attributes');
    expect(looked).toHaveLength(2);
  });

  test('are not of items that are hidden, gone, not available, or in no catalog', async () => {
    const { recommend, catalog } = setUp(10);
    catalog.put('9', { hidden: true }, 'patch');
    catalog.remove('8');
    catalog.put('7', { availableFrom: new Date(5_001).toISOString() }, 'patch');
    catalog.put('6', { availableUntil: new Date(5_001).toISOString() }, 'patch');
    catalog.setPopular(['8', 'clicked', '9']);
    const ids = async (request: object) => (await recommend(request)).items.map(({ item }) => item);
    expect(await ids({ k: 3 })).toEqual(['6', '5', '4']);
    expect(await ids({ k: 9, candidates: ['9', '8', 'clicked', '7', '3'] })).toEqual(['3']);
  });

  test('are refused where the filter names what items do not have', async () => {
    const { recommend } = setUp(5);
    await expect(recommend({ filter: { evn: 'yes' } })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: 'filter: item.evn: no such attribute; nearest: even',
    });
  });

  test('say what became of candidates where there is a filter', async () => {
    const { recommend, catalog } = setUp(10);
    catalog.put('9', { number: 9 }, 'patch');
    catalog.put('8', { number: 3 }, 'patch');
    const { items, stages } = await recommend({ k: 3, filter: 'item.number > 3' });
    expect(items.map(({ item }) => item)).toEqual(['9']);
    expect(stages).toEqual({ candidates: 10, filtered: 9, missing: { 'item.number': 8 } });
    const none = await recommend({ k: 3, filter: { even: 'never' } });
    expect(none).toMatchObject({ items: [], stages: { candidates: 10, filtered: 10 } });
    expect(await recommend({ k: 3 })).not.toHaveProperty('stages');
  });

  test('are shown all the same where nobody can log them, and say so', async () => {
    const { recommend, log, recommendations } = setUp(20, () => ({ rerouted: true }));
    log.takes = false;
    const { items, degraded } = await recommend({ k: 2 });
    expect(items.map(({ score }) => score.toFixed(4))).toEqual(['0.0019', '0.0018']);
    expect(degraded).toBe(true);
    expect(recommendations.counts).toEqual({ recommended: 2, degraded: 1, rowsRerouted: 1 });
    const many = setUp(3_000, ({ log: how }) => {
      if (how === 'offered') throw new StarlingError('TIMEOUT', 'too late');
      return {};
    });
    expect(await many.recommend({ k: 2 })).toMatchObject({ degraded: true, requestId: 'new' });
  });

  test('fail with what no other ranker would say otherwise', async () => {
    for (const [count, wrong] of [
      [20, 'chosen'],
      [3_000, 'offered'],
    ] as const) {
      const { recommend } = setUp(count, ({ log }) => {
        if (log === wrong) throw new StarlingError('SPEC_MISMATCH', 'of another model');
        return {};
      });
      await expect(recommend({ k: 2 })).rejects.toMatchObject({ code: 'SPEC_MISMATCH' });
    }
  });

  test('are none where nothing fits, and where there is nothing at all', async () => {
    const none = await setUp(20).recommend({ k: 2, filter: { even: 'perhaps' }, requestId: 'r' });
    expect(none).toMatchObject({ items: [], requestId: 'r', modelVersion: 0 });
    expect(await setUp(0).recommend({ k: 2 })).toMatchObject({ items: [], modelVersion: 0 });
  });

  test.each<[string, number, object, string]>([
    ['no items', 0, {}, 'there are no items yet: tell them over shop.ingest.items'],
    [
      'a filter',
      6,
      { filter: { even: 'perhaps' } },
      'no item fits the filter: it was asked about 6',
    ],
    ['candidates', 6, { candidates: ['x'] }, 'no candidate is an item that may be offered'],
    [
      'exclude',
      1,
      { exclude: ['0'] },
      'no item may be offered: each is hidden, not available now, or excluded',
    ],
  ])('say why there are none: %s', async (_why, count, request, warning) => {
    const { items, warnings } = await setUp(count).recommend({ k: 2, ...request });
    expect({ items, warnings }).toEqual({ items: [], warnings: [warning] });
  });

  test('say that all was done lately, and that nothing has been learned yet, and nothing otherwise', async () => {
    const done = await setUp(2, undefined, ['0', '1']).recommend({ k: 2 });
    expect(done.warnings).toEqual(['all candidates are left out by what the user did lately']);
    const young = await setUp(2, () => ({ denseVersion: 0 })).recommend({ k: 2 });
    expect(young.warnings).toEqual([
      'nothing has been learned yet: popular and new items come first',
    ]);
    expect((await setUp(2).recommend({ k: 2 })).warnings).toEqual([]);
  });

  test.each(['NOT_READY', 'NO_RESPONDERS', 'UNAVAILABLE', 'TIMEOUT', 'OVERLOADED'] as const)(
    'are popular and new items where rankers say %s, which nobody logs',
    async (code) => {
      const { recommend, asked, catalog } = setUp(
        30,
        () => {
          throw new StarlingError(code, 'nobody can score');
        },
        ['29'],
      );
      catalog.setPopular(['7', '29', '3']);
      const { items, warnings, ...answer } = await recommend({ k: 4, requestId: 'r' });
      expect(items.map(({ item }) => item)).toEqual(['7', '3', '28', '27']);
      expect(warnings).toEqual([
        'no network could be asked: popular and new items, not ordered for this user',
      ]);
      expect(answer).toMatchObject({ degraded: true, modelVersion: 0, requestId: 'r' });
      expect(asked.map(({ batch }) => batch.log)).toEqual(['chosen']);
      // No event can name what nobody logged.
      expect(await recommend({ k: 4 })).toMatchObject({ requestId: '', degraded: true });
    },
  );

  test('give rankers half of the time for scores, and most of it for the log', async () => {
    const { recommend, asked } = setUp(3_000);
    await recommend({ k: 1 });
    expect(asked.map(({ deadlineMs }) => deadlineMs)).toEqual([500, 500, 800]);
    const few = setUp(20);
    await few.recommend({ k: 1 });
    expect(few.asked.map(({ deadlineMs }) => deadlineMs)).toEqual([500]);
  });

  test('leave out what was liked a moment ago, and more where that is asked for', async () => {
    const { recommend, asks } = setUp(10, undefined, ['9', '7']);
    const ids = async (request: object) => (await recommend(request)).items.map(({ item }) => item);
    expect(await ids({ k: 3 })).toEqual(['8', '6', '5']);
    expect(await ids({ k: 10, exclude: { items: ['8'], events: ['buy'], within: '2h' } })).toEqual([
      '6',
      '5',
      '4',
      '3',
      '2',
      '1',
      '0',
    ]);
    expect(await ids({ k: 3, candidates: ['9', '7', '1'] })).toEqual(['1']);
    expect(await ids({ k: 3, candidates: ['9', '7'] })).toEqual([]);
    expect(asks.slice(0, 2)).toEqual([
      { users: ['u'], items: [], lately: { types: ['view', 'buy'], sinceMs: 9.5 * 3_600_000 } },
      { users: ['u'], items: [], lately: { types: ['buy'], sinceMs: 8 * 3_600_000 } },
    ]);
    await recommend({ exclude: { events: [] } });
    expect(asks).toHaveLength(4);
    await expect(recommend({ exclude: { events: ['buys'] } })).rejects.toThrow(
      /view, buy; got "buys"/,
    );
    expect(() => recommend({ exclude: { within: 'long' } })).toThrow(/exclude/);
  });

  test('do without that, and say so, where nobody knows in time', async () => {
    const late = new StarlingError('TIMEOUT', 'the store is away');
    const { recommend } = setUp(5, undefined, late);
    const { items, degraded } = await recommend({ k: 2, attributes: ['title'] });
    expect([items.map(({ item }) => item), degraded]).toEqual([['4', '3'], true]);
    expect(items[0]).not.toHaveProperty('attributes');
  });
});
