// Blocks that look at each number, or each row, for itself.

import { exponential, madd, sum, zeros } from './lanes';

/** out = x · y, or out + x · y, number by number; columns up to a multiple of four. */
export function multiply(
  x: usize,
  ldx: u32,
  y: usize,
  ldy: u32,
  n: u32,
  c: u32,
  accumulate: bool,
  out: usize,
  ldo: u32,
): void {
  if (c == 1) {
    c = n;
    n = 1;
  }
  for (let i: u32 = 0; i < n; i++) {
    for (let j: u32 = 0; j < c; j += 4) {
      const at = out + (j << 2);
      const before = accumulate ? v128.load(at) : zeros();
      v128.store(at, madd(v128.load(x + (j << 2)), v128.load(y + (j << 2)), before));
    }
    x += <usize>ldx << 2;
    y += <usize>ldy << 2;
    out += <usize>ldo << 2;
  }
}

/** out = x · its row's factor, or out + it; f [n]. */
export function scaleRows(
  x: usize,
  ldx: u32,
  f: usize,
  n: u32,
  c: u32,
  accumulate: bool,
  out: usize,
  ldo: u32,
): void {
  if (c == 1) {
    multiply(x, 1, f, 1, n, 1, accumulate, out, 1);
    return;
  }
  for (let i: u32 = 0; i < n; i++, f += 4) {
    const factor = v128.load32_splat(f);
    for (let j: u32 = 0; j < c; j += 4) {
      const at = out + (j << 2);
      const before = accumulate ? v128.load(at) : zeros();
      v128.store(at, madd(v128.load(x + (j << 2)), factor, before));
    }
    x += <usize>ldx << 2;
    out += <usize>ldo << 2;
  }
}

/** out [n] = a·b of each row, or out + it. */
export function rowDots(
  a: usize,
  lda: u32,
  b: usize,
  ldb: u32,
  n: u32,
  c: u32,
  accumulate: bool,
  out: usize,
): void {
  for (let i: u32 = 0; i < n; i++, out += 4) {
    const value = dotOf(a, b, c);
    store<f32>(out, accumulate ? load<f32>(out) + value : value);
    a += <usize>lda << 2;
    b += <usize>ldb << 2;
  }
}

@inline
function dotOf(a: usize, b: usize, c: u32): f32 {
  const quads = c & ~3;
  let lanes = zeros();
  let j: u32 = 0;
  for (; j < quads; j += 4)
    lanes = madd(v128.load(a + (j << 2)), v128.load(b + (j << 2)), lanes);
  let value = sum(lanes);
  for (; j < c; j++) value += load<f32>(a + (j << 2)) * load<f32>(b + (j << 2));
  return value;
}

/** y = 1 / (1 + e^−x). */
export function sigmoid(x: usize, ldx: u32, n: u32, c: u32, y: usize, ldy: u32): void {
  if (c == 1) {
    c = n;
    n = 1;
  }
  const one = f32x4.splat(1);
  for (let i: u32 = 0; i < n; i++, x += <usize>ldx << 2, y += <usize>ldy << 2)
    for (let j: u32 = 0; j < c; j += 4) {
      const value = v128.load(x + (j << 2));
      const e = exponential(f32x4.neg(f32x4.abs(value)));
      const above = v128.bitselect(e, one, f32x4.lt(value, zeros()));
      v128.store(y + (j << 2), f32x4.div(above, f32x4.add(e, one)));
    }
}

/** out = d · y · (1 − y), or out + it. */
export function sigmoidBack(
  d: usize,
  ldd: u32,
  y: usize,
  ldy: u32,
  n: u32,
  c: u32,
  accumulate: bool,
  out: usize,
  ldo: u32,
): void {
  if (c == 1) {
    c = n;
    n = 1;
  }
  const one = f32x4.splat(1);
  for (let i: u32 = 0; i < n; i++) {
    for (let j: u32 = 0; j < c; j += 4) {
      const at = out + (j << 2);
      const value = v128.load(y + (j << 2));
      const slope = f32x4.mul(value, f32x4.sub(one, value));
      const before = accumulate ? v128.load(at) : zeros();
      v128.store(at, madd(v128.load(d + (j << 2)), slope, before));
    }
    d += <usize>ldd << 2;
    y += <usize>ldy << 2;
    out += <usize>ldo << 2;
  }
}

let mean: f64 = 0;
let scale: f64 = 0;

/** Of a row, its mean and 1 / √(variance + ε), in double precision: a difference of large numbers is small. */
function momentsOf(x: usize, c: u32): void {
  let total: f64 = 0;
  for (let j: u32 = 0; j < c; j++) total += <f64>load<f32>(x + (j << 2));
  mean = total / <f64>c;
  let squares: f64 = 0;
  for (let j: u32 = 0; j < c; j++) {
    const difference = <f64>load<f32>(x + (j << 2)) - mean;
    squares += difference * difference;
  }
  scale = 1 / sqrt(squares / <f64>c + 1e-5);
}

/** y = (x − mean) / √(variance + ε) · gain + bias. */
export function layerNorm(
  x: usize,
  ldx: u32,
  gain: usize,
  bias: usize,
  n: u32,
  c: u32,
  y: usize,
  ldy: u32,
): void {
  for (let i: u32 = 0; i < n; i++, x += <usize>ldx << 2, y += <usize>ldy << 2) {
    momentsOf(x, c);
    for (let j: u32 = 0; j < c; j++) {
      const at = j << 2;
      const normal = (<f64>load<f32>(x + at) - mean) * scale;
      store<f32>(y + at, <f32>(normal * load<f32>(gain + at) + load<f32>(bias + at)));
    }
  }
}

/** With normal = (x − mean) · scale: dx = scale · (g − mean(g) − normal · mean(g · normal)), g = d · gain; ofGain += d · normal. dx: 0 where nobody wants it. */
export function layerNormBack(
  d: usize,
  ldd: u32,
  x: usize,
  ldx: u32,
  gain: usize,
  n: u32,
  c: u32,
  accumulate: bool,
  dx: usize,
  lddx: u32,
  ofGain: usize,
): void {
  for (let i: u32 = 0; i < n; i++, d += <usize>ldd << 2, x += <usize>ldx << 2) {
    momentsOf(x, c);
    let total: f64 = 0;
    let along: f64 = 0;
    for (let j: u32 = 0; j < c; j++) {
      const at = j << 2;
      const slope = <f64>load<f32>(d + at);
      const normal = (<f64>load<f32>(x + at) - mean) * scale;
      store<f32>(ofGain + at, <f32>(<f64>load<f32>(ofGain + at) + slope * normal));
      total += slope * load<f32>(gain + at);
      along += slope * load<f32>(gain + at) * normal;
    }
    if (dx == 0) continue;
    for (let j: u32 = 0; j < c; j++) {
      const at = j << 2;
      const normal = (<f64>load<f32>(x + at) - mean) * scale;
      const own = <f64>load<f32>(d + at) * load<f32>(gain + at);
      const before: f64 = accumulate ? load<f32>(dx + at) : 0;
      store<f32>(dx + at, <f32>(before + scale * (own - total / c - (normal * along) / c)));
    }
    dx += <usize>lddx << 2;
  }
}

/** y = x / max(|x|, 1e-6), row by row. */
export function normalizeRows(x: usize, ldx: u32, n: u32, c: u32, y: usize, ldy: u32): void {
  for (let i: u32 = 0; i < n; i++, x += <usize>ldx << 2, y += <usize>ldy << 2) {
    const length = max<f32>(sqrt(dotOf(x, x, c)), 1e-6);
    for (let j: u32 = 0; j < c; j++) store<f32>(y + (j << 2), load<f32>(x + (j << 2)) / length);
  }
}

/** dx = (d − y · (d·y)) / |x|, or dx + it; of a row shorter than 1e-6, d / 1e-6. */
export function normalizeRowsBack(
  d: usize,
  ldd: u32,
  x: usize,
  ldx: u32,
  y: usize,
  ldy: u32,
  n: u32,
  c: u32,
  accumulate: bool,
  dx: usize,
  lddx: u32,
): void {
  for (let i: u32 = 0; i < n; i++) {
    const length = sqrt(dotOf(x, x, c));
    const along: f32 = length > 1e-6 ? dotOf(d, y, c) : 0;
    const divisor = max<f32>(length, 1e-6);
    for (let j: u32 = 0; j < c; j++) {
      const at = j << 2;
      const value = (load<f32>(d + at) - load<f32>(y + at) * along) / divisor;
      store<f32>(dx + at, accumulate ? load<f32>(dx + at) + value : value);
    }
    d += <usize>ldd << 2;
    x += <usize>ldx << 2;
    y += <usize>ldy << 2;
    dx += <usize>lddx << 2;
  }
}

/** y [s · (s − 1) / 2] = v_a·v_b of each pair a < b of s vectors of k numbers. */
export function dotInteractions(
  v: usize,
  ldv: u32,
  n: u32,
  s: u32,
  k: u32,
  y: usize,
  ldy: u32,
): void {
  const vectorBytes = k << 2;
  for (let i: u32 = 0; i < n; i++, v += <usize>ldv << 2, y += <usize>ldy << 2) {
    let out = y;
    for (let a: u32 = 0; a < s; a++)
      for (let b = a + 1; b < s; b++, out += 4)
        store<f32>(out, dotOf(v + a * vectorBytes, v + b * vectorBytes, k));
  }
}

/** dv_a = Σ_b d_ab · v_b, or dv + it. */
export function dotInteractionsBack(
  d: usize,
  ldd: u32,
  v: usize,
  ldv: u32,
  n: u32,
  s: u32,
  k: u32,
  accumulate: bool,
  dv: usize,
  lddv: u32,
): void {
  const vectorBytes = k << 2;
  for (let i: u32 = 0; i < n; i++) {
    if (!accumulate) memory.fill(dv, 0, s * vectorBytes);
    let at = d;
    for (let a: u32 = 0; a < s; a++)
      for (let b = a + 1; b < s; b++, at += 4) {
        const slope = load<f32>(at);
        addScaled(dv + a * vectorBytes, v + b * vectorBytes, slope, k);
        addScaled(dv + b * vectorBytes, v + a * vectorBytes, slope, k);
      }
    d += <usize>ldd << 2;
    v += <usize>ldv << 2;
    dv += <usize>lddv << 2;
  }
}

/** target += source · factor. */
@inline
export function addScaled(target: usize, source: usize, factor: f32, count: u32): void {
  const quads = count & ~3;
  const factors = f32x4.splat(factor);
  let j: u32 = 0;
  for (; j < quads; j += 4) {
    const at = target + (j << 2);
    v128.store(at, madd(v128.load(source + (j << 2)), factors, v128.load(at)));
  }
  for (; j < count; j++) {
    const at = target + (j << 2);
    store<f32>(at, load<f32>(at) + load<f32>(source + (j << 2)) * factor);
  }
}
