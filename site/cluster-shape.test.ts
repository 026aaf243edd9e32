import { describe, expect, test } from '@jest/globals';
import { blueprintOf } from '../core/blueprint/blueprint.js';
import type { ClusterConfigInput } from '../core/config/schema.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { names } from '../messages/default-names.testkit.js';
import { requireSameShape } from './cluster-shape.js';

const input: ClusterConfigInput = {
  features: {
    user: { entity: 'user', kind: 'id' },
    item: { entity: 'item', kind: 'id' },
    genres: { entity: 'item', kind: 'ids' },
  },
  model: {
    rows: { initializer: { kind: 'uniform', scale: 0.1 } },
    slots: { user: { optimizer: 'sgd' }, item: { optimizer: 'adam' } },
  },
};

/** A start with one configuration, on the state of another. */
async function startOn(before: ClusterConfigInput, now: ClusterConfigInput): Promise<void> {
  const keys = new Map<string, Uint8Array>();
  const bus = {
    names,
    bucketGet: async (bucket: string, key: string) => keys.get(`${bucket}/${key}`),
    bucketPut: async (bucket: string, key: string, bytes: Uint8Array) => {
      keys.set(`${bucket}/${key}`, bytes);
    },
  };
  await requireSameShape(bus, parseClusterConfig(before));
  await requireSameShape(bus, parseClusterConfig(now));
}

const model = (change: ClusterConfigInput['model']): ClusterConfigInput => ({
  ...input,
  model: { ...input.model, ...change },
});

const others: [what: string, part: string, now: ClusterConfigInput][] = [
  [
    'another width of new rows',
    'model',
    model({ rows: { initializer: { kind: 'uniform', scale: 0.2 } } }),
  ],
  [
    'another initializer of one feature',
    'model',
    model({ slots: { ...input.model!.slots, genres: { initializer: { kind: 'zeros' } } } }),
  ],
  ['another optimizer', 'model', model({ rows: { ...input.model!.rows, optimizer: 'ftrl' } })],
  ['another network', 'model', model({ network: 'fm' })],
  ['more partitions', 'partitions', { ...input, partitions: 16 }],
  ['more joiners', 'joiners', { ...input, actors: { joiner: 2 } }],
  [
    'a feature more',
    'features',
    { ...input, features: { ...input.features, age: { entity: 'user', kind: 'id' } } },
  ],
];

const same: [what: string, now: ClusterConfigInput][] = [
  ['itself', input],
  [
    'slots in another order',
    model({ slots: { item: { optimizer: 'adam' }, user: { optimizer: 'sgd' } } }),
  ],
  [
    'another form of the rows in serving',
    model({ slots: { ...input.model!.slots, genres: { serving: 'int8' } } }),
  ],
  [
    'what is the default anyway',
    model({ slots: { ...input.model!.slots, genres: { optimizer: 'adagrad' } } }),
  ],
  [
    'features in another order',
    { ...input, features: Object.fromEntries(Object.entries(input.features).reverse()) },
  ],
  [
    'keys in another order',
    model({
      rows: { initializer: { scale: 0.1, kind: 'uniform' } },
      slots: { item: { serving: 'fp16', optimizer: 'adam' }, user: { optimizer: 'sgd' } },
    }),
  ],
  ['another rate of learning', model({ rows: { ...input.model!.rows, learningRate: 0.5 } })],
];

describe('the shape of a cluster', () => {
  test.each(others)('a start with %s on old state is refused: %s', async (_what, part, now) => {
    const hashes = [input, now].map((each) => blueprintOf(parseClusterConfig(each)).hash);
    const details = expect.objectContaining({ part });
    await expect(startOn(input, now)).rejects.toMatchObject({ code: 'SPEC_MISMATCH', details });
    if (part === 'model') expect(hashes[0]).not.toBe(hashes[1]);
  });

  test.each(same)('a start with %s goes on, as its actors do', async (_what, now) => {
    const hashes = [input, now].map((each) => blueprintOf(parseClusterConfig(each)).hash);
    expect(hashes[0]).toBe(hashes[1]);
    await expect(startOn(input, now)).resolves.toBeUndefined();
  });
});
