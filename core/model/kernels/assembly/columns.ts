// Blocks that go over rows once. Columns are exact here: what lies beside may belong to somebody else.

import { exponential, log1p, madd, sum, zeros } from './lanes';

/** y = x, or y + x; c columns of n rows. */
export function copyColumns(
  x: usize,
  ldx: u32,
  n: u32,
  c: u32,
  accumulate: bool,
  y: usize,
  ldy: u32,
): void {
  // One block of memory, where neither has anything beside it; n is a multiple of 4.
  if (c == ldx && c == ldy) {
    c = c * n;
    n = 1;
  }
  const quads = c & ~3;
  for (let i: u32 = 0; i < n; i++, x += <usize>ldx << 2, y += <usize>ldy << 2) {
    let j: u32 = 0;
    for (; j < quads; j += 4) {
      const value = v128.load(x + (j << 2));
      const at = y + (j << 2);
      v128.store(at, accumulate ? f32x4.add(v128.load(at), value) : value);
    }
    for (; j < c; j++) {
      const at = y + (j << 2);
      store<f32>(at, load<f32>(x + (j << 2)) + (accumulate ? load<f32>(at) : 0));
    }
  }
}

/** y = x + b for each row. */
export function addBias(x: usize, ldx: u32, b: usize, n: u32, c: u32, y: usize, ldy: u32): void {
  for (let i: u32 = 0; i < n; i++, x += <usize>ldx << 2, y += <usize>ldy << 2)
    for (let j: u32 = 0; j < c; j++)
      store<f32>(y + (j << 2), load<f32>(x + (j << 2)) + load<f32>(b + (j << 2)));
}

/** y [n] = Σ of each row. */
export function sumColumns(x: usize, ldx: u32, n: u32, c: u32, y: usize): void {
  const quads = c & ~3;
  for (let i: u32 = 0; i < n; i++, x += <usize>ldx << 2, y += 4) {
    let lanes = zeros();
    let j: u32 = 0;
    for (; j < quads; j += 4) lanes = f32x4.add(lanes, v128.load(x + (j << 2)));
    let total = sum(lanes);
    for (; j < c; j++) total += load<f32>(x + (j << 2));
    store<f32>(y, total);
  }
}

/** x = d of its row in each column, or x + it. */
export function spreadColumns(
  d: usize,
  n: u32,
  c: u32,
  accumulate: bool,
  x: usize,
  ldx: u32,
): void {
  for (let i: u32 = 0; i < n; i++, d += 4, x += <usize>ldx << 2) {
    const value = load<f32>(d);
    for (let j: u32 = 0; j < c; j++) {
      const at = x + (j << 2);
      store<f32>(at, value + (accumulate ? load<f32>(at) : 0));
    }
  }
}

/** y [n] = ½·Σ_f ((Σ_s v)² − Σ_s v²), of s vectors of k numbers side by side. */
export function pairwise(v: usize, ldv: u32, n: u32, s: u32, k: u32, y: usize): void {
  const quads = k & ~3;
  const vectorBytes = <usize>k << 2;
  const end = <usize>s * vectorBytes;
  for (let i: u32 = 0; i < n; i++, v += <usize>ldv << 2, y += 4) {
    let lanes = zeros();
    let f: u32 = 0;
    for (; f < quads; f += 4) {
      let total = zeros();
      let squares = zeros();
      for (let at: usize = f << 2; at < end; at += vectorBytes) {
        const value = v128.load(v + at);
        total = f32x4.add(total, value);
        squares = madd(value, value, squares);
      }
      lanes = f32x4.add(lanes, f32x4.sub(f32x4.mul(total, total), squares));
    }
    let value = sum(lanes);
    for (; f < k; f++) {
      let total: f32 = 0;
      let squares: f32 = 0;
      for (let at: usize = f << 2; at < end; at += vectorBytes) {
        const each = load<f32>(v + at);
        total += each;
        squares += each * each;
      }
      value += total * total - squares;
    }
    store<f32>(y, value * 0.5);
  }
}

/** d/dv_s = ((Σ v) − v_s) · d. */
export function pairwiseBack(
  d: usize,
  v: usize,
  ldv: u32,
  n: u32,
  s: u32,
  k: u32,
  accumulate: bool,
  out: usize,
  ldo: u32,
): void {
  const quads = k & ~3;
  const vectorBytes = <usize>k << 2;
  const end = <usize>s * vectorBytes;
  for (let i: u32 = 0; i < n; i++, d += 4, v += <usize>ldv << 2, out += <usize>ldo << 2) {
    const slope = v128.load32_splat(d);
    let f: u32 = 0;
    for (; f < quads; f += 4) {
      let total = zeros();
      for (let at: usize = f << 2; at < end; at += vectorBytes)
        total = f32x4.add(total, v128.load(v + at));
      for (let at: usize = f << 2; at < end; at += vectorBytes) {
        const before = accumulate ? v128.load(out + at) : zeros();
        v128.store(out + at, madd(f32x4.sub(total, v128.load(v + at)), slope, before));
      }
    }
    for (; f < k; f++) {
      let total: f32 = 0;
      for (let at: usize = f << 2; at < end; at += vectorBytes) total += load<f32>(v + at);
      for (let at: usize = f << 2; at < end; at += vectorBytes) {
        const before: f32 = accumulate ? load<f32>(out + at) : 0;
        store<f32>(out + at, before + (total - load<f32>(v + at)) * load<f32>(d));
      }
    }
  }
}

/**
 * Σ weight · loss over `count` numbers, in fours, and d: its slope by the logit. Cross entropy, ln(1 + e^z) − y·z; where `squared` has
 * ones, ½·(z − y)². squared: as many numbers as `period`, or 0. What weighs nothing says nothing, whatever its logit is.
 */
export function loss(
  z: usize,
  labels: usize,
  weights: usize,
  count: u32,
  squared: usize,
  period: u32,
  d: usize,
): f64 {
  let totals = f64x2.splat(0);
  const one = f32x4.splat(1);
  for (let i: u32 = 0, at: usize = 0; i < count; i += 4, at += 16) {
    const logit = v128.load(z + at);
    const label = v128.load(labels + at);
    const weight = v128.load(weights + at);
    const e = exponential(f32x4.neg(f32x4.abs(logit)));
    const chance = f32x4.div(
      v128.bitselect(e, one, f32x4.lt(logit, zeros())),
      f32x4.add(e, one),
    );
    let value = f32x4.sub(
      f32x4.add(f32x4.max(logit, zeros()), log1p(e)),
      f32x4.mul(label, logit),
    );
    let slope = f32x4.sub(chance, label);
    if (squared != 0) {
      const isSquared = f32x4.gt(v128.load(squared + ((i % period) << 2)), zeros());
      const difference = f32x4.sub(logit, label);
      const half = f32x4.mul(f32x4.mul(difference, difference), f32x4.splat(0.5));
      value = v128.bitselect(half, value, isSquared);
      slope = v128.bitselect(difference, slope, isSquared);
    }
    const counts = f32x4.gt(weight, zeros());
    v128.store(d + at, v128.and(f32x4.mul(slope, weight), counts));
    value = v128.and(f32x4.mul(value, weight), counts);
    totals = f64x2.add(totals, f64x2.promote_low_f32x4(value));
    totals = f64x2.add(
      totals,
      f64x2.promote_low_f32x4(v128.shuffle<f32>(value, value, 2, 3, 0, 1)),
    );
  }
  return f64x2.extract_lane(totals, 0) + f64x2.extract_lane(totals, 1);
}
