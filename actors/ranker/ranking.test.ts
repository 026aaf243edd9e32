import { describe, expect, test } from '@jest/globals';
import type { EncodedEntity } from '../../core/features/transform.js';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import { StarlingError } from '../../core/base/errors.js';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { correctedProbability } from '../../core/model/calibration.js';
import { logs, noFacts } from '../../core/joining/event-facts.js';
import { names } from '../../messages/default-names.testkit.js';
import { decode, encode as encoded } from '../../messages/codec.js';
import { parseImpressions } from '../../messages/events.js';
import { parseRankBatchReply, type RankBatch } from '../../messages/ranking.js';
import { Deadline } from '../../runtime/deadline.js';
import { loadBackend } from '../../core/model/backend.js';
import { graphOf } from '../../core/model/graph.js';
import { rowWidth, type ModelSpec } from '../../core/model/network.js';
import { FidDeduper, type Pooling } from '../../core/model/row-gather.js';
import { createScorer } from '../../core/model/scorer.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { createTransform } from '../../core/features/transform.js';
import { IgnoredImpressions } from '../shared/ignored-impressions.js';
import { ImpressionLog } from './impression-log.js';
import { RankAnswers } from './rank-answers.js';
import type { RankingOptions } from './ranking.js';
import { Ranking } from './ranking.js';

const spec = featureSpecOf({
  user: { entity: 'user', source: 'user', kind: 'id' },
  item: { entity: 'item', source: 'item', kind: 'id' },
  device: { entity: 'context', source: 'device', kind: 'id' },
});
const transform = createTransform(spec);
const encode = (entity: 'user' | 'item', id: string) => transform.encodeEntity(entity, id, {});
const noPlan = new FidDeduper().plan(transform.assemble([], [], []), 1);
/** A source gives the same for the same. */
const u = encode('user', 'u');
const clock = new ManualClock();
const version = {
  specHash: '',
  denseVersion: 7,
  trainedThrough: 5,
  parameters: new Float32Array(1),
  outcomes: ['click'],
};

interface Plan {
  readonly featuresDegraded?: boolean;
  readonly rowsDegraded?: boolean;
  readonly isThere?: boolean;
  readonly settingsVersion?: number;
  readonly ignore?: string;
  readonly scores?: readonly number[];
}

function setUp({
  featuresDegraded = false,
  rowsDegraded = false,
  isThere = true,
  settingsVersion = 0,
  scores = [],
}: Plan = {}) {
  const contexts: EncodedEntity[][] = [];
  const shared: EncodedEntity[] = [];
  const options = {
    transform: {
      spec,
      encodeEntity: transform.encodeEntity.bind(transform),
      assemble: (...[users, items, of]: Parameters<typeof transform.assemble>): ExampleBatch => {
        contexts.push([...of]);
        return transform.assemble(users, items, of);
      },
      share: (entities: Parameters<typeof transform.share>[0]) => {
        shared.push(entities.context);
        return transform.share(entities);
      },
    },
    features: {
      get: async (users: readonly string[], items: readonly string[]) => ({
        users: users.map((id) => (id === 'u' ? u : encode('user', id))),
        items: items.map((id) => encode('item', id)),
        degraded: featuresDegraded,
      }),
    },
    rows: {
      find: async (batch: ExampleBatch) => ({
        ...{ rows: new Float32Array(0), pooling: { plan: noPlan, batch, dim: 1, poolings: [] } },
        ...{ through: 6, rerouted: rowsDegraded, degraded: rowsDegraded },
      }),
    },
    versions: { versionFor: (through: number) => (isThere && through >= 5 ? version : undefined) },
    scorer: {
      scoreRows: ({ rowCount }) =>
        Float32Array.from({ length: rowCount }, (_, i) => scores[i] ?? 0.5),
    },
    hedges: { call: () => Promise.reject(new Error('not asked')) },
    networkSize: version.parameters.length,
    scoring: () => ({
      outcomes: ['click'],
      given: [-1],
      values: [undefined],
      weights: [1],
      negativeSamplingRate: 0.1,
      settingsVersion,
    }),
  } satisfies RankingOptions;
  return { ranking: new Ranking(options), options, contexts, shared };
}

const pairs = { users: ['u', 'u'], items: ['a', 'b'], contexts: [{ device: 'phone' }] };

describe('a ranking', () => {
  test('is of probabilities that are corrected for the negatives that were left out', async () => {
    const { ranking } = setUp();
    const { scores, denseVersion, through, degraded } = await ranking.rank(
      pairs,
      new Deadline(clock, 999),
    );
    expect(scores[0]).toBeCloseTo(correctedProbability(0.5, 0.1));
    expect([denseVersion, through, degraded]).toEqual([7, 6, false]);
    expect(ranking.counts).toEqual({ scored: 2, degraded: 0, rowsRerouted: 0 });
  });

  test('scores what all pairs share as if each had it', async () => {
    const { options } = setUp();
    const backend = await loadBackend('kernels');
    const model: ModelSpec = {
      ...{ network: 'fm', slotCount: spec.slots.length, factorDim: 2, hidden: [], heads: 1 },
      denseCount: spec.denseWidth,
    };
    const scorer = createScorer(backend, model);
    const find = async (batch: ExampleBatch) => {
      const plan = new FidDeduper().plan(batch, 1);
      const dim = rowWidth(model);
      const rows = Float32Array.from({ length: plan.uniqueCount * dim }, (_, i) =>
        Math.sin(plan.fids[2 * Math.floor(i / dim)]! + (i % dim)),
      );
      const poolings = spec.slots.map((): Pooling => 'sum');
      const pooling = { plan, batch, dim, poolings };
      return { rows, pooling, through: 6, degraded: false, rerouted: false };
    };
    const parameters = new Float32Array(graphOf(model).layout.size).fill(0.5);
    const versions = { versionFor: () => ({ ...version, parameters }) };
    const networkSize = parameters.length;
    const ranking = new Ranking({ ...options, scorer, rows: { find }, versions, networkSize });
    const rank = (contexts: RankBatch['contexts']) =>
      ranking.rank({ ...pairs, contexts }, new Deadline(clock, 999));
    const once = await rank([{ device: 'phone' }]);
    const each = await rank([{ device: 'phone' }, { device: 'phone' }]);
    expect(once.scores).toEqual(each.scores);
    expect(once.scores[0]).not.toBe(once.scores[1]);
  });

  test('takes one context for all, one for each, or none', async () => {
    const { ranking, contexts, shared } = setUp();
    const one = await ranking.rank(pairs, new Deadline(clock, 999));
    const own = [{ device: 'phone' }, { device: 'tablet' }];
    await ranking.rank({ ...pairs, contexts: own }, new Deadline(clock, 999));
    await ranking.rank({ ...pairs, contexts: [] }, new Deadline(clock, 999));
    // One for all, and none, is scored once.
    expect([contexts.length, shared.length]).toEqual([1, 2]);
    const [each] = contexts;
    expect(each![0]).not.toEqual(each![1]);
    one.examplesOf();
    expect(contexts[1]).toEqual([shared[0], shared[0]]);
  });

  test('has examples of what is to be logged, whole, however it was scored', async () => {
    const { ranking } = setUp();
    const { examplesOf } = await ranking.rank(pairs, new Deadline(clock, 999));
    const phone = transform.encodeEntity('context', '', { device: 'phone' });
    const [a, b] = [encode('item', 'a'), encode('item', 'b')];
    expect(examplesOf()).toEqual(transform.assemble([u, u], [a, b], [phone, phone]));
    expect(examplesOf([1])).toEqual(transform.assemble([u], [b], [phone]));
    const users = ['u', 'v'];
    const mixed = await ranking.rank({ ...pairs, users }, new Deadline(clock, 999));
    const both = transform.assemble([u, encode('user', 'v')], [a, b], [phone, phone]);
    expect(mixed.examplesOf()).toEqual(both);
  });

  test.each([{ featuresDegraded: true }, { rowsDegraded: true }])(
    'says that it is not all it could be: %j',
    async (plan) => {
      const { ranking } = setUp(plan);
      expect(await ranking.rank(pairs, new Deadline(clock, 999))).toMatchObject({ degraded: true });
      expect(ranking.counts.degraded).toBe(1);
    },
  );

  test('waits for the first network', async () => {
    const { ranking } = setUp({ isThere: false });
    await expect(ranking.rank(pairs, new Deadline(clock, 999))).rejects.toMatchObject({
      code: 'NOT_READY',
    });
  });

  test('is not given to who has gone: it must not be logged as shown', async () => {
    const { ranking } = setUp();
    await expect(ranking.rank(pairs, new Deadline(clock, -1))).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    expect(ranking.counts.scored).toBe(0);
  });
});

function answers(
  append: (subject: string, bytes: Uint8Array) => Promise<number>,
  plan?: Plan,
  payloadBytesMax = 2 ** 20,
) {
  const told: unknown[] = [];
  const impressions = new ImpressionLog({
    ...{ bus: { names, clock, append, payloadBytesMax }, spec, timeoutMs: 50 },
    log: { warn: (line: unknown) => void told.push(line) },
    ignored: new IgnoredImpressions({ ignore: plan?.ignore ?? '' }),
  });
  const { ranking } = setUp(plan);
  const rank = (log: RankBatch['log']) => {
    const atMs = new Float64Array(log === 'none' ? 0 : 2);
    const requestIds = log === 'none' ? [] : ['r', 'r'];
    const choose = log === 'chosen' ? { k: 1, exploration: 0 } : undefined;
    const batch = { ...pairs, requestIds, atMs, log, choose, facts: noFacts };
    return made.toBatch(batch, new Deadline(clock, 100));
  };
  const isStranger = (_entity: string, id: string) => id.startsWith('x');
  const made = new RankAnswers({
    ...{ ranking, impressions, dataCenter: 'east', model: 'main', random: () => 0.5 },
    features: { isStranger },
  });
  return { rank, impressions, made, told };
}

describe('an answer of a ranker', () => {
  test('to people has plain numbers, and nothing is logged', async () => {
    const { made, impressions } = answers(async () => 1);
    const { candidates, user, context } = { user: 'u', candidates: ['a', 'b'], context: {} };
    const answer = await made.toPeople({ user, candidates, context }, new Deadline(clock, 999));
    expect(answer).toMatchObject({ modelVersion: 7, dataCenter: 'east', degraded: false });
    expect(answer.scores).toHaveLength(2);
    expect(impressions.counts).toEqual({ logged: 0, unlogged: 0 });
  });

  test('to people says of which candidates nothing is known, and scores them', async () => {
    const { made } = answers(async () => 1);
    const ask = async (candidates: string[]) => {
      const asked = { user: 'u', candidates, context: {} };
      const { scores, warnings } = await made.toPeople(asked, new Deadline(clock, 999));
      expect(scores).toHaveLength(candidates.length);
      return warnings;
    };
    expect(await ask(['a', 'b'])).toEqual([]);
    expect(await ask(['a', 'x1'])).toEqual(['nothing is known of 1 of 2 candidates: x1']);
    expect(await ask(['x1', 'x2', 'x3', 'x4', 'x5', 'x6'])).toEqual([
      'nothing is known of 6 of 6 candidates: x1, x2, x3, x4, x5, …',
    ]);
  });

  test('that need not be logged is not', async () => {
    const { rank, impressions } = answers(async () => 1);
    expect(await rank('none')).toMatchObject({ dataCenter: 'east', denseVersion: 7 });
    expect(impressions.counts.logged).toBe(0);
  });

  test('that must be logged is, or fails', async () => {
    const good = answers(async () => 1);
    expect(await good.rank('required')).toMatchObject({ degraded: false });
    expect(good.impressions.counts).toEqual({ logged: 2, unlogged: 0 });
    const full = answers(() => Promise.reject(new StarlingError('STORAGE_FULL', 'no room')));
    await expect(full.rank('required')).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    await expect(full.rank('required')).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(full.impressions.counts).toEqual({ logged: 0, unlogged: 4 });
    expect(full.told).toHaveLength(1); // Once, until it works again.
  });

  test('that is to be chosen is the best of it, with the impressions that say what it was chosen by', async () => {
    const { rank, impressions } = answers(async () => 1, { scores: [0.25, 0.5] });
    const answer = decode(encoded(await rank('chosen')));
    const { slate, scores } = parseRankBatchReply(answer, 2);
    expect([[...slate!.rows], scores.length]).toEqual([[1], 1]);
    const [bytes, ...others] = slate!.impressions;
    expect(others).toEqual([]);
    const logged = parseImpressions(decode(bytes!), spec);
    expect(logged).toMatchObject({ items: ['b'], users: ['u'], requestIds: ['r'], scores });
    const one = transform.assemble(...([[encode('user', 'u')], [encode('item', 'b')]] as const), [
      transform.encodeEntity('context', '', { device: 'phone' }),
    ]);
    expect(logged.examples).toEqual(one);
    // Who shows it logs it.
    expect(impressions.counts).toEqual({ logged: 0, unlogged: 0 });
  });

  test('that is too long for a message is logged in several', async () => {
    const logged: Uint8Array[] = [];
    const take = async (_subject: string, bytes: Uint8Array) => logged.push(bytes);
    await answers(take).rank('required');
    const all = logged.pop()!.length;
    const { rank, impressions } = answers(take, {}, all);
    await rank('required');
    expect(logged.flatMap((bytes) => parseImpressions(decode(bytes), spec).items)).toEqual([
      ...['a', 'b'],
    ]);
    expect([logged.length, impressions.counts.logged]).toEqual([2, 2]);
  });

  test('of which the log takes only the first of several messages counts those as logged', async () => {
    const logged: Uint8Array[] = [];
    await answers(async (_subject, bytes) => logged.push(bytes)).rank('required');
    let calls = 0;
    const once = async () => {
      if (++calls % 2 === 0) throw new StarlingError('STORAGE_FULL', 'no room');
      return calls;
    };
    const { rank, impressions } = answers(once, {}, logged[0]!.length);
    await expect(rank('required')).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect([calls, impressions.counts]).toEqual([2, { logged: 1, unlogged: 1 }]);
    expect(await rank('offered')).toMatchObject({ degraded: true });
    expect([calls, impressions.counts]).toEqual([4, { logged: 2, unlogged: 2 }]);
  });

  test('names the settings that it was made with, and so do its impressions', async () => {
    const logged: Uint8Array[] = [];
    const take = async (_subject: string, bytes: Uint8Array) => logged.push(bytes);
    const { made, rank } = answers(take, { settingsVersion: 7 });
    expect(await rank('required')).toMatchObject({ settingsVersion: 7 });
    const asked = { user: 'u', candidates: ['a', 'b'], context: {} };
    const answer = await made.toPeople(asked, new Deadline(clock, 999));
    expect(answer).toMatchObject({ settingsVersion: 7 });
    const { facts } = parseImpressions(decode(logged[0]!), spec);
    expect([...facts.settingsVersions]).toEqual([7]);
    // Where there are none, they cost nothing.
    const plain = answers(take);
    expect(await plain.rank('required')).not.toHaveProperty('settingsVersion');
    expect(parseImpressions(decode(logged[1]!), spec).facts).toBe(noFacts);
  });

  test('to bots and staff is logged as such', async () => {
    const logged: Uint8Array[] = [];
    const take = async (_subject: string, bytes: Uint8Array) => logged.push(bytes);
    const { rank } = answers(take, { ignore: 'event.user == "u" && context.device == "phone"' });
    await rank('required');
    const { facts } = parseImpressions(decode(logged[0]!), spec);
    expect([...facts.logs]).toEqual([logs.ignored]);
  });

  test('that is offered to the log leaves without it when it is slow or refuses', async () => {
    expect(await answers(async () => 1).rank('offered')).toMatchObject({ degraded: false });
    const slow = answers(() => new Promise<number>(() => undefined));
    const late = slow.rank('offered');
    await clock.advance(100);
    expect(await late).toMatchObject({ degraded: true });
    const full = answers(() => Promise.reject(new StarlingError('STORAGE_FULL', 'no room')));
    expect(await full.rank('offered')).toMatchObject({ degraded: true });
  });
});
