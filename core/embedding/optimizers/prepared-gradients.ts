import type { OptimizerSpec, RowMemory } from './optimizer.js';

const { fround } = Math;

/**
 * Clipping and weight decay, which are the same for every optimizer: a pass over the block before its step, taken only
 * when something is to be done. Clipped gradients go to an array of their own, as the caller's are not ours to change.
 */
export interface GradientRules {
  readonly clip: number;
  readonly clipNorm: number;
  readonly l2: number;
  readonly decoupled: number;
  readonly clips: boolean;
}

export function gradientRules(spec: OptimizerSpec): GradientRules {
  const { clip = Infinity, clipNorm = Infinity, weightDecay = 0, weightDecayKind } = spec;
  const l2 = weightDecayKind === 'l2' ? weightDecay : 0;
  return {
    clip,
    clipNorm,
    l2,
    decoupled: weightDecayKind === 'l2' ? 0 : weightDecay,
    clips: clip < Infinity || clipNorm < Infinity,
  };
}

// Shared by all tables: a block never yields to another. Grows to the largest block.
let prepared = new Float32Array(0);

/** The gradients of a block after clipping and L2, in an array that holds until the next call. */
export function prepareGradients(
  rules: GradientRules,
  { pages, pageShift, pageMask, rowWidth }: RowMemory,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  grads: Float32Array,
  gradStart: number,
): Float32Array {
  if (prepared.length < rowCount * dim) prepared = new Float32Array(rowCount * dim);
  prepared.set(grads.subarray(gradStart, gradStart + rowCount * dim));
  if (rules.clips) clipGradients(rules, prepared, rowCount, dim);
  const l2 = fround(rules.l2);
  if (l2 === 0) return prepared;
  for (let i = 0; i < rowCount; i++) {
    const page = pages[rows[i]! >>> pageShift]!;
    const w = (rows[i]! & pageMask) * rowWidth;
    for (let d = 0; d < dim; d++) prepared[i * dim + d]! += fround(l2 * page[w + d]!);
  }
  return prepared;
}

/** In place: cut to ±clip by coordinate, then scaled to a norm of at most clipNorm. */
export function clipGradients(
  { clip, clipNorm }: GradientRules,
  grads: Float32Array,
  rowCount: number,
  dim: number,
): void {
  for (let start = 0; start < rowCount * dim; start += dim) {
    let squares = 0;
    for (let at = start; at < start + dim; at++) {
      const gradient = fround(Math.max(-clip, Math.min(clip, grads[at]!)));
      grads[at] = gradient;
      squares += gradient * gradient;
    }
    const norm = Math.sqrt(squares);
    if (norm <= clipNorm) continue;
    const share = fround(clipNorm / norm);
    for (let at = start; at < start + dim; at++) grads[at]! *= share;
  }
}

/** w ← w − decay·w. A row named twice decays twice, before both of its steps. */
export function decayWeights(
  memory: RowMemory,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  decay: number,
): void {
  const share = fround(decay);
  const { pages, pageShift, pageMask, rowWidth } = memory;
  for (let i = 0; i < rowCount; i++) {
    const page = pages[rows[i]! >>> pageShift]!;
    const offset = (rows[i]! & pageMask) * rowWidth;
    for (let d = 0; d < dim; d++) page[offset + d]! -= fround(share * page[offset + d]!);
  }
}
