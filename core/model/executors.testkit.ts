import type { Blocks, BlockName, Value } from './blocks.js';
import type {
  ModelSpec,
  Network,
  NetworkInputs,
  ParameterDeclaration,
  Parameters,
} from './network.js';

export { numbersOf, randomRows } from './random-rows.js';

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
const factorsOf = ({ factorDim }: ModelSpec): number => factorDim;
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
  sliceColumns: {
    // Two that overlap, and the whole beside them.
    columns: (spec) => 2 * factorsOf(spec) + vectorsOf(spec),
    value: (blocks, { vectors }, _p, spec) => {
      const width = factorsOf(spec);
      const first = blocks.sliceColumns(vectors, 1, width);
      const second = blocks.sliceColumns(vectors, vectors.columns - width, width);
      return blocks.concatColumns(blocks.concatColumns(first, second), vectors);
    },
  },
  softmaxParts: {
    columns: vectorsOf,
    value: (blocks, { vectors }, _p, { slotCount }) =>
      blocks.multiply(blocks.softmaxParts(vectors, slotCount), vectors),
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
