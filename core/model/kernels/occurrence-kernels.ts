import { assert } from '../../base/assert.js';
import type { BlockName } from '../blocks.js';
import type { BlockNode } from '../graph.js';
import type { BlockKernel } from './block-kernels.js';
import { columnsOf, nothing, together, type Instruction } from './places.js';
import type { OccurrencePlaces, Program } from './program.js';

/** Blocks on the occurrences of each example. */
export const occurrenceKernels = {
  pool: {
    forward: ({ id, operands: [x], options }, program) =>
      poolTo(x!, id, options.pooling === 'mean', program),
    backward: ({ id, operands: [x], options }, program) => {
      const to = program.gradientTo(x!);
      if (!to) return nothing;
      const d = program.gradient(id);
      const of = occurrencesOf(x!, program);
      const columns = columnsOf(program.graph, x!);
      const isMean = options.pooling === 'mean';
      return (n) =>
        program.kernels.spreadOccurrences(
          ...([d.address, d.stride, of.starts, n, of.total, columns, isMean] as const),
          ...([to.accumulate, to.address, to.stride] as const),
        );
    },
  },
  repeat: {
    forward: ({ id, operands: [x], columns }, program) => {
      const [from, to] = [program.value(x!), program.value(id)];
      const of = occurrencesOf(id, program);
      return (total) =>
        program.kernels.spreadOccurrences(
          ...([from.address, from.stride, of.starts, of.examples, total, columns] as const),
          ...([false, false, to.address, to.stride] as const),
        );
    },
    backward: ({ id, operands: [x], columns }, program) => {
      const to = program.gradientTo(x!);
      if (!to) return nothing;
      const d = program.gradient(id);
      const of = occurrencesOf(id, program);
      return () =>
        program.kernels.poolOccurrences(
          ...([d.address, d.stride, of.starts, of.examples, columns, false] as const),
          ...([to.accumulate, to.address, to.stride] as const),
        );
    },
  },
  softmaxOccurrences: {
    forward: ({ id, operands: [x], columns }, program) => {
      const [from, to] = [program.value(x!), program.value(id)];
      const of = occurrencesOf(id, program);
      return (total) =>
        program.kernels.softmaxOccurrences(
          ...([from.address, from.stride, of.starts, of.examples, total, columns] as const),
          ...([to.address, to.stride] as const),
        );
    },
    backward: ({ id, operands: [x], columns }, program) => {
      const to = program.gradientTo(x!);
      if (!to) return nothing;
      const [d, y] = [program.gradient(id), program.value(id)];
      const of = occurrencesOf(id, program);
      return (total) =>
        program.kernels.softmaxOccurrencesBack(
          ...([d.address, d.stride, y.address, y.stride, of.starts, of.examples] as const),
          ...([total, columns, to.accumulate, to.address, to.stride] as const),
        );
    },
  },
  addPositions: {
    forward: ({ id, operands: [x, table], columns }, program) => {
      const [from, to] = [program.value(x!), program.value(id)];
      const { values, shape } = program.parameter(table!);
      const of = occurrencesOf(id, program);
      return (total) =>
        program.kernels.addPositions(
          ...([from.address, from.stride, values, shape[0], of.starts, of.examples] as const),
          ...([total, columns, to.address, to.stride] as const),
        );
    },
    backward: ({ id, operands: [x, table], columns }, program) => {
      const d = program.gradient(id);
      const { gradient, shape, stride } = program.parameter(table!);
      const of = occurrencesOf(id, program);
      const to = program.gradientTo(x!);
      return together(
        () =>
          program.kernels.addPositionsBack(
            ...([d.address, d.stride, of.starts, of.examples, shape[0], columns] as const),
            ...([gradient, stride] as const),
          ),
        to
          ? (total) =>
              program.kernels.copyColumns(
                ...([d.address, d.stride, total, columns, to.accumulate] as const),
                ...([to.address, to.stride] as const),
              )
          : nothing,
      );
    },
  },
  attention: { forward: attentionForward, backward: attentionBackward },
} satisfies Readonly<Partial<Record<BlockName, BlockKernel>>>;

/** Of each example the sum of its rows, or their mean. */
function poolTo(x: number, id: number, isMean: boolean, program: Program): Instruction {
  const [from, to] = [program.value(x), program.value(id)];
  const columns = columnsOf(program.graph, x);
  const of = occurrencesOf(x, program);
  return (n) =>
    program.kernels.poolOccurrences(
      ...([from.address, from.stride, of.starts, n, columns, isMean] as const),
      ...([false, to.address, to.stride] as const),
    );
}

function attentionForward(node: BlockNode, program: Program): Instruction {
  const { id, operands, columns, options } = node;
  const [q, k, v] = three(operands, (operand) => program.value(operand));
  const to = program.value(id);
  const of = occurrencesOf(id, program);
  const heads = options.count!;
  const causal = options.mask === 'causal';
  const scratch = attentionScratch(node, of, program);
  return (total) =>
    program.kernels.attention(
      ...([q.address, q.stride, k.address, k.stride, v.address, v.stride] as const),
      ...([of.starts, of.examples, total, columns, heads, causal] as const),
      ...([scratch, to.address, to.stride] as const),
    );
}

function attentionBackward(node: BlockNode, program: Program): Instruction {
  const { id, operands, columns, options } = node;
  const [q, k, v] = three(operands, (operand) => program.value(operand));
  const d = program.gradient(id);
  const [dq, dk, dv] = three(operands, (operand) => {
    const to = program.gradientTo(operand);
    return to ? ([to.accumulate, to.address, to.stride] as const) : ([false, 0, 0] as const);
  });
  const of = occurrencesOf(id, program);
  const heads = options.count!;
  const causal = options.mask === 'causal';
  const scratch = attentionScratch(node, of, program);
  return (total) =>
    program.kernels.attentionBack(
      ...([d.address, d.stride, q.address, q.stride, k.address, k.stride] as const),
      ...([v.address, v.stride, of.starts, of.examples, total, columns] as const),
      ...([heads, causal, scratch, ...dq, ...dk, ...dv] as const),
    );
}

/** Of an example that has all of them: keys and values of a head, transposed, and of four queries shares and their slopes. */
function attentionScratch(
  { columns, options }: BlockNode,
  { capacity }: OccurrencePlaces,
  program: Program,
): number {
  return program.scratch((2 * (columns / options.count!) + 8) * capacity);
}

/** Of queries, keys and values. */
function three<T>(operands: readonly number[], of: (operand: number) => T): readonly [T, T, T] {
  const [q, k, v] = operands;
  return [of(q!), of(k!), of(v!)];
}

function occurrencesOf(id: number, program: Program): OccurrencePlaces {
  const node = program.graph.nodes[id]!;
  assert(node.kind !== 'parameter' && node.rows !== 'example', `node ${id} has no occurrences`);
  return program.occurrences(node.rows);
}
