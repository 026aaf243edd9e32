import { decode, encode } from '../../../messages/codec.js';
import { parseRows, parseWeights, rowsMessage, weightsMessage } from '../../../messages/deltas.js';
import { denseStateParts, networkPartOf } from '../../../messages/network-parts.js';
import * as network from '../../../messages/network-state.js';
import * as parameters from '../../../messages/parameters.js';
import type { GoldenMessage } from './golden-files.js';
import * as values from './sample-values.js';

const { groups, rowValues, widths, slots } = values;
const specHash = '0123456789abcdef';

const lookup = { specHash, ...groups };
const since = { life: 'a life', at: 7 };
const changed = { life: 'a life', at: 8, keys: Uint32Array.of(1, 2) };
const pull = { ...lookup, epochs: Uint32Array.of(2, 5) };
const push = {
  ...pull,
  batches: Float64Array.of(5, 6),
  atSeconds: 1_700_000_000,
  gradients: rowValues,
  trail: values.trail(),
};
const squares = { rows: Uint32Array.of(1), values: Float32Array.of(9, 16, 25) };
const delta = {
  specHash,
  ...{ partition: 0, epoch: 2, deltaNumber: 12_345, part: 0, last: true },
  evictedCounts: Uint32Array.of(0, 1, 0),
  evicted: Uint32Array.of(9, 9),
  counts: Uint32Array.of(1, 0, 1),
  fids: Uint32Array.of(42, 0, 100, 0),
  weights: Float32Array.of(0.5, -1, 2, 3, 4),
  applied: values.applied(),
  resolved: 7,
  trail: values.trail(),
  appliedAtMs: values.atMs,
};
const rows = {
  ...delta,
  state: Float32Array.of(0.25, 0.125),
  updatedAt: Uint32Array.of(1_700_000_000, 1_700_000_001),
  updateCounts: Uint32Array.of(1, 2),
  atSeconds: 1_700_000_001,
};
const version = {
  specHash,
  denseVersion: 1841,
  trainedThrough: 6,
  parameters: Float32Array.of(0.5, 0.25),
  outcomes: ['click'],
};
const state = {
  ...version,
  epoch: 3,
  optimizerState: Float32Array.of(1, 2, 3, 4),
  steps: 99,
  applied: values.applied(),
};
const lookupReply = {
  rows: rowValues,
  through: 6,
  sequence: 90,
  dataCenter: 'east',
  missing: 1,
};
const densePush = { specHash, batches: Float64Array.of(5, 6), gradient: Float32Array.of(1, 2) };
const denseReply = {
  outcome: 'applied' as const,
  denseVersion: 1842,
  parameters: version.parameters,
  sequence: 33,
};

export const modelMessages: readonly GoldenMessage[] = [
  {
    name: 'lookup',
    write: () => encode(parameters.lookupMessage(lookup)),
    read: (bytes) => parameters.parseLookup(decode(bytes), slots.length),
    expected: lookup,
  },
  {
    name: 'lookup-keeping',
    write: () => encode(parameters.lookupMessage({ ...lookup, since })),
    read: (bytes) => parameters.parseLookup(decode(bytes), slots.length),
    expected: { ...lookup, since },
  },
  {
    name: 'lookup-reply-changed',
    write: () => encode(parameters.lookupReply({ ...lookupReply, changed })),
    read: (bytes) => parameters.parseLookupReply(decode(bytes), lookupReply.rows.length),
    expected: { ...lookupReply, changed, progress: {} },
  },
  {
    name: 'lookup-reply',
    write: () => encode(parameters.lookupReply(lookupReply)),
    read: (bytes) => parameters.parseLookupReply(decode(bytes), rowValues.length),
    expected: { ...lookupReply, progress: {} },
  },
  {
    name: 'pull',
    write: () => encode(parameters.pullMessage(pull)),
    read: (bytes) => parameters.parsePull(decode(bytes), slots.length),
    expected: pull,
  },
  {
    name: 'pull-reply',
    write: () => encode(parameters.pullReply({ rows: rowValues, sequence: 90 })),
    read: (bytes) => parameters.parsePullReply(decode(bytes), rowValues.length),
    expected: { rows: rowValues, sequence: 90 },
  },
  {
    name: 'push',
    write: () => encode(parameters.pushMessage(push)),
    read: (bytes) => parameters.parsePush(decode(bytes), widths),
    expected: push,
  },
  {
    name: 'push-with-squares',
    write: () => encode(parameters.pushMessage({ ...push, trail: undefined, squares })),
    read: (bytes) => parameters.parsePush(decode(bytes), widths),
    expected: { ...push, trail: undefined, squares },
  },
  {
    name: 'push-reply',
    write: () => encode(parameters.pushReply({ outcome: 'applied', sequence: 91 })),
    read: (bytes) => parameters.parsePushReply(decode(bytes)),
    expected: { outcome: 'applied', sequence: 91 },
  },
  {
    name: 'delta-rows',
    write: () => encode(rowsMessage(rows, slots)),
    read: (bytes) => parseRows(decode(bytes), slots),
    expected: rows,
  },
  {
    name: 'delta-weights',
    write: () => encode(weightsMessage(rows, slots)),
    read: (bytes) => parseWeights(decode(bytes), slots),
    expected: delta,
  },
  {
    name: 'dense-pull',
    write: () => encode(network.densePullMessage()),
    read: (bytes) => network.parseDensePull(decode(bytes)),
    expected: undefined,
  },
  {
    name: 'dense-push',
    write: () => encode(network.densePushMessage(densePush)),
    read: (bytes) => network.parseDensePush(decode(bytes), 2),
    expected: densePush,
  },
  {
    name: 'dense-reply',
    write: () => encode(network.denseReply(denseReply)),
    read: (bytes) => network.parseDenseReply(decode(bytes), 2),
    expected: denseReply,
  },
  {
    name: 'dense-durable',
    write: () => encode(network.denseDurableMessage(Float64Array.of(5, 6))),
    read: (bytes) => network.parseDenseDurable(decode(bytes)),
    expected: Float64Array.of(5, 6),
  },
  {
    name: 'dense-durable-reply',
    write: () => encode(network.durableReply({ durable: true, sequence: 34 })),
    read: (bytes) => network.parseDurableReply(decode(bytes)),
    expected: { durable: true, sequence: 34 },
  },
  {
    name: 'dense-version',
    write: () => encode(network.denseVersionMessage(version)),
    read: (bytes) =>
      network.parseDenseVersion(decode(bytes), { hash: version.specHash, parameterCount: 2 }),
    expected: version,
  },
  {
    name: 'dense-state',
    write: () => encode(network.denseStateMessage(state)),
    read: (bytes) =>
      network.parseDenseState(decode(bytes), { hash: state.specHash, parameterCount: 2 }),
    expected: state,
  },
  {
    name: 'dense-state-part',
    write: () => encode([...denseStateParts(state, 1)][0]),
    read: (bytes) => networkPartOf(decode(bytes)),
    expected: { part: 0, last: false, sequences: [] },
  },
  {
    name: 'dense-state-last-part',
    write: () => encode({ ...[...denseStateParts(state, 1)][1], parts: Float64Array.of(33) }),
    read: (bytes) => networkPartOf(decode(bytes)),
    expected: { part: 1, last: true, sequences: [33] },
  },
];
