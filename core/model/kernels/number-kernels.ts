import type { BlockName } from '../blocks.js';
import type { BlockNode } from '../graph.js';
import type { BlockKernel } from './block-kernels.js';
import { columnsOf, nothing, together, type Instruction } from './places.js';
import type { Program } from './program.js';

/** Blocks that look at each number, or each row, for itself. */
export const numberKernels = {
  multiply: {
    forward: ({ id, operands: [x, y], columns }, program) => {
      const [a, b, to] = [program.value(x!), program.value(y!), program.value(id)];
      return (n) =>
        program.kernels.multiply(
          ...([a.address, a.stride, b.address, b.stride, n, columns, false] as const),
          ...([to.address, to.stride] as const),
        );
    },
    backward: ({ id, operands: [x, y], columns }, program) =>
      together(
        productBack(id, x!, y!, columns, program),
        productBack(id, y!, x!, columns, program),
      ),
  },
  scaleRows: {
    forward: ({ id, operands: [x, factors], columns }, program) => {
      const [from, f, to] = [program.value(x!), program.value(factors!), program.value(id)];
      return (n) =>
        program.kernels.scaleRows(
          ...([from.address, from.stride, f.address, n, columns, false] as const),
          ...([to.address, to.stride] as const),
        );
    },
    backward: (node, program) => together(scaledBack(node, program), factorsBack(node, program)),
  },
  sigmoid: {
    forward: ({ id, operands: [x], columns }, program) => {
      const [from, to] = [program.value(x!), program.value(id)];
      return (n) =>
        program.kernels.sigmoid(from.address, from.stride, n, columns, to.address, to.stride);
    },
    backward: ({ id, operands: [x], columns }, program) => {
      const to = program.gradientTo(x!);
      if (!to) return nothing;
      const [d, y] = [program.gradient(id), program.value(id)];
      return (n) =>
        program.kernels.sigmoidBack(
          ...([d.address, d.stride, y.address, y.stride, n, columns] as const),
          ...([to.accumulate, to.address, to.stride] as const),
        );
    },
  },
  softmaxParts: {
    forward: ({ id, operands: [x], columns, options }, program) => {
      const [from, to] = [program.value(x!), program.value(id)];
      const count = options.count!;
      return (n) =>
        program.kernels.softmaxParts(
          ...([from.address, from.stride, n, count, columns / count] as const),
          ...([to.address, to.stride] as const),
        );
    },
    backward: ({ id, operands: [x], columns, options }, program) => {
      const to = program.gradientTo(x!);
      if (!to) return nothing;
      const [d, y] = [program.gradient(id), program.value(id)];
      const count = options.count!;
      return (n) =>
        program.kernels.softmaxPartsBack(
          ...([d.address, d.stride, y.address, y.stride, n, count, columns / count] as const),
          ...([to.accumulate, to.address, to.stride] as const),
        );
    },
  },
  layerNorm: {
    forward: ({ id, operands: [x, gain, bias], columns }, program) => {
      const [from, to] = [program.value(x!), program.value(id)];
      const [g, b] = [program.parameter(gain!).values, program.parameter(bias!).values];
      return (n) =>
        program.kernels.layerNorm(
          ...([from.address, from.stride, g, b, n, columns, to.address, to.stride] as const),
        );
    },
    backward: ({ id, operands: [x, gain, bias], columns }, program) => {
      const [d, from] = [program.gradient(id), program.value(x!)];
      const { values, gradient } = program.parameter(gain!);
      const sums = program.parameter(bias!).gradient;
      const to = program.gradientTo(x!) ?? { address: 0, stride: 0, accumulate: false };
      return (n) => {
        program.kernels.layerNormBack(
          ...([d.address, d.stride, from.address, from.stride, values, n, columns] as const),
          ...([to.accumulate, to.address, to.stride, gradient] as const),
        );
        program.kernels.gateAndSum(d.address, d.stride, 0, 0, n, columns, false, sums);
      };
    },
  },
  normalizeRows: {
    forward: ({ id, operands: [x], columns }, program) => {
      const [from, to] = [program.value(x!), program.value(id)];
      return (n) =>
        program.kernels.normalizeRows(from.address, from.stride, n, columns, to.address, to.stride);
    },
    backward: ({ id, operands: [x], columns }, program) => {
      const to = program.gradientTo(x!);
      if (!to) return nothing;
      const [d, from, y] = [program.gradient(id), program.value(x!), program.value(id)];
      return (n) =>
        program.kernels.normalizeRowsBack(
          ...([d.address, d.stride, from.address, from.stride, y.address, y.stride] as const),
          ...([n, columns, to.accumulate, to.address, to.stride] as const),
        );
    },
  },
  dotInteractions: {
    forward: ({ id, operands: [x], options }, program) => {
      const [from, to] = [program.value(x!), program.value(id)];
      const count = options.count!;
      const k = columnsOf(program.graph, x!) / count;
      return (n) =>
        program.kernels.dotInteractions(
          ...([from.address, from.stride, n, count, k, to.address, to.stride] as const),
        );
    },
    backward: ({ id, operands: [x], options }, program) => {
      const to = program.gradientTo(x!);
      if (!to) return nothing;
      const [d, v] = [program.gradient(id), program.value(x!)];
      const count = options.count!;
      const k = columnsOf(program.graph, x!) / count;
      return (n) =>
        program.kernels.dotInteractionsBack(
          ...([d.address, d.stride, v.address, v.stride, n, count, k] as const),
          ...([to.accumulate, to.address, to.stride] as const),
        );
    },
  },
} satisfies Readonly<Partial<Record<BlockName, BlockKernel>>>;

/** Of one side of a product, the gradient times the other side. */
function productBack(
  id: number,
  operand: number,
  other: number,
  columns: number,
  program: Program,
): Instruction {
  const to = program.gradientTo(operand);
  if (!to) return nothing;
  const [d, factor] = [program.gradient(id), program.value(other)];
  return (n) =>
    program.kernels.multiply(
      ...([d.address, d.stride, factor.address, factor.stride, n, columns] as const),
      ...([to.accumulate, to.address, to.stride] as const),
    );
}

function scaledBack({ id, operands, columns }: BlockNode, program: Program): Instruction {
  const [x, factors] = operands as [number, number];
  const to = program.gradientTo(x);
  if (!to) return nothing;
  const [d, f] = [program.gradient(id), program.value(factors)];
  return (n) =>
    program.kernels.scaleRows(
      ...([d.address, d.stride, f.address, n, columns] as const),
      ...([to.accumulate, to.address, to.stride] as const),
    );
}

function factorsBack({ id, operands, columns }: BlockNode, program: Program): Instruction {
  const [x, factors] = operands as [number, number];
  const to = program.gradientTo(factors);
  if (!to) return nothing;
  const [d, from] = [program.gradient(id), program.value(x)];
  return (n) =>
    program.kernels.rowDots(
      ...([d.address, d.stride, from.address, from.stride, n, columns] as const),
      ...([to.accumulate, to.address] as const),
    );
}
