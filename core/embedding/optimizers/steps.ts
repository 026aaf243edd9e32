import type { RowMemory } from './optimizer.js';

/**
 * The update rules, one function each: rows outside, coordinates inside, primitives and typed arrays only. They repeat
 * the walk over pages on purpose: with the walk in one place and the rule passed in, every coordinate would cost a call
 * as soon as two optimizers run in one process.
 *
 * g is the gradient, w the weight, η the rate of this step. Each operation on a coordinate is rounded to single precision,
 * as kernels/assembly/steps.ts has it: the same bits in both. (Of two floats, +, −, ×, / and √ in double precision rounded
 * once more are what single precision gives: Figueroa, 1995.) What is of a row is in double precision and rounded once.
 */
const { fround, sqrt } = Math;

/** w ← w − η·g. */
export function stepSgd(
  { pages, pageShift, pageMask, rowWidth }: RowMemory,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  grads: Float32Array,
  gradStart: number,
  rate: number,
): void {
  const eta = fround(rate);
  for (let i = 0; i < rowCount; i++) {
    const page = pages[rows[i]! >>> pageShift]!;
    const w = (rows[i]! & pageMask) * rowWidth;
    const g = gradStart + i * dim;
    for (let d = 0; d < dim; d++) page[w + d]! -= fround(eta * grads[g + d]!);
  }
}

/** m ← μ·m + g; w ← w − η·m, or with Nesterov's look-ahead w ← w − η·(g + μ·m) (Sutskever et al., 2013). State: m. */
export function stepMomentum(
  { pages, pageShift, pageMask, rowWidth }: RowMemory,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  grads: Float32Array,
  gradStart: number,
  rate: number,
  momentum: number,
  nesterov: boolean,
): void {
  const eta = fround(rate);
  const mu = fround(momentum);
  for (let i = 0; i < rowCount; i++) {
    const page = pages[rows[i]! >>> pageShift]!;
    const w = (rows[i]! & pageMask) * rowWidth;
    const g = gradStart + i * dim;
    for (let d = 0; d < dim; d++) {
      const gradient = grads[g + d]!;
      const m = fround(fround(mu * page[w + dim + d]!) + gradient);
      page[w + dim + d] = m;
      page[w + d]! -= fround(eta * (nesterov ? fround(gradient + fround(mu * m)) : m));
    }
  }
}

/**
 * Of the square of what a batch says, so much is added at least, whatever its examples say: a row that a thousand examples of one batch agree on
 * moves as if they were sixteen. Less: the first batch of a stream that is learned a thousand rows at a time throws it √1,000 rates far.
 * A power of two, so that a product with it is exact.
 */
const leastShare = 1 / 16;

/**
 * G ← G + g²; w ← w − η·g / √(G + ε): diagonal Adagrad (Duchi et al., 2011). State: G.
 *
 * @param firstRate η of the first weight of each row. @param squares what is added in place of g² where it is not far less, like `grads` from `squareStart` on.
 */
export function stepAdagrad(
  { pages, pageShift, pageMask, rowWidth }: RowMemory,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  grads: Float32Array,
  gradStart: number,
  rate: number,
  epsilon: number,
  firstRate: number,
  squares: Float32Array | undefined,
  squareStart: number,
): void {
  const rest = fround(rate);
  const first = fround(firstRate);
  const offset = fround(epsilon);
  for (let i = 0; i < rowCount; i++) {
    const page = pages[rows[i]! >>> pageShift]!;
    const w = (rows[i]! & pageMask) * rowWidth;
    const g = gradStart + i * dim;
    const q = squareStart + i * dim;
    for (let d = 0; d < dim; d++) {
      const gradient = grads[g + d]!;
      let square = fround(gradient * gradient);
      if (squares !== undefined) square = Math.max(squares[q + d]!, square * leastShare);
      const sum = fround(page[w + dim + d]! + square);
      const eta = d === 0 ? first : rest;
      page[w + dim + d] = sum;
      page[w + d]! -= fround(fround(eta * gradient) / fround(sqrt(fround(sum + offset))));
    }
  }
}

/** Steps of a row are counted in a float, exactly up to here; the bias correction is 1 long before. */
const countedStepsMax = 2 ** 24;

/** By squaring, so that the bits do not depend on whose `pow` it is. */
function powerOf(base: number, exponent: number): number {
  let power = 1;
  for (let left = exponent; left > 0; left >>>= 1) {
    if (left & 1) power *= base;
    base *= base;
  }
  return power;
}

/**
 * m ← β₁·m + (1−β₁)·g; v ← β₂·v + (1−β₂)·g²; w ← w − η·m̂ / (√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ) (Kingma & Ba,
 * 2015). AMSGrad takes the largest v so far in place of v (Reddi et al., 2018). t counts the steps of this row, not of
 * the table: a row that is rarely seen is corrected as the young row it is, and its moments rest while it is not seen
 * ("lazy" Adam). State: m, v, with AMSGrad the largest v, and t.
 */
export function stepAdam(
  { pages, pageShift, pageMask, rowWidth }: RowMemory,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  grads: Float32Array,
  gradStart: number,
  rate: number,
  beta1: number,
  beta2: number,
  epsilon: number,
  keepsLargest: boolean,
): void {
  const b1 = fround(beta1);
  const b2 = fround(beta2);
  const rest1 = fround(1 - b1);
  const rest2 = fround(1 - b2);
  const offset = fround(epsilon);
  const t = (keepsLargest ? 4 : 3) * dim;
  for (let i = 0; i < rowCount; i++) {
    const page = pages[rows[i]! >>> pageShift]!;
    const w = (rows[i]! & pageMask) * rowWidth;
    const g = gradStart + i * dim;
    const steps = Math.min(page[w + t]! + 1, countedStepsMax);
    page[w + t] = steps;
    const eta = fround(rate / (1 - powerOf(b1, steps)));
    const correction = fround(1 / (1 - powerOf(b2, steps)));
    for (let d = 0; d < dim; d++) {
      const gradient = grads[g + d]!;
      const m = fround(fround(b1 * page[w + dim + d]!) + fround(rest1 * gradient));
      const square = fround(fround(rest2 * gradient) * gradient);
      let v = fround(fround(b2 * page[w + 2 * dim + d]!) + square);
      page[w + dim + d] = m;
      page[w + 2 * dim + d] = v;
      if (keepsLargest) {
        const largest = page[w + 3 * dim + d]!;
        if (v < largest) v = largest;
        page[w + 3 * dim + d] = v;
      }
      const divisor = fround(fround(sqrt(fround(v * correction))) + offset);
      page[w + d]! -= fround(fround(eta * m) / divisor);
    }
  }
}

/**
 * s ← ρ·s + (1−ρ)·g²; w ← w − η·g / √(s + ε) (Hinton, 2012). With momentum: m ← μ·m + η·g / √(s + ε); w ← w − m.
 * State: s, and m if μ > 0.
 */
export function stepRmsprop(
  { pages, pageShift, pageMask, rowWidth }: RowMemory,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  grads: Float32Array,
  gradStart: number,
  rate: number,
  rho: number,
  momentum: number,
  epsilon: number,
): void {
  const eta = fround(rate);
  const share = fround(rho);
  const rest = fround(1 - share);
  const mu = fround(momentum);
  const offset = fround(epsilon);
  for (let i = 0; i < rowCount; i++) {
    const page = pages[rows[i]! >>> pageShift]!;
    const w = (rows[i]! & pageMask) * rowWidth;
    const g = gradStart + i * dim;
    for (let d = 0; d < dim; d++) {
      const gradient = grads[g + d]!;
      const added = fround(fround(rest * gradient) * gradient);
      const square = fround(fround(share * page[w + dim + d]!) + added);
      page[w + dim + d] = square;
      let move = fround(fround(eta * gradient) / fround(sqrt(fround(square + offset))));
      if (mu > 0) {
        move = fround(move + fround(mu * page[w + 2 * dim + d]!));
        page[w + 2 * dim + d] = move;
      }
      page[w + d]! -= move;
    }
  }
}

/**
 * s ← ρ·s + (1−ρ)·g²; Δ = g·√(u + ε) / √(s + ε); u ← ρ·u + (1−ρ)·Δ²; w ← w − η·Δ (Zeiler, 2012). State: s, u.
 */
export function stepAdadelta(
  { pages, pageShift, pageMask, rowWidth }: RowMemory,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  grads: Float32Array,
  gradStart: number,
  rate: number,
  rho: number,
  epsilon: number,
): void {
  const eta = fround(rate);
  const share = fround(rho);
  const rest = fround(1 - share);
  const offset = fround(epsilon);
  for (let i = 0; i < rowCount; i++) {
    const page = pages[rows[i]! >>> pageShift]!;
    const w = (rows[i]! & pageMask) * rowWidth;
    const g = gradStart + i * dim;
    for (let d = 0; d < dim; d++) {
      const gradient = grads[g + d]!;
      const added = fround(fround(rest * gradient) * gradient);
      const square = fround(fround(share * page[w + dim + d]!) + added);
      const moved = page[w + 2 * dim + d]!;
      const scaled = fround(gradient * fround(sqrt(fround(moved + offset))));
      const move = fround(scaled / fround(sqrt(fround(square + offset))));
      page[w + dim + d] = square;
      const moves = fround(fround(rest * move) * move);
      page[w + 2 * dim + d] = fround(share * moved) + moves;
      page[w + d]! -= fround(eta * move);
    }
  }
}
