import { describe, expect, test } from '@jest/globals';
import { encode } from '../../messages/codec.js';
import { rowsMessage } from '../../messages/deltas.js';
import { denseReply, densePushMessage, denseVersionMessage } from '../../messages/network-state.js';
import { denseStateParts, parametersPerPart } from '../../messages/network-parts.js';
import { pullReply, pushMessage } from '../../messages/parameters.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { EmbeddingPartition } from '../../core/embedding/partition.js';
import { blueprintOf, initialParameters } from '../../core/blueprint/blueprint.js';
import {
  deltaRowsWithin,
  lookupRowsWithin,
  networkBytes,
  samplesWithin,
} from '../../core/blueprint/message-sizes.js';

const features = {
  user: { entity: 'user', kind: 'id' },
  item: { entity: 'item', kind: 'id' },
  genres: { entity: 'item', kind: 'ids', valuesMax: 8 },
} as const;

function blueprintWith(model: object) {
  return blueprintOf(parseClusterConfig({ features, model }));
}

const mebibyte = 2 ** 20;
const specHash = '0123456789abcdef';

describe('the length of messages', () => {
  test.each([
    ['the network by default', {}],
    ['a wide network', { hidden: [512, 256] }],
    ['no layers at all', { network: 'fm', hidden: [] }],
  ])('%s is told in messages that fit, with hundreds of batches in flight', (_of, model) => {
    const blueprint = blueprintWith(model);
    const parameters = initialParameters(blueprint);
    const batches = Float64Array.from({ length: 1024 }, (_batch, i) => 2 ** 40 + i);
    const messages = [
      denseVersionMessage({
        ...{ specHash, outcomes: ['click'], denseVersion: 2 ** 40, trainedThrough: 2 ** 40 },
        parameters,
      }),
      densePushMessage({ specHash, batches, gradient: parameters }),
      denseReply({ outcome: 'applied', denseVersion: 2 ** 40, parameters, sequence: 2 ** 40 }),
    ];
    for (const message of messages) {
      const { length } = encode(message);
      expect(length).toBeLessThanOrEqual(networkBytes(blueprint));
      expect(length).toBeGreaterThan(networkBytes(blueprint) - 64 * 1024);
    }
  });

  test('a network of hidden: [1024, 512] does not fit into the 1 MiB that NATS has by default, and the default one does', () => {
    expect(networkBytes(blueprintWith({ hidden: [1024, 512] }))).toBeGreaterThan(mebibyte);
    expect(networkBytes(blueprintWith({}))).toBeLessThan(mebibyte);
  });

  test.each([mebibyte, 8 * mebibyte])(
    'a state of any network is in parts that fit into %d bytes',
    (bytesMax) => {
      const parameters = new Float32Array(1_000_003);
      const state = {
        ...{ specHash, outcomes: ['click'], epoch: 2 ** 40, steps: 2 ** 40 },
        ...{ denseVersion: 2 ** 40, trainedThrough: 2 ** 40, parameters },
        optimizerState: new Float32Array(2 * parameters.length),
        applied: new Float64Array(1 + 2 * 1024),
      };
      const parts = [...denseStateParts(state, parametersPerPart(bytesMax))];
      const bytes = parts.map(
        (part) => encode({ ...part, parts: new Float64Array(parts.length) }).length,
      );
      expect(Math.max(...bytes)).toBeLessThanOrEqual(bytesMax);
      expect(parts.length).toBeGreaterThan(2);
    },
  );

  test.each(['adagrad', 'adam', 'sgd'])('rows of a delta fit with the state of %s', (optimizer) => {
    const blueprint = blueprintWith({ factorDim: 16, rows: { optimizer } });
    const rows = deltaRowsWithin(blueprint, mebibyte);
    const partition = new EmbeddingPartition(0, blueprint.tables);
    const fids = Uint32Array.from({ length: 2 * rows }, (_, i) => i);
    const counts = new Uint32Array(blueprint.slotCount);
    counts[0] = rows;
    const gradients = new Float32Array(rows * blueprint.dim).fill(0.1);
    partition.push(counts, 0, fids, 0, gradients, 0, 1, 1);
    const delta = partition.takeDelta(rows);
    const slots = partition.tables.map(({ slot, dim, stateWidth }) => ({ slot, dim, stateWidth }));
    const head = { ...{ specHash, partition: 0, epoch: 1, deltaNumber: 1, part: 0, last: true } };
    const news = { applied: new Float64Array(1000), resolved: 0, trail: undefined };
    const times = { atSeconds: 1, appliedAtMs: 1 };
    const { length } = encode(rowsMessage({ ...head, ...delta, ...news, ...times }, slots));
    expect(delta.fids.length).toBe(2 * rows);
    expect(length).toBeLessThanOrEqual(mebibyte);
    expect(length).toBeGreaterThan(0.8 * mebibyte);
  });

  test('samples that have no row in common fit into a push, and rows of a lookup into its answer', () => {
    const blueprint = blueprintWith({ factorDim: 16 });
    const rows = 10 * samplesWithin(blueprint, mebibyte);
    const push = pushMessage({
      ...{ specHash, atSeconds: 1, trail: undefined },
      partitions: new Uint32Array(64),
      epochs: new Uint32Array(64),
      counts: new Uint32Array(3 * 64),
      fids: new Uint32Array(2 * rows),
      batches: new Float64Array(100),
      gradients: new Float32Array(rows * blueprint.dim),
    });
    expect(encode(push).length).toBeLessThanOrEqual(mebibyte);
    const values = lookupRowsWithin(blueprint, mebibyte) * blueprint.dim;
    const reply = pullReply({ rows: new Float32Array(values), sequence: 1 });
    expect(encode(reply).length).toBeLessThanOrEqual(mebibyte);
  });

  test('one row goes, however small the limit', () => {
    const blueprint = blueprintWith({});
    expect([deltaRowsWithin(blueprint, 1), samplesWithin(blueprint, 1)]).toEqual([1, 1]);
  });
});
