// Products of matrices. What is multiplied by is packed first: panels of 8 columns, zeros where there are fewer,
//
//   | row 0: c0 … c7 | row 1: c0 … c7 | … | next panel …
//
// so that the inner loop reads it from one end to the other. A tile of 4 rows × 8 columns stays in eight registers; each
// row of a tile is summed in the order of the panel, whatever its place in the batch, so a row has the same bits in any batch.
//
// Loops over a tile are not unrolled: V8 moves the loads of a straight piece of code to its beginning, and of four steps they are more
// than there are registers (1.6 times the time).
//
// Strides are in floats. n is a multiple of 4: buffers have rows to spare. Columns are written up to a multiple of 4.

import { gate, madd, relu, sum, zeros } from './lanes';

/** Rows of the left side that stay in cache while all panels go by. */
const rowBlock: u32 = 48;
/** Rows that are packed at once by `outer`. */
const outerBlock: u32 = 128;

/** w [k × m] of stride m, or, if `transposed`, [m × k]. out: k · roundUp(m, 8) floats. */
export function pack(w: usize, k: u32, m: u32, transposed: bool, out: usize): void {
  for (let j: u32 = 0; j < m; j += 8) {
    const columns = min<u32>(8, m - j);
    let p: u32 = 0;
    if (transposed && columns == 8) {
      const rowBytes = <usize>k << 2;
      for (; p < (k & ~3); p += 4, out += 128) {
        const corner = w + ((<usize>j * k + p) << 2);
        transposeFour(corner, rowBytes, out);
        transposeFour(corner + 4 * rowBytes, rowBytes, out + 16);
      }
    }
    for (; p < k; p++, out += 32) {
      if (!transposed && columns == 8) {
        const row = w + ((<usize>p * m + j) << 2);
        v128.store(out, v128.load(row));
        v128.store(out, v128.load(row, 16), 16);
        continue;
      }
      const first = transposed ? w + ((<usize>j * k + p) << 2) : w + ((<usize>p * m + j) << 2);
      const step: usize = transposed ? <usize>k << 2 : 4;
      for (let c: u32 = 0; c < 8; c++)
        store<f32>(out + (c << 2), c < columns ? load<f32>(first + c * <u32>step) : 0);
    }
  }
}

/** Four rows of four, rowBytes apart, to columns, 32 bytes apart. */
@inline
function transposeFour(from: usize, rowBytes: usize, to: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + rowBytes);
  const c = v128.load(from + 2 * rowBytes);
  const d = v128.load(from + 3 * rowBytes);
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7), 32);
  v128.store(to, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5), 64);
  v128.store(to, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7), 96);
}

/** bias and zeros up to a multiple of 8. */
export function packBias(b: usize, m: u32, out: usize): void {
  const end = (m + 7) & ~7;
  for (let c: u32 = 0; c < end; c++)
    store<f32>(out + (c << 2), c < m ? load<f32>(b + (c << 2)) : 0);
}

/** c [n × m] = a [n × k] · panels + bias, or c + a · panels; then max(0, ·). bias: packed, or 0. */
export function product(
  a: usize,
  lda: u32,
  panels: usize,
  n: u32,
  k: u32,
  m: u32,
  bias: usize,
  rectify: bool,
  accumulate: bool,
  c: usize,
  ldc: u32,
): void {
  const rowBytes = <usize>lda << 2;
  const outBytes = <usize>ldc << 2;
  for (let first: u32 = 0; first < n; first += rowBlock) {
    const end = min<u32>(n, first + rowBlock);
    for (let j: u32 = 0; j < m; j += 8) {
      const panel = panels + ((<usize>j * k) << 2);
      const last = panel + (<usize>k << 5);
      // Of the last panel its second half may be beyond the stride.
      const isWide = m - j > 4;
      let s0 = zeros();
      let s1 = zeros();
      if (bias != 0) {
        s0 = v128.load(bias + (j << 2));
        s1 = v128.load(bias + (j << 2), 16);
      }
      for (let i = first; i < end; i += 4) {
        let a0 = a + <usize>i * rowBytes;
        let a1 = a0 + rowBytes;
        let a2 = a1 + rowBytes;
        let a3 = a2 + rowBytes;
        const out = c + <usize>i * outBytes + (j << 2);
        let c0 = s0;
        let c1 = s1;
        let c2 = s0;
        let c3 = s1;
        let c4 = s0;
        let c5 = s1;
        let c6 = s0;
        let c7 = s1;
        for (let b = panel; b < last; b += 32, a0 += 4, a1 += 4, a2 += 4, a3 += 4) {
          const b0 = v128.load(b);
          const b1 = v128.load(b, 16);
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
        put(out, c0, rectify, accumulate);
        put(out + outBytes, c2, rectify, accumulate);
        put(out + 2 * outBytes, c4, rectify, accumulate);
        put(out + 3 * outBytes, c6, rectify, accumulate);
        if (!isWide) continue;
        put(out + 16, c1, rectify, accumulate);
        put(out + outBytes + 16, c3, rectify, accumulate);
        put(out + 2 * outBytes + 16, c5, rectify, accumulate);
        put(out + 3 * outBytes + 16, c7, rectify, accumulate);
      }
    }
  }
}

@inline
function put(out: usize, value: v128, rectify: bool, accumulate: bool): void {
  if (accumulate) value = f32x4.add(v128.load(out), value);
  if (rectify) value = relu(value);
  v128.store(out, value);
}

/**
 * g [roundUp(k, 4) × roundUp(m, 8)] += xᵀ · d, of x [n × k] and d [n × m]; what is beyond k and m is left undefined. Both are
 * packed in blocks of rows, x into panels of 4 columns, d of 8: rows of a stride of a power of two share few places of the cache.
 * scratch: 128 · (roundUp(k, 4) + roundUp(m, 8)) floats.
 */
export function outer(
  x: usize,
  ldx: u32,
  d: usize,
  ldd: u32,
  n: u32,
  k: u32,
  m: u32,
  g: usize,
  scratch: usize,
): void {
  const wide = (m + 7) & ~7;
  const gBytes = <usize>wide << 2;
  const packedX = scratch;
  const packedD = scratch + (<usize>(outerBlock * ((k + 3) & ~3)) << 2);
  for (let first: u32 = 0; first < n; first += outerBlock) {
    const rows = min<u32>(outerBlock, n - first);
    packRows(x + ((<usize>first * ldx) << 2), ldx, rows, k, 4, packedX);
    packRows(d + ((<usize>first * ldd) << 2), ldd, rows, m, 8, packedD);
    for (let j: u32 = 0; j < m; j += 8) {
      const dPanel = packedD + ((<usize>j * rows) << 2);
      const dEnd = dPanel + (<usize>rows << 5);
      for (let i: u32 = 0; i < k; i += 4) {
        let p = packedX + ((<usize>i * rows) << 2);
        const out = g + <usize>i * gBytes + (j << 2);
        let c0 = v128.load(out);
        let c1 = v128.load(out, 16);
        let c2 = v128.load(out + gBytes);
        let c3 = v128.load(out + gBytes, 16);
        let c4 = v128.load(out + 2 * gBytes);
        let c5 = v128.load(out + 2 * gBytes, 16);
        let c6 = v128.load(out + 3 * gBytes);
        let c7 = v128.load(out + 3 * gBytes, 16);
        for (let b = dPanel; b < dEnd; b += 32, p += 16) {
          const b0 = v128.load(b);
          const b1 = v128.load(b, 16);
          let a = v128.load32_splat(p);
          c0 = madd(a, b0, c0);
          c1 = madd(a, b1, c1);
          a = v128.load32_splat(p, 4);
          c2 = madd(a, b0, c2);
          c3 = madd(a, b1, c3);
          a = v128.load32_splat(p, 8);
          c4 = madd(a, b0, c4);
          c5 = madd(a, b1, c5);
          a = v128.load32_splat(p, 12);
          c6 = madd(a, b0, c6);
          c7 = madd(a, b1, c7);
        }
        v128.store(out, c0);
        v128.store(out, c1, 16);
        v128.store(out + gBytes, c2);
        v128.store(out + gBytes, c3, 16);
        v128.store(out + 2 * gBytes, c4);
        v128.store(out + 2 * gBytes, c5, 16);
        v128.store(out + 3 * gBytes, c6);
        v128.store(out + 3 * gBytes, c7, 16);
      }
    }
  }
}

/** Panels of `width` (4 or 8) columns; each row of x has a multiple of 4 to be read. */
@inline
function packRows(x: usize, ldx: u32, rows: u32, columns: u32, width: u32, out: usize): void {
  const rowBytes = <usize>ldx << 2;
  for (let j: u32 = 0; j < columns; j += width) {
    let row = x + (j << 2);
    const isWide = width == 8 && columns - j > 4;
    for (let r: u32 = 0; r < rows; r++, row += rowBytes, out += width << 2) {
      v128.store(out, v128.load(row));
      if (width == 8) v128.store(out, isWide ? v128.load(row, 16) : zeros(), 16);
    }
  }
}

/** out [k × m], without space between rows, = g · scale. */
export function compact(g: usize, ldg: u32, k: u32, m: u32, scale: f32, out: usize): void {
  const scales = f32x4.splat(scale);
  const quads = m & ~3;
  for (let i: u32 = 0; i < k; i++, g += <usize>ldg << 2) {
    let j: u32 = 0;
    for (; j < quads; j += 4, out += 16)
      v128.store(out, f32x4.mul(v128.load(g + (j << 2)), scales));
    for (; j < m; j++, out += 4) store<f32>(out, load<f32>(g + (j << 2)) * scale);
  }
}

/** y [n] = x [n × k] · w [k] + b, or y + x · w; then max(0, ·). b: address, or 0. */
export function dot(
  x: usize,
  ldx: u32,
  w: usize,
  n: u32,
  k: u32,
  b: usize,
  rectify: bool,
  accumulate: bool,
  y: usize,
): void {
  const bias: f32 = b != 0 ? load<f32>(b) : 0;
  const quads = k & ~3;
  for (let i: u32 = 0; i < n; i++, x += <usize>ldx << 2, y += 4) {
    let lanes = zeros();
    let p: u32 = 0;
    for (; p < quads; p += 4)
      lanes = madd(v128.load(x + (p << 2)), v128.load(w + (p << 2)), lanes);
    let value = sum(lanes);
    for (; p < k; p++) value += load<f32>(x + (p << 2)) * load<f32>(w + (p << 2));
    value += bias;
    if (accumulate) value += load<f32>(y);
    if (rectify && value < 0) value = 0;
    store<f32>(y, value);
  }
}

/** x [n × k] = d [n] ⊗ w [k], or x + it. Reads w up to a multiple of 4. */
export function rankOne(
  d: usize,
  w: usize,
  n: u32,
  k: u32,
  accumulate: bool,
  x: usize,
  ldx: u32,
): void {
  for (let i: u32 = 0; i < n; i++, d += 4, x += <usize>ldx << 2) {
    const value = v128.load32_splat(d);
    for (let p: u32 = 0; p < k; p += 4) {
      const at = x + (p << 2);
      const before = accumulate ? v128.load(at) : zeros();
      v128.store(at, madd(value, v128.load(w + (p << 2)), before));
    }
  }
}

/** g [roundUp(k, 4)] += Σ_rows d · x: the gradient of one column. */
export function weightedSum(d: usize, x: usize, ldx: u32, n: u32, k: u32, g: usize): void {
  const rowBytes = <usize>ldx << 2;
  for (let p: u32 = 0; p < k; p += 4) {
    let total = v128.load(g + (p << 2));
    let row = x + (p << 2);
    for (let i: u32 = 0; i < n; i++, row += rowBytes)
      total = madd(v128.load32_splat(d + (i << 2)), v128.load(row), total);
    v128.store(g + (p << 2), total);
  }
}

/** d, in place, where y > 0 if `gated`; sums [roundUp(m, 4)] += its columns, unless it is 0. Of one column the rows lie side by side. */
export function gateAndSum(
  d: usize,
  ldd: u32,
  y: usize,
  ldy: u32,
  n: u32,
  m: u32,
  gated: bool,
  sums: usize,
): void {
  if (m == 1) {
    let total = zeros();
    for (let i: u32 = 0; i < n; i += 4) {
      let value = v128.load(d + (i << 2));
      if (gated) {
        value = gate(value, v128.load(y + (i << 2)));
        v128.store(d + (i << 2), value);
      }
      total = f32x4.add(total, value);
    }
    if (sums != 0) store<f32>(sums, load<f32>(sums) + sum(total));
    return;
  }
  // Lines of the cache, which a row of 16 columns fills; strides of a power of two share few places of it.
  let j: u32 = 0;
  for (; j + 16 <= m; j += 16) {
    const at = j << 2;
    gateAndSumLine(d + at, ldd, y + at, ldy, n, gated, sums == 0 ? 0 : sums + at);
  }
  for (; j < m; j += 4) {
    let total = zeros();
    let at = d + (j << 2);
    let by = y + (j << 2);
    for (let i: u32 = 0; i < n; i++, at += <usize>ldd << 2, by += <usize>ldy << 2)
      total = f32x4.add(total, gateOne(at, by, gated));
    if (sums != 0) v128.store(sums + (j << 2), f32x4.add(v128.load(sums + (j << 2)), total));
  }
}

/** 16 columns of it. */
function gateAndSumLine(
  d: usize,
  ldd: u32,
  y: usize,
  ldy: u32,
  n: u32,
  gated: bool,
  sums: usize,
): void {
  let a = zeros();
  let b = zeros();
  let c = zeros();
  let e = zeros();
  for (let i: u32 = 0; i < n; i++, d += <usize>ldd << 2, y += <usize>ldy << 2) {
    a = f32x4.add(a, gateOne(d, y, gated));
    b = f32x4.add(b, gateOne(d + 16, y + 16, gated));
    c = f32x4.add(c, gateOne(d + 32, y + 32, gated));
    e = f32x4.add(e, gateOne(d + 48, y + 48, gated));
  }
  if (sums == 0) return;
  v128.store(sums, f32x4.add(v128.load(sums), a));
  v128.store(sums, f32x4.add(v128.load(sums, 16), b), 16);
  v128.store(sums, f32x4.add(v128.load(sums, 32), c), 32);
  v128.store(sums, f32x4.add(v128.load(sums, 48), e), 48);
}

@inline
function gateOne(d: usize, y: usize, gated: bool): v128 {
  let value = v128.load(d);
  if (gated) {
    value = gate(value, v128.load(y));
    v128.store(d, value);
  }
  return value;
}
