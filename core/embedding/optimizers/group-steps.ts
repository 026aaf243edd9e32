import type { RowMemory } from './optimizer.js';

/**
 * Update rules that make weights exactly zero: FTRL by coordinate, the group rules by row. A row that is zero as a whole
 * reads like an absent one. Coordinates are in single precision, norms and rates of rows in double, as in steps.ts; a norm is the
 * sum of its coordinates one after the other, so that the kernels have the same bits.
 */
const { abs, fround, max, min, sqrt } = Math;

/** Below any square root that is not 0, so that 0 / 0 is 0. */
const tiny = 2 ** -126;

/**
 * FTRL-proximal (McMahan et al., 2013): n' = n + g²; σ = (√n' − √n) / η; z ← z + g − σ·w. σ is computed as
 * g² / (η·(√n' + √n)), the same without the difference of two like numbers.
 * w = 0 if |z| ≤ λ₁, else −(z − sign(z)·λ₁) / ((β + √n') / η + λ₂).
 * With a group lasso (Ni et al., 2019, "Feature selection for FTRL with group lasso"; the sparse group lasso of Yue et
 * al., 2021): u = soft(z, λ₁); w = 0 if ‖u‖ ≤ λ₂₁·√dim, else as above, times 1 − λ₂₁·√dim / ‖u‖.
 * A weight that does not start at 0 is kept by the first σ·w. State: z, n.
 */
export function stepFtrl(
  { pages, pageShift, pageMask, rowWidth }: RowMemory,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  grads: Float32Array,
  gradStart: number,
  rate: number,
  beta: number,
  l1: number,
  l2: number,
  groupLasso: number,
): void {
  const threshold = groupLasso * sqrt(dim);
  const eta = fround(rate);
  const betaOf = fround(beta);
  const cut = fround(l1);
  const shrink = fround(l2);
  for (let i = 0; i < rowCount; i++) {
    const page = pages[rows[i]! >>> pageShift]!;
    const w = (rows[i]! & pageMask) * rowWidth;
    const g = gradStart + i * dim;
    let squares = 0;
    for (let d = 0; d < dim; d++) {
      const gradient = grads[g + d]!;
      const before = page[w + 2 * dim + d]!;
      const square = fround(gradient * gradient);
      const after = fround(before + square);
      const roots = fround(fround(sqrt(after)) + fround(sqrt(before)));
      const sigma = fround(square / max(fround(roots * eta), tiny));
      page[w + dim + d]! += fround(gradient - fround(sigma * page[w + d]!));
      page[w + 2 * dim + d] = after;
      const soft = max(0, fround(abs(page[w + dim + d]!) - cut));
      squares += soft * soft;
    }
    const share = threshold === 0 ? 1 : fround(max(0, 1 - threshold / sqrt(squares)));
    for (let d = 0; d < dim; d++) {
      const z = page[w + dim + d]!;
      const root = fround(betaOf + fround(sqrt(page[w + 2 * dim + d]!)));
      // A row that never had a gradient has nothing to divide by, and nothing to be.
      const divisor = max(fround(fround(root / eta) + shrink), tiny);
      const size = fround(fround(max(0, fround(abs(z) - cut)) * share) / divisor);
      page[w + d] = z > 0 ? 0 - size : size;
    }
  }
}

/**
 * One accumulator for the whole row, as Monolith's group Adagrad has: G ← G + ‖g‖² / dim; η' = η / (√G + β);
 * w ← w − η'·g; then the proximal step of λ·√dim·‖w‖ (Yuan & Lin, 2006): w ← w · max(0, 1 − η'·λ·√dim / ‖w‖). State: G.
 */
export function stepGroupAdagrad(
  { pages, pageShift, pageMask, rowWidth }: RowMemory,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  grads: Float32Array,
  gradStart: number,
  rate: number,
  beta: number,
  groupLasso: number,
): void {
  const threshold = groupLasso * sqrt(dim);
  for (let i = 0; i < rowCount; i++) {
    const page = pages[rows[i]! >>> pageShift]!;
    const w = (rows[i]! & pageMask) * rowWidth;
    const g = gradStart + i * dim;
    let squares = 0;
    for (let d = 0; d < dim; d++) squares += grads[g + d]! * grads[g + d]!;
    const accumulator = fround(page[w + dim]! + squares / dim);
    page[w + dim] = accumulator;
    const divisor = sqrt(accumulator) + beta;
    if (divisor === 0) continue; // No gradient yet, of any size.
    const rowRate = rate / divisor;
    const eta = fround(rowRate);
    let norm = 0;
    for (let d = 0; d < dim; d++) {
      const weight = fround(page[w + d]! - fround(eta * grads[g + d]!));
      page[w + d] = weight;
      norm += weight * weight;
    }
    if (threshold === 0) continue;
    // What is cut off, and not what is left: that is close to 1, and its rounding would add up over the steps.
    const cut = norm === 0 ? 1 : fround(min(1, (rowRate * threshold) / sqrt(norm)));
    for (let d = 0; d < dim; d++) page[w + d]! -= fround(cut * page[w + d]!);
  }
}
