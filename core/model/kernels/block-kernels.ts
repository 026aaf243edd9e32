import type { BlockName } from '../blocks.js';
import type { BlockNode, Graph } from '../graph.js';
import { numberKernels } from './number-kernels.js';
import { occurrenceKernels } from './occurrence-kernels.js';
import { columnsOf, isMatrix, nothing, roundUp, together, type Instruction } from './places.js';
import type { Program } from './program.js';

/**
 * What each block is of kernels. Backward takes the gradient of the block from its place, and writes those of its operands, or
 * adds to them; it may change what it takes.
 */
export interface BlockKernel {
  forward(node: BlockNode, program: Program): Instruction;
  backward(node: BlockNode, program: Program): Instruction;
}

export const blockKernels: Readonly<Record<BlockName, BlockKernel>> = {
  ...numberKernels,
  ...occurrenceKernels,
  denseLayer: { forward: layerForward, backward: layerBackward },
  sumColumns: {
    forward: ({ id, operands: [x] }, program) => {
      const [from, to] = [program.value(x!), program.value(id)];
      const columns = columnsOf(program.graph, x!);
      return (n) => program.kernels.sumColumns(from.address, from.stride, n, columns, to.address);
    },
    backward: ({ id, operands: [x] }, program) => {
      const to = program.gradientTo(x!);
      if (!to) return nothing;
      const d = program.gradient(id);
      const columns = columnsOf(program.graph, x!);
      return (n) =>
        program.kernels.spreadColumns(d.address, n, columns, to.accumulate, to.address, to.stride);
    },
  },
  pairwiseInteractions: {
    forward: ({ id, operands: [x], options }, program) => {
      const [from, to] = [program.value(x!), program.value(id)];
      const count = options.count!;
      const k = columnsOf(program.graph, x!) / count;
      return (n) => program.kernels.pairwise(from.address, from.stride, n, count, k, to.address);
    },
    backward: ({ id, operands: [x], options }, program) => {
      const to = program.gradientTo(x!);
      if (!to) return nothing;
      const [d, v] = [program.gradient(id), program.value(x!)];
      const count = options.count!;
      const k = columnsOf(program.graph, x!) / count;
      return (n) =>
        program.kernels.pairwiseBack(
          ...([d.address, v.address, v.stride, n, count, k] as const),
          ...([to.accumulate, to.address, to.stride] as const),
        );
    },
  },
  concatColumns: {
    forward: ({ id, operands: [left, right] }, program) => {
      const whole = program.value(id);
      const width = columnsOf(program.graph, left!);
      return together(
        copyTo(left!, { ...whole }, id, program),
        copyTo(right!, { ...whole, address: whole.address + 4 * width }, id, program),
      );
    },
    backward: ({ id, operands: [left, right] }, program) => {
      const whole = program.gradient(id);
      const width = columnsOf(program.graph, left!);
      return together(
        copyGradient(left!, whole, id, program),
        copyGradient(right!, { ...whole, address: whole.address + 4 * width }, id, program),
      );
    },
  },
  sliceColumns: {
    forward: ({ id, operands: [x], columns, options }, program) => {
      const [from, to] = [program.value(x!), program.value(id)];
      const address = from.address + 4 * options.from!;
      return (n) =>
        program.kernels.copyColumns(
          ...([address, from.stride, n, columns, false, to.address, to.stride] as const),
        );
    },
    backward: ({ id, operands: [x], columns, options }, program) => {
      const to = program.gradientTo(x!);
      if (!to) return nothing;
      const d = program.gradient(id);
      const width = columnsOf(program.graph, x!);
      // What nobody has written yet is nothing beside the slice.
      const nothings = to.accumulate ? 0 : program.memory.allocate(roundUp(width, 4));
      return (n) => {
        if (!to.accumulate)
          program.kernels.copyColumns(nothings, 0, n, width, false, to.address, to.stride);
        program.kernels.copyColumns(
          ...([d.address, d.stride, n, columns, true] as const),
          ...([to.address + 4 * options.from!, to.stride] as const),
        );
      };
    },
  },
  add: {
    forward: ({ id, operands, columns }, program) => {
      const to = program.value(id);
      const terms = operands.map((term) => program.value(term));
      return (n) =>
        terms.forEach(({ address, stride }, i) =>
          program.kernels.copyColumns(
            ...([address, stride, n, columns, i > 0] as const),
            ...([to.address, to.stride] as const),
          ),
        );
    },
    backward: ({ id, operands }, program) =>
      together(...operands.map((term) => copyGradient(term, program.gradient(id), id, program))),
  },
  addBias: {
    forward: ({ id, operands: [x, b], columns }, program) => {
      const [from, to] = [program.value(x!), program.value(id)];
      const bias = program.parameter(b!).values;
      return (n) =>
        program.kernels.addBias(
          ...([from.address, from.stride, bias, n, columns] as const),
          ...([to.address, to.stride] as const),
        );
    },
    backward: ({ id, operands: [x, b], columns }, program) => {
      const d = program.gradient(id);
      const { gradient } = program.parameter(b!);
      return together(
        (n) => program.kernels.gateAndSum(d.address, d.stride, 0, 0, n, columns, false, gradient),
        copyGradient(x!, d, id, program),
      );
    },
  },
};

function layerForward({ id, operands, options }: BlockNode, program: Program): Instruction {
  const { kernels } = program;
  const [x, w, b] = operands as [number, number, number | undefined];
  const [from, to] = [program.value(x), program.value(id)];
  const [k, m] = shapeOf(program.graph, w);
  const relu = options.relu === true;
  if (m === 1) {
    const bias = b === undefined ? 0 : program.parameter(b).values;
    const { values } = program.parameter(w);
    return (n) =>
      kernels.dot(from.address, from.stride, values, n, k, bias, relu, false, to.address);
  }
  const bias = b === undefined ? 0 : program.bias(b);
  const panels = program.panels(w, false);
  return (n) =>
    kernels.product(
      ...([from.address, from.stride, panels, n, k, m, bias, relu, false] as const),
      ...([to.address, to.stride] as const),
    );
}

function layerBackward({ id, operands, options }: BlockNode, program: Program): Instruction {
  const { kernels } = program;
  const [, w, b] = operands as [number, number, number | undefined];
  const [d, y] = [program.gradient(id), program.value(id)];
  const m = shapeOf(program.graph, w)[1];
  const relu = options.relu === true;
  const sums = b === undefined ? 0 : program.parameter(b).gradient;
  const gate: Instruction =
    relu || sums !== 0
      ? (n) => kernels.gateAndSum(d.address, d.stride, y.address, y.stride, n, m, relu, sums)
      : nothing;
  return together(
    gate,
    weightGradient(id, operands, program),
    inputGradient(id, operands, program),
  );
}

/** xᵀ·d; of a single row or column of weights it is a sum of rows. */
function weightGradient(id: number, operands: readonly number[], program: Program): Instruction {
  const { kernels, graph } = program;
  const [x, w] = operands as [number, number];
  const [k, m] = shapeOf(graph, w);
  const [d, input] = [program.gradient(id), program.value(x)];
  const { gradient } = program.parameter(w);
  if (m === 1)
    return (n) => kernels.weightedSum(d.address, input.address, input.stride, n, k, gradient);
  if (k === 1)
    return (n) => kernels.weightedSum(input.address, d.address, d.stride, n, m, gradient);
  const scratch = program.outerScratch(k, m);
  return (n) =>
    kernels.outer(
      ...([input.address, input.stride, d.address, d.stride, n, k, m] as const),
      ...([gradient, scratch] as const),
    );
}

/** d·wᵀ. */
function inputGradient(id: number, operands: readonly number[], program: Program): Instruction {
  const { kernels, graph } = program;
  const [x, w] = operands as [number, number];
  const to = program.gradientTo(x);
  if (!to) return nothing;
  const [k, m] = shapeOf(graph, w);
  const d = program.gradient(id);
  const { values } = program.parameter(w);
  const { address, stride, accumulate } = to;
  if (k === 1)
    return (n) => kernels.dot(d.address, d.stride, values, n, m, 0, false, accumulate, address);
  if (!isMatrix([k, m]))
    return (n) => kernels.rankOne(d.address, values, n, k, accumulate, address, stride);
  const panels = program.panels(w, true);
  return (n) =>
    kernels.product(
      ...([d.address, d.stride, panels, n, m, k, 0, false, accumulate] as const),
      ...([address, stride] as const),
    );
}

function copyTo(
  part: number,
  to: { address: number; stride: number },
  whole: number,
  program: Program,
): Instruction {
  if (program.liesIn(part, whole)) return nothing;
  const from = program.value(part);
  const columns = columnsOf(program.graph, part);
  return (n) =>
    program.kernels.copyColumns(
      ...([from.address, from.stride, n, columns, false] as const),
      ...([to.address, to.stride] as const),
    );
}

/** Of an operand whose gradient is that of the block, or a part of it. */
function copyGradient(
  operand: number,
  from: { address: number; stride: number },
  whole: number,
  program: Program,
): Instruction {
  if (program.liesIn(operand, whole)) return nothing;
  const to = program.gradientTo(operand);
  if (!to) return nothing;
  const columns = columnsOf(program.graph, operand);
  return (n) =>
    program.kernels.copyColumns(
      ...([from.address, from.stride, n, columns, to.accumulate] as const),
      ...([to.address, to.stride] as const),
    );
}

function shapeOf({ nodes }: Graph, id: number): readonly [number, number] {
  const node = nodes[id]!;
  if (node.kind !== 'parameter') throw new Error(`node ${id} is no parameter`);
  return node.shape;
}
