import type { Labels } from './executor.js';
import type { Blocks, BlockName, Value } from './blocks.js';
import type {
  ModelSpec,
  Network,
  NetworkInputs,
  ParameterDeclaration,
  Parameters,
} from './network.js';
import type { RowsBatch } from './pooled-batch.js';
import { FidDeduper, type Pooling } from './row-gather.js';
import { mix32 } from '../base/hash.js';
import type { OccurrenceMarks } from '../features/example-batch.js';

/** In ±1, a function of the seed. */
export function numbersOf(length: number, seed: number): Float32Array {
  return Float32Array.from(
    { length },
    (_, i) => (mix32(mix32(i + 1) ^ mix32(seed)) / 2 ** 32) * 2 - 1,
  );
}

/** Examples with none to `valuesMax` values in a slot, rows in common, and labels of which some count twice or not at all. */
export function randomRows(
  spec: ModelSpec,
  rowCount: number,
  seed: number,
  valuesMax = 3,
): RowsBatch & Labels {
  const { slotCount, factorDim, denseCount, heads } = spec;
  const cells = rowCount * slotCount;
  const chance = numbersOf((valuesMax + 5) * cells + 8, seed).map((value) => (value + 1) / 2);
  const offsets = new Uint32Array(cells + 1);
  for (let cell = 0; cell < cells; cell++)
    offsets[cell + 1] = offsets[cell]! + Math.floor((valuesMax + 1) * chance[cell]!);
  const count = offsets[cells]!;
  const fids = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) fids[2 * i] = Math.floor(40 * chance[cells + i]!);
  const dense = numbersOf(rowCount * denseCount, seed + 1);
  const marks = randomMarks(count, seed + 5);
  const batch = { rowCount, slotCount, denseCount, offsets, fids, dense, marks };
  const plan = new FidDeduper().plan(batch, 2);
  const poolings = Array.from({ length: slotCount }, (_, s): Pooling => (s % 2 ? 'mean' : 'sum'));
  const labels = numbersOf(rowCount * heads, seed + 2).map((value, i) =>
    spec.losses?.[i % heads] === 'squared' ? value : Number(value > 0.2),
  );
  const weights = numbersOf(rowCount * heads, seed + 3).map((value) => Math.round(1 + value));
  weights[0] = 1;
  return {
    ...{ rowCount, dense, labels, weights },
    rows: numbersOf(plan.uniqueCount * (1 + factorDim), seed + 4),
    pooling: { plan, batch, dim: 1 + factorDim, poolings },
  };
}

/** Types 1 to 3 or none, and ages of seconds to years, some not known. */
function randomMarks(count: number, seed: number): OccurrenceMarks {
  const chance = numbersOf(2 * count, seed).map((value) => (value + 1) / 2);
  return {
    eventTypes: Uint8Array.from({ length: count }, (_, i) => Math.floor(4 * chance[2 * i]!)),
    agesSeconds: Float32Array.from({ length: count }, (_, i) =>
      chance[2 * i + 1]! < 0.1 ? NaN : Math.exp(22 * chance[2 * i + 1]! - 2),
    ),
  };
}

/** A network that is one block, between rows and logits. */
interface BlockCase {
  /** Of what the block is made of, beside rows. */
  readonly parameters?: (spec: ModelSpec) => readonly (readonly [string, ...number[]])[];
  readonly columns: (spec: ModelSpec) => number;
  readonly value: (
    blocks: Blocks,
    inputs: NetworkInputs,
    parameters: Parameters,
    spec: ModelSpec,
  ) => Value;
}

const vectorsOf = ({ slotCount, factorDim }: ModelSpec): number => slotCount * factorDim;
const rowOf = ({ factorDim }: ModelSpec): number => 1 + factorDim;

export const blockCases: Readonly<Record<BlockName, BlockCase>> = {
  denseLayer: {
    parameters: (spec) => [
      ['w', vectorsOf(spec), 6],
      ['b', 6],
    ],
    columns: () => 6,
    value: (blocks, { vectors }, p) =>
      blocks.denseLayer(vectors, p.matrix('w'), p.vector('b'), true),
  },
  sumColumns: { columns: () => 1, value: (blocks, { vectors }) => blocks.sumColumns(vectors) },
  pairwiseInteractions: {
    columns: () => 1,
    value: (blocks, { vectors }, _p, { slotCount }) =>
      blocks.pairwiseInteractions(vectors, slotCount),
  },
  dotInteractions: {
    columns: ({ slotCount }) => (slotCount * (slotCount - 1)) / 2,
    value: (blocks, { vectors }, _p, { slotCount }) => blocks.dotInteractions(vectors, slotCount),
  },
  concatColumns: {
    columns: (spec) => vectorsOf(spec) + spec.slotCount,
    value: (blocks, { vectors, weights }) => blocks.concatColumns(vectors, weights),
  },
  add: {
    columns: vectorsOf,
    value: (blocks, { vectors }) => blocks.add([vectors, vectors, blocks.sigmoid(vectors)]),
  },
  addBias: {
    parameters: (spec) => [['b', vectorsOf(spec)]],
    columns: vectorsOf,
    value: (blocks, { vectors }, p) => blocks.addBias(vectors, p.vector('b')),
  },
  multiply: {
    columns: vectorsOf,
    value: (blocks, { vectors }) => blocks.multiply(vectors, blocks.sigmoid(vectors)),
  },
  scaleRows: {
    columns: vectorsOf,
    value: (blocks, { vectors, weights }) => blocks.scaleRows(vectors, blocks.sumColumns(weights)),
  },
  sigmoid: { columns: vectorsOf, value: (blocks, { vectors }) => blocks.sigmoid(vectors) },
  layerNorm: {
    parameters: (spec) => [
      ['gain', vectorsOf(spec)],
      ['bias', vectorsOf(spec)],
    ],
    columns: vectorsOf,
    value: (blocks, { vectors }, p) => {
      return blocks.layerNorm(vectors, p.vector('gain'), p.vector('bias'));
    },
  },
  normalizeRows: {
    columns: vectorsOf,
    value: (blocks, { vectors }) => blocks.normalizeRows(vectors),
  },
  pool: {
    columns: rowOf,
    value: (blocks, { occurrences }) => blocks.pool(occurrences(0), 'mean'),
  },
  repeat: {
    columns: rowOf,
    value: (blocks, { occurrences, weights }) => {
      const here = blocks.repeat(blocks.sumColumns(weights), occurrences(0));
      return blocks.pool(blocks.scaleRows(occurrences(0), here), 'sum');
    },
  },
  softmaxOccurrences: {
    columns: rowOf,
    value: (blocks, { occurrences }) => {
      const shares = blocks.softmaxOccurrences(occurrences(0));
      return blocks.pool(blocks.multiply(shares, occurrences(0)), 'sum');
    },
  },
  addPositions: {
    parameters: (spec) => [['table', 2, rowOf(spec)]],
    columns: rowOf,
    value: (blocks, { occurrences }, p) => {
      const placed = blocks.addPositions(occurrences(0), p.matrix('table'));
      return blocks.pool(blocks.multiply(placed, placed), 'sum');
    },
  },
  attention: {
    columns: rowOf,
    value: (blocks, { occurrences }) => {
      const x = occurrences(0);
      return blocks.pool(blocks.attention(x, blocks.sigmoid(x), x, 1), 'sum');
    },
  },
};

export function networkOf({ parameters = () => [], columns, value }: BlockCase): Network {
  return {
    parameters: (spec) => [
      ...parameters(spec).map(([name, ...shape]): ParameterDeclaration => {
        return { name, shape: shape as [number] | [number, number], initial: 'glorot' };
      }),
      { name: 'out', shape: [columns(spec), spec.heads], initial: 'glorot' },
    ],
    forward: (blocks, inputs, parameters, spec) =>
      blocks.denseLayer(
        value(blocks, inputs, parameters, spec),
        parameters.matrix('out'),
        null,
        false,
      ),
  };
}
