import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import clusterConfig from '../../cluster.config.js';
import { featureSpecOf } from '../features/feature-spec.js';
import { createTransform } from '../features/transform.js';
import { clusterSchema, defineCluster, parseClusterConfig } from './schema.js';

const features = {
  user: { entity: 'user', kind: 'id' },
  item: { entity: 'item', kind: 'id' },
} as const;

/** The message of the error that `input` gives. */
function refusal(input: unknown): string {
  try {
    parseClusterConfig(input);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return (error as Error).message;
  }
  throw new Error('the configuration was accepted');
}

describe('a configuration', () => {
  test('needs nothing but features', () => {
    const config = parseClusterConfig({ features });
    expect(config).toMatchObject({
      name: 'starling',
      partitions: 8,
      model: { network: 'deepfm', factorDim: 16, hidden: [64], rows: { learningRate: 0.05 } },
      actors: { 'ps-shard': 2, 'dense-shard': 1, ranker: 2, recommender: 1 },
      joining: { windowMs: 1_800_000, negativeSamplingRate: 1 },
      supervision: { heartbeatMs: 500, backoffMs: { base: 100, max: 5000 } },
      nats: { ports: 'auto', payloadBytesMax: 8_388_608 },
    });
    expect(config.dataCenters.map(({ name }) => name)).toEqual(['train', 'east', 'west']);
    expect(config.features['user']).toEqual({ entity: 'user', kind: 'id', source: 'user' });
  });

  test('shares no default list between two configurations', () => {
    const [a, b] = [parseClusterConfig({ features }), parseClusterConfig({ features })];
    a.model.hidden.push(1);
    a.dataCenters.pop();
    expect(b.model.hidden).toEqual([64]);
    expect(b.dataCenters).toHaveLength(3);
  });

  test('once parsed, is the same after JSON and parsing again', () => {
    const input = defineCluster({
      features: {
        ...features,
        price: { entity: 'item', kind: 'dense', normalisation: 'log1p', source: 'cost' },
        age: {
          entity: 'user',
          kind: 'dense',
          normalisation: { method: 'standard', mean: 30, deviation: 10 },
        },
        genres: { entity: 'item', kind: 'ids' },
        gender: { entity: 'user', kind: 'vocabulary', values: ['F', 'M'] },
      },
      nats: { ports: { base: 4300 } },
    });
    const config = parseClusterConfig(input);
    expect(parseClusterConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
    expect(config.features).toMatchObject({
      price: { source: 'cost', normalisation: { method: 'log1p' } },
      genres: { pooling: 'mean', valuesMax: 32 },
      gender: { other: true },
    });
  });

  test('the one at the root of the project is right, and encodes films', () => {
    const { features: declared } = parseClusterConfig(clusterConfig);
    const transform = createTransform(featureSpecOf(declared));
    const film = transform.encodeEntity('item', '1', { year: '1995', genres: 'Comedy|Drama' });
    expect([...film.counts]).toEqual([2, 1, 1]); // genres, item, year
    const viewer = { age: '24', gender: 'M', occupation: 'technician' };
    expect([...transform.encodeEntity('user', '1', viewer).counts]).toEqual([1, 1, 1, 1]);
  });

  test('every field says what it means', () => {
    const schema = z.toJSONSchema(clusterSchema, { io: 'input' });
    expect(undescribed(schema, '')).toEqual([]);
    // The check itself can fail.
    expect(undescribed(z.toJSONSchema(z.object({ a: z.number() })), '')).toEqual(['.a']);
  });
});

describe('a wrong configuration is refused with the field and what is allowed', () => {
  const feature = (declaration: unknown) => ({ features: { ...features, genres: declaration } });
  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'configuration: expected an object with name, dataCenters, features'],
    ['no features', {}, 'features: expected an object of features by name'],
    [
      'an unknown kind',
      feature({ entity: 'item', kind: 'foo' }),
      'features.genres.kind: expected one of id, ids, vocabulary, buckets, dense, vector, history, count, rate, mean; got "foo"',
    ],
    [
      'a vector without a length',
      feature({ entity: 'item', kind: 'vector' }),
      'features.genres.length: expected an integer from 1 to 4096; got nothing',
    ],
    [
      'a missing kind',
      feature({ entity: 'item' }),
      'features.genres.kind: expected one of id, ids, vocabulary, buckets, dense, vector, history, count, rate, mean; got nothing',
    ],
    [
      'an unknown entity',
      feature({ entity: 'film', kind: 'id' }),
      'features.genres.entity: expected one of user, item, context; got "film"',
    ],
    [
      'a misspelt key',
      { features, modle: {} },
      'configuration: unknown key "modle", did you mean "model"?',
    ],
    [
      'swapped letters deep inside',
      { features, actors: { 'ps-shrad': 4 } },
      'actors: unknown key "ps-shrad", did you mean "ps-shard"?',
    ],
    [
      'a key like no other',
      { features, sync: { compression: true } },
      'sync: unknown key "compression", known: sparseMsMax, denseMsMax, flushRowsMax',
    ],
    [
      'a key of another kind of feature',
      feature({ entity: 'item', kind: 'id', pooling: 'sum' }),
      'features.genres: unknown key "pooling", known: entity, source, kind',
    ],
    [
      'a number too low',
      { features, partitions: 0 },
      'partitions: expected an integer from 1 to 4096; got 0',
    ],
    [
      'a fraction',
      { features, training: { batchRowsMax: 1.5 } },
      'training.batchRowsMax: expected an integer from 1 to 65536; got 1.5',
    ],
    [
      'a number as text',
      { features, model: { rows: { learningRate: '0.1' } } },
      'model.rows.learningRate: expected a number above 0 and at most 10; got "0.1"',
    ],
    [
      'NaN',
      { features, serving: { exploration: NaN } },
      'serving.exploration: expected a number from 0 to 1; got NaN',
    ],
    [
      'an item of a list',
      { features, model: { hidden: [64, 0] } },
      'model.hidden[1]: expected an integer from 1 to 4096; got 0',
    ],
    [
      'boundaries that go down',
      feature({ entity: 'item', kind: 'buckets', boundaries: [3, 2] }),
      'features.genres.boundaries: expected a list of 1 to 10000 finite numbers in ascending order; got [3,2]',
    ],
    [
      'a word listed twice',
      feature({ entity: 'item', kind: 'vocabulary', values: ['a', 'a'] }),
      'features.genres.values: expected a list of 1 to 10000 different strings, none empty; got ["a","a"]',
    ],
    [
      'a deviation of 0',
      feature({
        entity: 'item',
        kind: 'dense',
        normalisation: { method: 'standard', mean: 1, deviation: 0 },
      }),
      'features.genres.normalisation.deviation: expected a number above 0; got 0',
    ],
    [
      'an unknown normalisation',
      feature({ entity: 'item', kind: 'dense', normalisation: 'log' }),
      "features.genres.normalisation: expected 'quantiles', 'none', 'log1p', {method: 'log1p', scale}, {method: 'standard', mean, deviation > 0}",
    ],
    [
      'min above max',
      feature({
        entity: 'item',
        kind: 'dense',
        normalisation: { method: 'minmax', min: 2, max: 1 },
      }),
      'features.genres.normalisation: expected min below max; got {"method":"minmax"',
    ],
    [
      'a feature name with a space',
      { features: { ...features, 'my genres': { entity: 'item', kind: 'ids' } } },
      'features.my genres: expected a feature name of letters',
    ],
    ['a feature that is text', feature('ids'), 'features.genres: expected a feature such as'],
    [
      'a name with capitals',
      { features, name: 'Shop' },
      'names that differ in case alone would share their streams; got "Shop"',
    ],
    [
      'a name that begins streams of others',
      { features, name: 'snapshots' },
      'none of raw, activity, deltas, dense, snapshots, features',
    ],
    [
      'a data center name with dots',
      { features, dataCenters: [{ name: 'eu.west', role: 'training' }] },
      "dataCenters[0].name: expected lower-case letters, digits and '-', a letter first",
    ],
    [
      'an even number of servers',
      { features, dataCenters: [{ name: 'train', role: 'training', servers: 2 }] },
      'dataCenters[0].servers: expected 1, 3 or 5; got 2',
    ],
    [
      'a port out of range',
      { features, nats: { ports: { base: 80 } } },
      'nats.ports.base: expected an integer from 1024 to 65000; got 80',
    ],
    [
      'ports of another kind',
      { features, nats: { ports: 4222 } },
      "nats.ports: expected 'auto' or {base: port}; got 4222",
    ],
  ])('%s', (_what, input, message) => {
    expect(refusal(input)).toContain(message);
  });

  test.each<[string, Record<string, unknown>, string]>([
    [
      'no training data center',
      { dataCenters: [{ name: 'east', role: 'inference' }] },
      'dataCenters: expected exactly one with role training or all; got 0',
    ],
    [
      'no inference data center',
      { dataCenters: [{ name: 'train', role: 'training' }] },
      'dataCenters: expected at least one with role inference or all; got 0',
    ],
    [
      'two data centers of one name',
      {
        dataCenters: [
          { name: 'a', role: 'training' },
          { name: 'a', role: 'inference' },
        ],
      },
      'dataCenters: expected different names; got "a" twice',
    ],
    [
      'more shards than partitions',
      { partitions: 2, actors: { 'ps-shard': 3 } },
      'partitions: expected at least one for each of the 3 ps-shards; got 2',
    ],
    [
      'a network without layers',
      { model: { hidden: [] } },
      'model.hidden: expected at least one layer for network deepfm; got []',
    ],
    [
      'a network that has no history to look at',
      { model: { network: 'din' } },
      'model.network: expected a feature of kind history for din to look at, as in docs/histories.md; without one it is deepfm',
    ],
    [
      'two towers for one side',
      {
        model: { network: 'two-tower' },
        features: { item: { entity: 'item', kind: 'id' }, age: { entity: 'user', kind: 'dense' } },
      },
      'model.network: expected a feature of the user or the context that has rows or is a vector: two-tower is a product of his vector and that of the item',
    ],
    [
      'experts of a network without layers',
      { model: { network: 'fm', heads: { experts: 2 } } },
      'model.heads: expected shared with network fm, which has no hidden layers of both sides',
    ],
    [
      'more answers than candidates',
      { serving: { candidatesMax: 500 } },
      'serving.kMax: expected at most candidatesMax, 500; got 1000',
    ],
    [
      'suspicion before the second heartbeat',
      { supervision: { suspectAfterMs: 600 } },
      'supervision.suspectAfterMs: expected at least two heartbeats, 1000; got 600',
    ],
    [
      'a backoff that shrinks',
      { supervision: { backoffMs: { base: 6000 } } },
      'supervision.backoffMs.max: expected at least base, 6000; got 5000',
    ],
    [
      'deltas larger than a message',
      { model: { factorDim: 256 } },
      'sync.flushRowsMax: expected 8192 rows of 4132 bytes to fit in nats.payloadBytesMax, 8388608',
    ],
    [
      'the label as a feature',
      { features: { ...features, label: { entity: 'context', kind: 'id' } } },
      'features.label.source: expected a context feature to be read from another column than timestamp',
    ],
    [
      'an event that undoes nothing there is',
      { events: { view: {}, refund: { undoes: 'purchase' } } },
      'events.refund.undoes: expected another type of event, one of view, refund; got "purchase"',
    ],
    [
      'a type of files that nothing is declared of',
      { events: { view: {} }, files: { events: { types: { buy: 'purchase' } } } },
      'files.events.types.buy: expected one of view, which `events` has; got "purchase"',
    ],
    [
      'events of which none is hoped for',
      { events: { dismiss: { negative: true } } },
      'events: expected a type that is hoped for',
    ],
    [
      'an outcome of an event that is not hoped for',
      { events: { view: {}, dismiss: { negative: true } }, outcomes: { dismiss: {} } },
      'outcomes.dismiss.from: expected types of events that are hoped for, view; got "dismiss"',
    ],
    [
      'an outcome that is given by a later one',
      { events: { view: {}, cart: {} }, outcomes: { cart: { given: 'view' }, view: {} } },
      'outcomes.cart.given: expected a chance that is named before it; got "view"',
    ],
    [
      'an outcome that ends before the one that it is given by',
      {
        events: { view: {}, cart: {} },
        outcomes: { view: { window: '1h' }, cart: { given: 'view', window: '5m' } },
      },
      'outcomes.cart.window: expected at least that of view, which it is given by',
    ],
    [
      'a value that comes first',
      { events: { view: {} }, outcomes: { view: { predict: 'value' } } },
      "outcomes.view.predict: expected 'chance' of the first outcome",
    ],
    [
      'a chance on the scale of values',
      { events: { view: {} }, outcomes: { view: { transform: 'log1p' } } },
      "outcomes.view.transform: expected none: it is of an outcome with predict: 'value'",
    ],
    [
      'an outcome that is given by a value',
      {
        events: { view: {}, watch: {}, cart: {} },
        outcomes: { view: {}, watch: { predict: 'value' }, cart: { given: 'watch' } },
      },
      'outcomes.cart.given: expected a chance that is named before it, view; got "watch"',
    ],
    [
      'a window that is no duration',
      { events: { view: {} }, outcomes: { view: { window: '30 minutes' } } },
      "outcomes.view.window: expected a duration such as '30m'",
    ],
    [
      'a score of what is not predicted',
      { score: { purchase: 20 } },
      'score.purchase: expected one of the outcomes, click',
    ],
    [
      'a log of the joiner that is shorter than what it waits for',
      {
        events: { view: {}, purchase: {} },
        outcomes: { view: {}, purchase: { window: '7d' } },
        joining: { logMs: 604_800_000 },
      },
      'joining.logMs: expected at least 604810000, the longest window and joining.latenessMs; got 604800000',
    ],
    [
      'one that is shorter than the window without outcomes',
      { joining: { windowMs: 3_600_000, latenessMs: 0, logMs: 3_000_000 } },
      'joining.logMs: expected at least 3600000',
    ],
    [
      'items that look all alike',
      { features: { user: { entity: 'user', kind: 'id' } } },
      'features: expected a categorical item feature',
    ],
  ])('%s', (_what, change, message) => {
    expect(refusal({ features, ...change })).toContain(message);
  });

  test('all mistakes are named at once, one to a line', () => {
    const message = refusal({ features, partitions: 0, name: 'My Cluster', modle: {} });
    expect(message.split('\n').map((line) => line.split(':')[0])).toEqual([
      'name',
      'partitions',
      'configuration',
    ]);
  });
});

interface JsonSchema {
  description?: string;
  const?: unknown;
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
  oneOf?: JsonSchema[];
}

/** Paths of the fields without a description; a constant, such as the kind of a feature, speaks for itself. */
function undescribed(schema: object, path: string): string[] {
  const { properties, items, additionalProperties, oneOf } = schema as JsonSchema;
  const fields = Object.entries(properties ?? {}).flatMap(([name, field]) => [
    ...(field.description || field.const !== undefined ? [] : [`${path}.${name}`]),
    ...undescribed(field, `${path}.${name}`),
  ]);
  const inner = [
    items,
    typeof additionalProperties === 'object' ? additionalProperties : undefined,
    ...(oneOf ?? []),
  ];
  return [...fields, ...inner.flatMap((part) => (part ? undescribed(part, path) : []))];
}
