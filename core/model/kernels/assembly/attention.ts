// What occurrences of an example attend to among one another; where they lie is told in occurrences.ts.

import { addFour, fourTimes } from './fours';
import { madd, zeros } from './lanes';
import { addScaled } from './numbers';
import { clearRows } from './rows';
import { softmax, softmaxBack } from './softmax';

/**
 * y = softmax(q·kᵀ / √(c / heads))·v among the rows of an example, in `heads` parts of the columns. Keys are transposed first, so that a
 * query meets four of them at once, and four queries go together. If `causal`, only to itself and those behind it. scratch: (2·c / heads + 8) · total floats.
 */
export function attention(
  q: usize,
  ldq: u32,
  k: usize,
  ldk: u32,
  v: usize,
  ldv: u32,
  starts: usize,
  n: u32,
  total: u32,
  c: u32,
  heads: u32,
  causal: bool,
  scratch: usize,
  y: usize,
  ldy: u32,
): void {
  const width = c / heads;
  const scale = <f32>(1 / sqrt<f64>(width));
  let end = load<u32>(starts);
  for (let i: u32 = 0; i < n; i++) {
    const start = end;
    end = load<u32>(starts + (<usize>(i + 1) << 2));
    const count = end - start;
    const spare = (count + 3) & ~3;
    const shares = scratch + ((<usize>width * spare) << 2);
    for (let at: u32 = 0; at < c && count > 0; at += width) {
      const values = v + ((<usize>start * ldv + at) << 2);
      transpose(k + ((<usize>start * ldk + at) << 2), ldk, count, width, scratch);
      let o = start;
      for (; o + 4 <= end; o += 4) {
        const queries = q + ((<usize>o * ldq + at) << 2);
        fourTimes(queries, ldq, scratch, spare, width, spare, scale, false, shares, spare);
        softmaxRows(shares, 4, spare, count, causal ? o - start : NONE);
        const out = y + ((<usize>o * ldy + at) << 2);
        fourTimes(shares, spare, values, ldv, count, width, 1, false, out, ldy);
      }
      for (; o < end; o++) {
        products(q + ((<usize>o * ldq + at) << 2), scratch, spare, width, scale, shares);
        softmaxRows(shares, 1, spare, count, causal ? o - start : NONE);
        const out = y + ((<usize>o * ldy + at) << 2);
        weightedRows(shares, count, values, ldv, width, false, out);
      }
    }
  }
  clearRows(y, ldy, end, total, c);
}

/** Gradients of all three, or added to theirs; an address is 0 where nobody wants it. They may be the same. */
export function attentionBack(
  d: usize,
  ldd: u32,
  q: usize,
  ldq: u32,
  k: usize,
  ldk: u32,
  v: usize,
  ldv: u32,
  starts: usize,
  n: u32,
  total: u32,
  c: u32,
  heads: u32,
  causal: bool,
  scratch: usize,
  accumulateQ: bool,
  dq: usize,
  lddq: u32,
  accumulateK: bool,
  dk: usize,
  lddk: u32,
  accumulateV: bool,
  dv: usize,
  lddv: u32,
): void {
  if (dq != 0 && !accumulateQ) clearRows(dq, lddq, 0, total, c);
  if (dk != 0 && !accumulateK) clearRows(dk, lddk, 0, total, c);
  if (dv != 0 && !accumulateV) clearRows(dv, lddv, 0, total, c);
  const width = c / heads;
  const scale = <f32>(1 / sqrt<f64>(width));
  let end = load<u32>(starts);
  for (let i: u32 = 0; i < n; i++) {
    const start = end;
    end = load<u32>(starts + (<usize>(i + 1) << 2));
    const count = end - start;
    const spare = (count + 3) & ~3;
    const side = (<usize>width * spare) << 2;
    const values = scratch + side;
    const shares = values + side;
    const slopes = shares + (<usize>spare << 4);
    for (let at: u32 = 0; at < c && count > 0; at += width) {
      const keys = k + ((<usize>start * ldk + at) << 2);
      transpose(keys, ldk, count, width, scratch);
      transpose(v + ((<usize>start * ldv + at) << 2), ldv, count, width, values);
      const ofKeys: usize = dk == 0 ? 0 : dk + ((<usize>start * lddk + at) << 2);
      const ofValues: usize = dv == 0 ? 0 : dv + ((<usize>start * lddv + at) << 2);
      let o = start;
      for (; o + 4 <= end; o += 4) {
        const queries = q + ((<usize>o * ldq + at) << 2);
        const slope = d + ((<usize>o * ldd + at) << 2);
        fourTimes(queries, ldq, scratch, spare, width, spare, scale, false, shares, spare);
        softmaxRows(shares, 4, spare, count, causal ? o - start : NONE);
        fourTimes(slope, ldd, values, spare, width, spare, 1, false, slopes, spare);
        for (let r: u32 = 0; r < 4; r++) {
          const row = slopes + ((r * spare) << 2);
          softmaxBack(row, shares + ((r * spare) << 2), count, scale, false, row);
        }
        if (dq != 0) {
          const out = dq + ((<usize>o * lddq + at) << 2);
          fourTimes(slopes, spare, keys, ldk, count, width, 1, true, out, lddq);
        }
        if (dk != 0) addFour(slopes, spare, queries, ldq, count, width, ofKeys, lddk);
        if (dv != 0) addFour(shares, spare, slope, ldd, count, width, ofValues, lddv);
      }
      for (; o < end; o++) {
        const query = q + ((<usize>o * ldq + at) << 2);
        const slope = d + ((<usize>o * ldd + at) << 2);
        products(query, scratch, spare, width, scale, shares);
        softmaxRows(shares, 1, spare, count, causal ? o - start : NONE);
        products(slope, values, spare, width, 1, slopes);
        softmaxBack(slopes, shares, count, scale, false, slopes);
        if (dq != 0)
          weightedRows(slopes, count, keys, ldk, width, true, dq + ((<usize>o * lddq + at) << 2));
        if (dk != 0) addToRows(slopes, count, query, width, ofKeys, lddk);
        if (dv != 0) addToRows(shares, count, slope, width, ofValues, lddv);
      }
    }
  }
}

/** Nothing is masked. */
const NONE: u32 = 0xffffffff;

/**
 * Of each row, in place; numbers from `count` to `ld` are made so small that they are nothing beside the others, and so are those before `from`
 * in the first row, before `from` + 1 in the next, and so on.
 */
function softmaxRows(rows: usize, n: u32, ld: u32, count: u32, from: u32): void {
  for (let r: u32 = 0; r < n; r++) {
    const row = rows + ((r * ld) << 2);
    if (from != NONE)
      for (let j: u32 = 0; j < from + r; j++) store<f32>(row + (j << 2), -f32.MAX_VALUE);
    for (let j = count; j < ld; j++) store<f32>(row + (j << 2), -f32.MAX_VALUE);
    softmax(row, ld, row);
  }
}

/** out [columns × roundUp(rows, 4)] = xᵀ, and zeros. */
function transpose(x: usize, ldx: u32, rows: u32, columns: u32, out: usize): void {
  const rowBytes = <usize>ldx << 2;
  const spare = (rows + 3) & ~3;
  for (let f: u32 = 0; f < columns; f++) {
    let from = x + (f << 2);
    let o: u32 = 0;
    for (; o < rows; o++, from += rowBytes, out += 4) store<f32>(out, load<f32>(from));
    for (; o < spare; o++, out += 4) store<f32>(out, 0);
  }
}

/** out [count] = Σ_f row_f · columns_f · scale, of columns [width × count]; count is a multiple of 4. */
function products(
  row: usize,
  columns: usize,
  count: u32,
  width: u32,
  scale: f32,
  out: usize,
): void {
  const scales = f32x4.splat(scale);
  const columnBytes = <usize>count << 2;
  const end = row + (<usize>width << 2);
  let j: u32 = 0;
  for (; j + 8 <= count; j += 8) {
    let a = zeros();
    let b = zeros();
    let column = columns + (j << 2);
    for (let at = row; at < end; at += 4, column += columnBytes) {
      const value = v128.load32_splat(at);
      a = madd(value, v128.load(column), a);
      b = madd(value, v128.load(column, 16), b);
    }
    v128.store(out + (j << 2), f32x4.mul(a, scales));
    v128.store(out + (j << 2), f32x4.mul(b, scales), 16);
  }
  for (; j < count; j += 4) {
    let a = zeros();
    let column = columns + (j << 2);
    for (let at = row; at < end; at += 4, column += columnBytes)
      a = madd(v128.load32_splat(at), v128.load(column), a);
    v128.store(out + (j << 2), f32x4.mul(a, scales));
  }
}

/** out [width] = Σ_j factors_j · rows_j, or out + it. */
function weightedRows(
  factors: usize,
  count: u32,
  rows: usize,
  ld: u32,
  width: u32,
  accumulate: bool,
  out: usize,
): void {
  const rowBytes = <usize>ld << 2;
  const end = factors + (<usize>count << 2);
  let f: u32 = 0;
  for (; f + 8 <= width; f += 8) {
    const to = out + (f << 2);
    let a = accumulate ? v128.load(to) : zeros();
    let b = accumulate ? v128.load(to, 16) : zeros();
    let row = rows + (f << 2);
    for (let at = factors; at < end; at += 4, row += rowBytes) {
      const factor = v128.load32_splat(at);
      a = madd(factor, v128.load(row), a);
      b = madd(factor, v128.load(row, 16), b);
    }
    v128.store(to, a);
    v128.store(to, b, 16);
  }
  for (; f + 4 <= width; f += 4) {
    const to = out + (f << 2);
    let a = accumulate ? v128.load(to) : zeros();
    let row = rows + (f << 2);
    for (let at = factors; at < end; at += 4, row += rowBytes)
      a = madd(v128.load32_splat(at), v128.load(row), a);
    v128.store(to, a);
  }
  // What lies beside is of another head.
  for (; f < width; f++) {
    const to = out + (f << 2);
    let a: f32 = accumulate ? load<f32>(to) : 0;
    let row = rows + (f << 2);
    for (let at = factors; at < end; at += 4, row += rowBytes) a += load<f32>(at) * load<f32>(row);
    store<f32>(to, a);
  }
}

/** rows_j += factors_j · x [width]. */
function addToRows(
  factors: usize,
  count: u32,
  x: usize,
  width: u32,
  rows: usize,
  ld: u32,
): void {
  for (let j: u32 = 0; j < count; j++, factors += 4, rows += <usize>ld << 2)
    addScaled(rows, x, load<f32>(factors), width);
}
