import { kernelKeysMax, kernelKeysMin } from '../kernels/arena.js';
import type { Kernels } from '../kernels/kernels.js';
import { positions, type PageDirectory } from '../page-directory.js';
import type { RowMemory } from './optimizer.js';
import { clipGradients, type GradientRules } from './prepared-gradients.js';

/** One step of a block whose rows begin at `places`. Figures of single precision are rounded on their way in. */
export type KernelStep = (
  kernels: Kernels,
  places: number,
  count: number,
  dim: number,
  grads: number,
  rate: number,
  /** 0: none. */
  squares: number,
) => void;

/** Where the kernels reach all pages and a call of them pays. */
export function reachOf(memory: RowMemory, rowCount: number): PageDirectory | undefined {
  if (rowCount < kernelKeysMin || rowCount > kernelKeysMax) return undefined;
  return memory.directory && memory.directory.reaches.length > 0 ? memory.directory : undefined;
}

/**
 * Decay, clipping and the step of a block, arena by arena, with the bits of the TypeScript that it stands for; false, with
 * nothing done, where an arena has no room for the gradients.
 */
export function stepByKernels(
  step: KernelStep,
  rules: GradientRules,
  directory: PageDirectory,
  { pageShift, rowWidth }: RowMemory,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  grads: Float32Array,
  gradStart: number,
  rate: number,
  squares: Float32Array | undefined,
): boolean {
  const { reaches } = directory;
  const floats = kernelKeysMax * dim;
  const room = squares ? 2 * floats : floats;
  for (const { arena } of reaches) if (!arena.floats(room)) return false;
  for (const [r, { arena, list }] of reaches.entries()) {
    const count = directory.select(r, rows, rowCount, pageShift);
    const { kernels, places, scratch } = arena;
    const gradients = arena.floats(room)!;
    takeGradients(grads, gradStart, rowCount, dim, gradients, count);
    const ofExamples = squares && gradients.subarray(floats);
    if (ofExamples) takeGradients(squares, gradStart, rowCount, dim, ofExamples, count);
    if (rules.clips) clipGradients(rules, gradients, count, dim);
    kernels.touch(list, pageShift, 4 * rowWidth, arena.rows.byteOffset, count, places, scratch);
    if (rules.decoupled > 0) kernels.decayWeights(places, count, dim, rate * rules.decoupled);
    if (rules.l2 > 0) kernels.addWeights(places, count, dim, gradients.byteOffset, rules.l2);
    const squaresAt = ofExamples?.byteOffset ?? 0;
    step(kernels, places, count, dim, gradients.byteOffset, rate, squaresAt);
  }
  return true;
}

/** Those of the rows that were selected last. */
function takeGradients(
  grads: Float32Array,
  gradStart: number,
  rowCount: number,
  dim: number,
  gradients: Float32Array,
  count: number,
): void {
  if (count === rowCount) {
    gradients.set(grads.subarray(gradStart, gradStart + count * dim));
    return;
  }
  for (let i = 0; i < count; i++) {
    const source = gradStart + positions[i]! * dim;
    for (let d = 0; d < dim; d++) gradients[i * dim + d] = grads[source + d]!;
  }
}
