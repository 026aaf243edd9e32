import { beforeAll, describe, expect, test } from '@jest/globals';
import { CandidateScores } from '../../actors/recommender/candidate-scores.js';
import { SliceTurns } from '../../actors/recommender/slice-turns.js';
import { Recommendations } from '../../actors/recommender/recommendations.js';
import { mix32 } from '../../core/base/hash.js';
import { ItemFilters } from '../../actors/recommender/item-filters.js';
import { Catalog } from '../../core/retrieval/catalog.js';
import { parseRecommend } from '../../messages/public.js';
import type { RankBatch } from '../../messages/ranking.js';
import { outcomeOf } from '../support/outcome.js';

/** Faults of answers that are known and wait for an issue. What is not the fault itself must not fail here. */
const serving = { candidatesMax: 10_000, popularItems: 300, recentItems: 200, exploration: 0.05 };
const limits = { candidatesMax: 10_000, kMax: 1_000 };
const deadline = { share: (part: number, msMax: number) => Math.min(msMax, 1_000 * part) };

/** The same numbers in each run. */
function randomOf(seed: number): () => number {
  let count = seed;
  return () => mix32(++count) / 2 ** 32;
}

/** Items are liked the more the lower their number, so the newest is liked least. */
function recommender(itemCount: number, { exploration = serving.exploration } = {}) {
  const types = { genres: 'list', year: 'number' } as const;
  const catalog = new Catalog(types);
  for (let i = 0; i < itemCount; i++) catalog.put(`${i}`, { genres: ['Comedy'], year: 1990 });
  const asked: RankBatch[] = [];
  const scores = new CandidateScores({
    deadlineMsMax: 800,
    nowMs: () => 5_000,
    rank: async (batch) => {
      asked.push(batch);
      const head = {
        denseVersion: 7,
        through: 1,
        dataCenter: 'east',
        rerouted: false,
        settingsVersion: 0,
        model: 'main',
      };
      const byNumber = Float32Array.from(batch.items, (item) => 1 / (2 + Number(item)));
      return { ...head, degraded: false, predictions: {}, progress: {}, scores: byNumber };
    },
  });
  const recommendations = new Recommendations({
    ...{ catalog, scores, serving: { ...serving, exploration }, random: randomOf(7) },
    filters: new ItemFilters({
      ...{ scope: { item: types, user: {}, context: {} }, nowMs: () => 5_000 },
      ask: () => Promise.reject(new Error('of no user')),
    }),
    attributes: { of: async (items) => items.map(() => ({})) },
    turns: new SliceTurns({ nowMs: () => 0, soon: setImmediate }),
    nowMs: () => 5_000,
    lately: { itemsOf: async () => ({ items: new Set(), degraded: false }) },
    newId: () => 'new',
    placed: (id) => id,
    itemsSubject: 'starling.ingest.items',
  });
  const recommend = async (request: object = {}): Promise<string[]> => {
    const parsed = parseRecommend({ user: 'u', k: 10, ...request }, limits);
    return (await recommendations.recommend(parsed, deadline)).items.map(({ item }) => item);
  };
  return { recommend, asked };
}

describe('a user who asks twice, of 200,000 items', () => {
  let shared: number;
  beforeAll(async () => {
    const { recommend } = recommender(200_000, { exploration: 0 });
    const [first, second] = [await recommend(), await recommend()];
    expect([first.length, second.length]).toEqual([10, 10]);
    shared = first.filter((item) => second.includes(item)).length;
  });

  test.failing('gets nearly the same answer (waits for issue 21)', () =>
    expect(shared).toBeGreaterThanOrEqual(8),
  );
});

describe('a new item that the model thinks little of', () => {
  let shown = 0;
  beforeAll(async () => {
    const { recommend } = recommender(1_682);
    let others = 0;
    for (let i = 0; i < 100; i++) {
      const items = await recommend();
      others += items.length;
      shown += items.filter((item) => item === '1681').length;
    }
    expect(others).toBe(1_000);
  });

  test.failing('is shown within a hundred answers (waits for issue 21)', () =>
    expect(shown).toBeGreaterThan(0),
  );
});

describe('a filter on a feature that does not exist', () => {
  let outcome: string;
  beforeAll(async () => {
    const { recommend } = recommender(20);
    expect(await recommend({ filter: { genres: 'Comedy' } })).toHaveLength(10);
    const answer = recommend({ filter: { genre: 'Comedy' } });
    outcome = await answer.then(
      (items) => `${items.length} items`,
      (error: Error) => error.message,
    );
  });

  test('is refused, and the nearest feature is named', () => expect(outcome).toMatch(/genres/));
});

describe('a range in a filter', () => {
  let outcome: string;
  beforeAll(async () => {
    const { recommend } = recommender(20);
    outcome = await outcomeOf(recommend({ filter: { year: { min: 1980 } } }), /filter/);
  });

  test('is understood, or the refusal says what is', () =>
    expect(outcome).toMatch(/expected an expression such as 'item.price <= 50'/));
});

describe('a request that is a probe', () => {
  let logged: number;
  beforeAll(async () => {
    const { recommend, asked } = recommender(20);
    expect(await recommend({ log: false })).toHaveLength(10);
    logged = asked.filter(({ log }) => log !== 'none').length;
  });

  test('teaches nothing', () => expect(logged).toBe(0));
});
