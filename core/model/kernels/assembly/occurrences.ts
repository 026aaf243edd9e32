// Blocks on the occurrences of each example. Those of a block of examples lie after one another, and those of example i are rows
// starts[i] to starts[i + 1] (u32), of which there may be none.
//
//   starts | 0 | 2 | 2 | 5 |        rows | a a | c c c | 0 0 0 |
//
// `total` is a multiple of 4: rows behind the last fill it up. They are 0 and learn nothing, so that blocks on rows need not know of them.

import { madd, zeros } from './lanes';
import { addScaled } from './numbers';
import { clearRows, copy } from './rows';
import { softmax, softmaxBack, softmaxColumns } from './softmax';

/**
 * Copies rows of `dim` values to where the network reads them, and writes where those of each example are. offsets: u32, of the cell of
 * the first example, `step` from one example to the next: 0 where all have those of the first.
 *
 * @returns the total.
 */
export function gatherOccurrences(
  rows: usize,
  inverse: usize,
  offsets: usize,
  step: u32,
  n: u32,
  padded: u32,
  dim: u32,
  out: usize,
  ldo: u32,
  starts: usize,
): u32 {
  const rowBytes = <usize>dim << 2;
  const outBytes = <usize>ldo << 2;
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++, offsets += <usize>step << 2) {
    store<u32>(starts + (i << 2), count);
    const end = load<u32>(offsets, 4);
    for (let o = load<u32>(offsets); o < end; o++, count++) {
      if (out == 0) continue;
      const row = rows + <usize>load<u32>(inverse + (<usize>o << 2)) * rowBytes;
      copy(out + <usize>count * outBytes, row, dim);
    }
  }
  for (let i = n; i <= padded; i++) store<u32>(starts + (i << 2), count);
  const total = (count + 3) & ~3;
  if (out != 0) clearRows(out, ldo, count, total, dim);
  return total;
}

/** y [n × c] = the sum of the rows of each example, or the mean, or y + it. */
export function poolOccurrences(
  x: usize,
  ldx: u32,
  starts: usize,
  n: u32,
  c: u32,
  isMean: bool,
  accumulate: bool,
  y: usize,
  ldy: u32,
): void {
  const rowBytes = <usize>ldx << 2;
  let end = load<u32>(starts);
  for (let i: u32 = 0; i < n; i++, y += <usize>ldy << 2) {
    const start = end;
    end = load<u32>(starts + (<usize>(i + 1) << 2));
    const scale = isMean ? meanScale(end - start) : 1;
    const first = x + <usize>start * rowBytes;
    const last = x + <usize>end * rowBytes;
    if (c == 1) {
      let total: f32 = 0;
      for (let row = first; row < last; row += 4) total += load<f32>(row);
      store<f32>(y, total * scale + (accumulate ? load<f32>(y) : 0));
      continue;
    }
    const scales = f32x4.splat(scale);
    for (let j: u32 = 0; j < c; j += 4) {
      let total = zeros();
      for (let row = first + (j << 2); row < last; row += rowBytes)
        total = f32x4.add(total, v128.load(row));
      const at = y + (j << 2);
      total = f32x4.mul(total, scales);
      v128.store(at, accumulate ? f32x4.add(v128.load(at), total) : total);
    }
  }
}

/** Its transpose: y [total × c] = the row of its example, or as much of it as a mean has, or y + it. */
export function spreadOccurrences(
  x: usize,
  ldx: u32,
  starts: usize,
  n: u32,
  total: u32,
  c: u32,
  isMean: bool,
  accumulate: bool,
  y: usize,
  ldy: u32,
): void {
  const outBytes = <usize>ldy << 2;
  let end = load<u32>(starts);
  for (let i: u32 = 0; i < n; i++, x += <usize>ldx << 2) {
    const start = end;
    end = load<u32>(starts + (<usize>(i + 1) << 2));
    const scale = isMean ? meanScale(end - start) : 1;
    const first = y + <usize>start * outBytes;
    const last = y + <usize>end * outBytes;
    if (c == 1) {
      const value = load<f32>(x) * scale;
      for (let at = first; at < last; at += 4)
        store<f32>(at, value + (accumulate ? load<f32>(at) : 0));
      continue;
    }
    const scales = f32x4.splat(scale);
    for (let j: u32 = 0; j < c; j += 4) {
      const value = f32x4.mul(v128.load(x + (j << 2)), scales);
      for (let at = first + (j << 2); at < last; at += outBytes)
        v128.store(at, accumulate ? f32x4.add(v128.load(at), value) : value);
    }
  }
  if (!accumulate) clearRows(y, ldy, end, total, c);
}

/** y = e^x / Σ e^x in each column, among the rows of an example. */
export function softmaxOccurrences(
  x: usize,
  ldx: u32,
  starts: usize,
  n: u32,
  total: u32,
  c: u32,
  y: usize,
  ldy: u32,
): void {
  const inBytes = <usize>ldx << 2;
  const outBytes = <usize>ldy << 2;
  let end = load<u32>(starts);
  for (let i: u32 = 0; i < n; i++) {
    const start = end;
    end = load<u32>(starts + (<usize>(i + 1) << 2));
    const from = x + <usize>start * inBytes;
    const to = y + <usize>start * outBytes;
    if (c == 1) {
      softmax(from, end - start, to);
      continue;
    }
    for (let j: u32 = 0; j < c; j += 4)
      softmaxColumns(from + (j << 2), inBytes, end - start, to + (j << 2), outBytes);
  }
  clearRows(y, ldy, end, total, c);
}

/** dx = y · (d − Σ d·y), or dx + it. */
export function softmaxOccurrencesBack(
  d: usize,
  ldd: u32,
  y: usize,
  ldy: u32,
  starts: usize,
  n: u32,
  total: u32,
  c: u32,
  accumulate: bool,
  dx: usize,
  lddx: u32,
): void {
  const dBytes = <usize>ldd << 2;
  const yBytes = <usize>ldy << 2;
  const outBytes = <usize>lddx << 2;
  let end = load<u32>(starts);
  for (let i: u32 = 0; i < n; i++) {
    const start = end;
    end = load<u32>(starts + (<usize>(i + 1) << 2));
    const slope = d + <usize>start * dBytes;
    const share = y + <usize>start * yBytes;
    const out = dx + <usize>start * outBytes;
    if (c == 1) softmaxBack(slope, share, end - start, 1, accumulate, out);
    else
      for (let j: u32 = 0; j < c; j += 4) {
        const at = j << 2;
        let along = zeros();
        for (let o: u32 = 0; o < end - start; o++)
          along = madd(v128.load(slope + at + <usize>o * dBytes), v128.load(share + at + <usize>o * yBytes), along);
        for (let o: u32 = 0; o < end - start; o++) {
          const to = out + at + <usize>o * outBytes;
          const excess = f32x4.sub(v128.load(slope + at + <usize>o * dBytes), along);
          const before = accumulate ? v128.load(to) : zeros();
          v128.store(to, madd(v128.load(share + at + <usize>o * yBytes), excess, before));
        }
      }
  }
  if (!accumulate) clearRows(dx, lddx, end, total, c);
}

/** y = x + the row of `table` [positions × c] of its place in its example; beyond them the last. */
export function addPositions(
  x: usize,
  ldx: u32,
  table: usize,
  positions: u32,
  starts: usize,
  n: u32,
  total: u32,
  c: u32,
  y: usize,
  ldy: u32,
): void {
  const tableBytes = <usize>c << 2;
  const lastRow = table + <usize>(positions - 1) * tableBytes;
  let end = load<u32>(starts);
  for (let i: u32 = 0; i < n; i++) {
    const start = end;
    end = load<u32>(starts + (<usize>(i + 1) << 2));
    let row = table;
    for (let o = start; o < end; o++) {
      const from = x + ((<usize>o * ldx) << 2);
      const to = y + ((<usize>o * ldy) << 2);
      if (c == 1) store<f32>(to, load<f32>(from) + load<f32>(row));
      else
        for (let j: u32 = 0; j < c; j += 4) {
          const at = j << 2;
          v128.store(to + at, f32x4.add(v128.load(from + at), v128.load(row + at)));
        }
      if (row < lastRow) row += tableBytes;
    }
  }
  clearRows(y, ldy, end, total, c);
}

/** g [positions × c, of stride ldg] += what each place says. */
export function addPositionsBack(
  d: usize,
  ldd: u32,
  starts: usize,
  n: u32,
  positions: u32,
  c: u32,
  g: usize,
  ldg: u32,
): void {
  const gBytes = <usize>ldg << 2;
  const lastRow = g + <usize>(positions - 1) * gBytes;
  let end = load<u32>(starts);
  for (let i: u32 = 0; i < n; i++) {
    const start = end;
    end = load<u32>(starts + (<usize>(i + 1) << 2));
    let row = g;
    for (let o = start; o < end; o++) {
      addScaled(row, d + ((<usize>o * ldd) << 2), 1, c);
      if (row < lastRow) row += gBytes;
    }
  }
}

@inline
function meanScale(count: u32): f32 {
  return count > 1 ? <f32>(1 / <f64>count) : 1;
}
