import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import type { ClusterConfigInput } from '../schema.js';
import { clusterSchema, parseClusterConfig } from '../schema.js';
import { featureRules } from './feature-changes.js';
import { continued, forgottenBy, planOf } from './plan.js';
import { rules } from './rules.js';

const base = {
  features: {
    user: { entity: 'user', kind: 'id' },
    item: { entity: 'item', kind: 'id' },
    genres: { entity: 'item', kind: 'ids', valuesMax: 4 },
    device: { entity: 'context', kind: 'vocabulary', values: ['phone', 'desktop'] },
    price: { entity: 'item', kind: 'buckets', boundaries: [5, 10] },
    age: { entity: 'user', kind: 'dense', normalisation: { method: 'log1p', scale: 0.5 } },
    recent: { entity: 'user', kind: 'history', of: 'genres', length: 20 },
    liked: { entity: 'item', kind: 'rate', of: 'view', by: 'genres' },
    taste: { entity: 'user', kind: 'mean', of: 'liked' },
  },
  events: { view: {}, buy: {} },
  outcomes: { view: {}, buy: {} },
  organic: { negatives: 0 },
} as const satisfies ClusterConfigInput;

type Input = Record<string, unknown>;

function changesOf(change: (input: Input) => Input, from: object = base) {
  const before = parseClusterConfig(from);
  const after = continued(before, parseClusterConfig(change(structuredClone(from) as Input)));
  return planOf(before, after);
}

function effectsOf(change: (input: Input) => Input, from: object = base): string[] {
  return changesOf(change, from).map(({ effect, path }) => `${effect}: ${path}`);
}

const features = (change: object) => (input: Input) => ({
  ...input,
  features: { ...(input['features'] as object), ...change },
});
const without =
  (...names: string[]) =>
  (input: Input) => ({
    ...input,
    features: Object.fromEntries(
      Object.entries(input['features'] as object).filter(([name]) => !names.includes(name)),
    ),
  });
const with_ = (change: object) => (input: Input) => ({ ...input, ...change });

/** Patterns of all single values that a configuration can have. */
function schemaLeaves(): string[] {
  const found = new Set<string>();
  const schema: unknown = z.toJSONSchema(clusterSchema, { io: 'input', unrepresentable: 'any' });
  walk(schema as Node, '', found);
  return [...found].sort();
}

interface Node {
  readonly type?: string;
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly $ref?: string;
}

function walk(node: Node, path: string, found: Set<string>): void {
  expect(node.$ref).toBeUndefined();
  const choices = node.anyOf ?? node.oneOf;
  if (choices) return choices.forEach((each) => walk(each, path, found));
  const step = (name: string) => (path === '' ? name : `${path}.${name}`);
  if (node.type === 'object') {
    for (const [name, inner] of Object.entries(node.properties ?? {}))
      walk(inner, step(name), found);
    if (typeof node.additionalProperties === 'object')
      walk(node.additionalProperties, step('*'), found);
  } else if (node.type === 'array' && node.items?.type === 'object')
    walk(node.items, step('*'), found);
  else found.add(path);
}

/** What people may write, and is read as something else. */
const shorthands = ['features.*.normalisation'];

describe('the plan of a change', () => {
  test('has a rule for every value that the schema knows, and for no other', () => {
    const leaves = schemaLeaves().filter((leaf) => !shorthands.includes(leaf));
    expect(leaves.length).toBeGreaterThan(150);
    expect([...Object.keys(rules), ...Object.keys(featureRules)].sort()).toEqual(leaves);
  });

  test('is empty where nothing changes, in whatever order it stands there', () => {
    expect(effectsOf((input) => input)).toEqual([]);
    expect(effectsOf((input) => Object.fromEntries(Object.entries(input).reverse()))).toEqual([]);
    const reversed = Object.fromEntries(Object.entries(base.features).reverse());
    expect(effectsOf(with_({ features: reversed }))).toEqual([]);
    // What the default says is no change.
    expect(effectsOf(with_({ sync: { sparseMsMax: 1_000 } }))).toEqual([]);
    const plain = { features: { item: { entity: 'item', kind: 'id' } } };
    expect(effectsOf(with_({ outcomes: { click: {} } }), plain)).toEqual([]);
  });

  test.each<[string, (input: Input) => Input, string[]]>([
    ['a score', with_({ score: { view: 2 } }), ['free: score.view']],
    [
      'what is left out of answers',
      with_({ serving: { exclude: { within: '1h' } } }),
      ['free: serving.exclude.within'],
    ],
    ['a pace', with_({ sync: { sparseMsMax: 500 } }), ['kept: sync.sparseMsMax']],
    ['another event', with_({ events: { view: {}, buy: {}, cart: {} } }), ['kept: events.cart']],
    [
      'a window',
      with_({ outcomes: { view: { window: '5m' }, buy: {} } }),
      ['kept: outcomes.view.window'],
    ],
    [
      'another outcome',
      with_({ outcomes: { view: {}, buy: {}, cart: { from: ['buy'] } } }),
      ['impossible: outcomes.cart'],
    ],
    [
      'outcomes in another order',
      with_({ outcomes: { buy: {}, view: {} } }),
      ['impossible: outcomes'],
    ],
    [
      'a new feature',
      features({ brand: { entity: 'item', kind: 'id' } }),
      ['starts cold: features.brand'],
    ],
    ['a feature less', without('device'), ['forgets: features.device']],
    [
      'a feature and what is made of it',
      without('genres', 'recent', 'liked', 'taste'),
      ['genres', 'recent', 'liked', 'taste'].map((name) => `forgets: features.${name}`),
    ],
    [
      'a list of ids',
      features({ item: { entity: 'item', kind: 'ids' } }),
      ['kept: features.item.kind'],
    ],
    [
      'an id out of a word',
      features({ device: { entity: 'context', kind: 'id' } }),
      ['forgets: features.device.kind'],
    ],
    [
      'a word more',
      features({ device: { ...base.features.device, values: ['phone', 'desktop', 'tv'] } }),
      ['kept: features.device.values'],
    ],
    [
      'words in another order',
      features({ device: { ...base.features.device, values: ['desktop', 'phone'] } }),
      ['forgets: features.device.values'],
    ],
    [
      'other buckets',
      features({ price: { ...base.features.price, boundaries: [5, 11] } }),
      ['forgets: features.price.boundaries'],
    ],
    [
      'another scale',
      features({ age: { ...base.features.age, normalisation: { method: 'log1p', scale: 0.2 } } }),
      ['forgets: features.age.normalisation.scale'],
    ],
    [
      'a longer history',
      features({ recent: { ...base.features.recent, length: 60 } }),
      ['kept: features.recent.length'],
    ],
    [
      'what others are made of',
      features({ genres: { entity: 'item', kind: 'vocabulary', values: ['a'] } }),
      [
        'forgets: features.genres.kind',
        'forgets: features.recent',
        'forgets: features.liked',
        'forgets: features.taste',
      ],
    ],
    ['wider rows', with_({ model: { factorDim: 8 } }), ['forgets: model.factorDim']],
    [
      'a mixture of experts',
      with_({ model: { heads: { experts: 4 } } }),
      ['forgets: model.heads', 'forgets: model.heads.experts'],
    ],
    ['another tower', with_({ model: { hidden: [32, 16] } }), ['forgets: model.hidden']],
    [
      'a learning rate',
      with_({ model: { rows: { learningRate: 0.1 } } }),
      ['kept: model.rows.learningRate'],
    ],
    [
      'a rule for one feature',
      with_({ model: { slots: { genres: { serving: 'fp16' } } } }),
      ['kept: model.slots.genres.serving'],
    ],
    [
      'another optimizer of a feature',
      with_({ model: { slots: { genres: { optimizer: 'adam' } } } }),
      ['impossible: model.slots.genres.optimizer'],
    ],
    ['more partitions', with_({ partitions: 16 }), ['impossible: partitions']],
    ['another name', with_({ name: 'other' }), ['impossible: name']],
    [
      'another data center',
      with_({
        dataCenters: [
          { name: 'train', role: 'training' },
          { name: 'east', role: 'inference' },
          { name: 'north', role: 'inference' },
        ],
      }),
      ['west', 'north'].flatMap((name) =>
        ['name', 'role', 'servers'].map((leaf) => `impossible: dataCenters.${name}.${leaf}`),
      ),
    ],
    [
      'more joiners than parts',
      with_({ actors: { joiner: 2 } }),
      ['kept: actors.joiner', 'impossible: actors.joiner'],
    ],
    [
      'another optimizer of the network',
      with_({ model: { dense: { beta1: 0.8 } } }),
      ['kept: model.dense.beta1'],
    ],
    ['servers', with_({ nats: { payloadBytesMax: 4 * 2 ** 20 } }), ['kept: nats.payloadBytesMax']],
    ['a currency', with_({ currency: 'USD' }), ['impossible: currency']],
  ])('%s', (_what, change, expected) => {
    expect(effectsOf(change)).toEqual(expected);
  });

  test('a feature that comes or goes takes with it what is said of its rows', () => {
    const before = { ...base, model: { slots: { device: { optimizer: 'sgd' } } } };
    const change = (input: Input) => ({ ...without('device')(input), model: {} });
    expect(effectsOf(change, before)).toEqual(['forgets: features.device']);
  });

  test('an optimizer may change for all where those that are there keep theirs', () => {
    const names = ['user', 'item', 'genres', 'device', 'price'];
    const slots = Object.fromEntries(names.map((name) => [name, { optimizer: 'adagrad' }]));
    const all = effectsOf(with_({ model: { rows: { optimizer: 'sgd' }, slots } }));
    expect(all.filter((each) => !each.startsWith('kept'))).toEqual([]);
  });

  test('another optimizer of all rows that are there is told once', () => {
    expect(effectsOf(with_({ model: { rows: { optimizer: 'adam' } } }))).toEqual([
      'impossible: model.rows.optimizer',
    ]);
  });

  test('people stay divided as they were, where the new configuration does not say it', () => {
    const two = { ...base, actors: { joiner: 2 } };
    const before = parseClusterConfig(two);
    const fewer = continued(before, parseClusterConfig({ ...base, actors: { joiner: 1 } }));
    expect(fewer.joining.partitions).toBe(2);
    expect(planOf(before, fewer).map(({ effect, path }) => [effect, path])).toEqual([
      ['kept', 'actors.joiner'],
    ]);
    expect(continued(before, before)).toBe(before);
  });

  test('names what is forgotten, each once', () => {
    const changes = changesOf((input) =>
      with_({ model: { hidden: [8], network: 'mlp' } })(without('device')(input)),
    );
    expect(forgottenBy(changes)).toEqual(['device', 'model.network']);
  });

  test('of any two configurations, tells each difference once and there and back', () => {
    const pieces: ((input: Input) => Input)[] = [
      without('device'),
      without('age'),
      features({ brand: { entity: 'item', kind: 'id' } }),
      features({ price: { ...base.features.price, boundaries: [1] } }),
      with_({ model: { factorDim: 4, slots: { item: { learningRate: 1 } } } }),
      with_({ events: { view: {}, buy: {}, cart: { value: 'money' } } }),
      with_({ nats: { tls: { ca: 'ca.pem' } } }),
      with_({ actors: { ranker: 3, joiner: 2 } }),
      with_({ attributes: { item: { 'a.b': 'text' } } }),
      with_({ rates: { USD: 0.9 } }),
    ];
    const configs = fc
      .subarray(pieces)
      .map((some) =>
        parseClusterConfig(
          some.reduce((input, piece) => piece(input), structuredClone(base) as Input),
        ),
      );
    fc.assert(
      fc.property(configs, configs, (before, after) => {
        const there = planOf(before, after);
        const isSame = JSON.stringify(before) === JSON.stringify(after);
        expect(there.length === 0).toBe(isSame);
        const keys = there.map(({ path, effect }) => `${path} ${effect}`);
        expect(new Set(keys).size).toBe(keys.length);
        for (const { effect, forgets, why } of there) {
          expect(why).not.toBe('');
          expect(forgets !== undefined).toBe(effect === 'forgets');
        }
        const values = new Set(there.map(({ path }) => path));
        const back = new Set(planOf(after, before).map(({ path }) => path));
        // What is made of something that came is new itself; of what went, gone.
        const direct = [...values].filter((path) => !/^actors\.joiner$/.test(path));
        for (const path of direct) expect(back).toContain(path);
      }),
    );
  });
});
