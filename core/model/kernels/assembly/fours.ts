// Small products of four rows at once, whose right side is not packed: tiles of 4 × 8 in eight registers, as in matrix.ts, and in
// loops that are not unrolled, as there.

import { madd, zeros } from './lanes';

/** out [4 × m] = a [4 × k] · b [k × m] · scale, or out + it. All strides in floats; exactly m columns are written. */
export function fourTimes(
  a: usize,
  lda: u32,
  b: usize,
  ldb: u32,
  k: u32,
  m: u32,
  scale: f32,
  accumulate: bool,
  out: usize,
  ldo: u32,
): void {
  const aBytes = <usize>lda << 2;
  const bBytes = <usize>ldb << 2;
  const outBytes = <usize>ldo << 2;
  const scales = f32x4.splat(scale);
  const end = a + (<usize>k << 2);
  let j: u32 = 0;
  for (; j + 8 <= m; j += 8) {
    let c0 = zeros();
    let c1 = zeros();
    let c2 = zeros();
    let c3 = zeros();
    let c4 = zeros();
    let c5 = zeros();
    let c6 = zeros();
    let c7 = zeros();
    let a1 = a + aBytes;
    let a2 = a1 + aBytes;
    let a3 = a2 + aBytes;
    let row = b + (j << 2);
    for (let a0 = a; a0 < end; a0 += 4, a1 += 4, a2 += 4, a3 += 4, row += bBytes) {
      const b0 = v128.load(row);
      const b1 = v128.load(row, 16);
      let x = v128.load32_splat(a0);
      c0 = madd(x, b0, c0);
      c1 = madd(x, b1, c1);
      x = v128.load32_splat(a1);
      c2 = madd(x, b0, c2);
      c3 = madd(x, b1, c3);
      x = v128.load32_splat(a2);
      c4 = madd(x, b0, c4);
      c5 = madd(x, b1, c5);
      x = v128.load32_splat(a3);
      c6 = madd(x, b0, c6);
      c7 = madd(x, b1, c7);
    }
    let to = out + (j << 2);
    put(to, c0, scales, accumulate);
    put(to + 16, c1, scales, accumulate);
    to += outBytes;
    put(to, c2, scales, accumulate);
    put(to + 16, c3, scales, accumulate);
    to += outBytes;
    put(to, c4, scales, accumulate);
    put(to + 16, c5, scales, accumulate);
    to += outBytes;
    put(to, c6, scales, accumulate);
    put(to + 16, c7, scales, accumulate);
  }
  for (; j + 4 <= m; j += 4) {
    let c0 = zeros();
    let c1 = zeros();
    let c2 = zeros();
    let c3 = zeros();
    let a1 = a + aBytes;
    let a2 = a1 + aBytes;
    let a3 = a2 + aBytes;
    let row = b + (j << 2);
    for (let a0 = a; a0 < end; a0 += 4, a1 += 4, a2 += 4, a3 += 4, row += bBytes) {
      const b0 = v128.load(row);
      c0 = madd(v128.load32_splat(a0), b0, c0);
      c1 = madd(v128.load32_splat(a1), b0, c1);
      c2 = madd(v128.load32_splat(a2), b0, c2);
      c3 = madd(v128.load32_splat(a3), b0, c3);
    }
    const to = out + (j << 2);
    put(to, c0, scales, accumulate);
    put(to + outBytes, c1, scales, accumulate);
    put(to + 2 * outBytes, c2, scales, accumulate);
    put(to + 3 * outBytes, c3, scales, accumulate);
  }
  for (; j < m; j++)
    for (let r: usize = 0; r < 4; r++) {
      let total: f32 = 0;
      let row = b + (j << 2);
      const first = a + r * aBytes;
      for (let at = first; at < first + (<usize>k << 2); at += 4, row += bBytes)
        total += load<f32>(at) * load<f32>(row);
      const to = out + r * outBytes + (j << 2);
      store<f32>(to, total * scale + (accumulate ? load<f32>(to) : 0));
    }
}

/** out [n × m] += aᵀ · x, of a [4 × n] and x [4 × m]. */
export function addFour(
  a: usize,
  lda: u32,
  x: usize,
  ldx: u32,
  n: u32,
  m: u32,
  out: usize,
  ldo: u32,
): void {
  const aBytes = <usize>lda << 2;
  const xBytes = <usize>ldx << 2;
  const outBytes = <usize>ldo << 2;
  const end = a + (<usize>n << 2);
  let f: u32 = 0;
  for (; f + 4 <= m; f += 4) {
    const from = x + (f << 2);
    const x0 = v128.load(from);
    const x1 = v128.load(from + xBytes);
    const x2 = v128.load(from + 2 * xBytes);
    const x3 = v128.load(from + 3 * xBytes);
    let to = out + (f << 2);
    for (let at = a; at < end; at += 4, to += outBytes) {
      let total = madd(v128.load32_splat(at), x0, v128.load(to));
      total = madd(v128.load32_splat(at + aBytes), x1, total);
      total = madd(v128.load32_splat(at + 2 * aBytes), x2, total);
      total = madd(v128.load32_splat(at + 3 * aBytes), x3, total);
      v128.store(to, total);
    }
  }
  // What lies beside may belong to somebody else.
  for (; f < m; f++) {
    const from = x + (f << 2);
    let to = out + (f << 2);
    for (let at = a; at < end; at += 4, to += outBytes) {
      let total = load<f32>(to);
      for (let r: usize = 0; r < 4; r++)
        total += load<f32>(at + r * aBytes) * load<f32>(from + r * xBytes);
      store<f32>(to, total);
    }
  }
}

@inline
function put(to: usize, value: v128, scales: v128, accumulate: bool): void {
  value = f32x4.mul(value, scales);
  v128.store(to, accumulate ? f32x4.add(v128.load(to), value) : value);
}
