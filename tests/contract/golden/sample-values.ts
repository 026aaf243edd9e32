import { IntervalSet } from '../../../core/base/interval-set.js';
import type { ExampleBatch } from '../../../core/features/example-batch.js';
import { featureSpecOf } from '../../../core/features/feature-spec.js';
import type { ImpressionFacts } from '../../../core/joining/event-facts.js';
import type { Trail } from '../../../messages/trail.js';
import { TrailWriter } from '../../../messages/trail.js';

/** What golden messages are made of: small, and each value told apart from the others. */
export const atMs = 1_700_000_000_000;

/** Three slots, one of several values, and a dense column. */
export const spec = featureSpecOf({
  user: { entity: 'user', source: 'user', kind: 'id' },
  item: { entity: 'item', source: 'item', kind: 'id' },
  genres: { entity: 'item', source: 'genres', kind: 'ids', pooling: 'mean', valuesMax: 8 },
  price: { entity: 'item', source: 'price', kind: 'dense', normalisation: { method: 'log1p' } },
});

/** Two rows: the second has no genre, the first two. */
export const examples: ExampleBatch = {
  rowCount: 2,
  slotCount: 3,
  denseCount: 2,
  offsets: Uint32Array.of(0, 1, 3, 4, 5, 5, 6),
  fids: Uint32Array.of(42, 0, 7, 0, 8, 0, 100, 0, 42, 0, 0xdeadbeef, 0x80000001),
  dense: Float32Array.of(0.5, 0, -1, 0),
};

/** As a history has them. */
export const markedExamples: ExampleBatch = {
  ...examples,
  marks: {
    eventTypes: Uint8Array.of(0, 1, 2, 0, 0, 0),
    agesSeconds: Float32Array.of(NaN, 60, 3600, NaN, NaN, NaN),
  },
};

/** Of two rows, everything known, some of it the same for both. */
export const allFacts: ImpressionFacts = {
  visitors: ['c9f2', ''],
  propensities: Float32Array.of(0.25, 0.125),
  places: Uint16Array.of(1, 2),
  sources: ['nearest', 'explore'],
  scenarios: ['home'],
  variants: ['b'],
  settingsVersions: Uint32Array.of(17),
  lanes: Uint8Array.of(1),
  models: ['candidate'],
  denseVersions: Float64Array.of(1841),
  positions: ['main:91264'],
  logs: Uint8Array.of(1, 0),
  predictions: { click: Float32Array.of(0.5, 0.25), purchase: Float32Array.of(0.0625, 0.03125) },
};

/** Rows of a busy stream: enough that what they have in common is said once (messages/packed-columns.ts). */
const manyCount = 12;
const rowsOf = <Entry>(entryOf: (row: number) => Entry): Entry[] =>
  Array.from({ length: manyCount }, (_row, row) => entryOf(row));

export const manyExamples: ExampleBatch = {
  rowCount: manyCount,
  slotCount: 3,
  denseCount: 2,
  // A user and an item each; the third row has no genre, the others one.
  offsets: Uint32Array.from(
    [0, ...rowsOf((row) => [3, 3, 3].map((n, s) => row * n + s + 1))].flat(),
  ).map((end, cell) => (cell >= 9 ? end - 1 : end)),
  fids: Uint32Array.from(
    rowsOf((row) => [42, 0, row, 0, ...(row === 2 ? [] : [0xdeadbeef, 0x80000001])]).flat(),
  ),
  dense: Float32Array.from(rowsOf((row) => [row / 4, 0]).flat()),
};

export const manyImpressions = {
  requestIds: rowsOf((row) => `01JD9-${row >> 2}`),
  users: rowsOf((row) => `10000${row >> 3}`),
  items: rowsOf((row) => `item-${row}`),
  atMs: Float64Array.from(rowsOf((row) => atMs + 40 * row)),
  scores: Float32Array.from(rowsOf((row) => row / 16)),
};

export const manyActions = {
  ...{ requestIds: manyImpressions.requestIds, items: manyImpressions.items },
  atMs: manyImpressions.atMs,
  labels: Float32Array.from(rowsOf((row) => row % 2)),
  acceptedAtMs: Float64Array.from(rowsOf((row) => (row === 5 ? NaN : atMs + 70_000 * row))),
};

export const impressionRows = {
  requestIds: ['01JD9', '01JD9'],
  users: ['42', '42'],
  items: ['7', '8'],
  atMs: Float64Array.of(atMs, atMs),
  scores: Float32Array.of(0.5, 0.25),
};

export const actionRows = {
  requestIds: ['01JD9', '01JDA'],
  items: ['7', '9'],
  atMs: Float64Array.of(atMs + 1000, atMs + 2000),
  labels: Float32Array.of(1, 0),
  acceptedAtMs: Float64Array.of(atMs + 3000, atMs + 3000),
};

export function trail(): Trail {
  const writer = new TrailWriter();
  writer.add(5, {
    resolved: 3,
    acceptedAtMs: Float64Array.of(atMs + 20, NaN, atMs),
    progress: {},
  });
  writer.add(6, { resolved: 2, acceptedAtMs: Float64Array.of(NaN, NaN), progress: {} });
  return writer.take()!;
}

export function applied(): Float64Array {
  const set = new IntervalSet(5);
  for (const batch of [6, 7, 9]) set.add(batch);
  return set.encode();
}

export const slots = [
  { slot: spec.slotIds[0]!, dim: 2, stateWidth: 2 },
  { slot: spec.slotIds[1]!, dim: 2, stateWidth: 1 },
  { slot: spec.slotIds[2]!, dim: 3, stateWidth: 0 },
];

export const groups = {
  partitions: Uint32Array.of(0, 3),
  counts: Uint32Array.of(1, 0, 1, 0, 1, 0),
  fids: Uint32Array.of(42, 0, 8, 0, 7, 0),
};

/** Of rows 2, 3 and 2 wide. */
export const rowValues = Float32Array.of(1, 2, 3, 4, 5, 6, 7);
export const widths = slots.map(({ dim }) => dim);
