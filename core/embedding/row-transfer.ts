import type { RowInitializer } from './initializer.js';
import { kernelKeysMax, kernelKeysMin } from './kernels/arena.js';
import { positions } from './page-directory.js';
import { wordsOf, type RowSlab } from './row-slab.js';
import type { RowTarget } from './rows.js';

/**
 * The loops that move rows between slabs and flat arrays. Sketch: a row of 16 floats is one or two cache lines and no
 * arithmetic, so what counts is that the misses of successive rows overlap. A copy loop is too long for the processor
 * to look far ahead; hence a first pass that only touches the lines. Measured on 4 M rows of 128 bytes, one core:
 * 9 M copies/s without that pass, 20–28 M/s with it.
 */
const lineFloats = 16;
/** Where touched words end up, so that the compiler cannot drop the loads. */
const touchSink = new Int32Array(1);

/** Brings the first `width` floats of each row into cache. */
export function warmRows(slab: RowSlab, rows: Int32Array, rowCount: number, width: number): void {
  const { words, pageShift, pageMask, rowWidth } = slab;
  let sum = 0;
  for (let i = 0; i < rowCount; i++) {
    const row = rows[i]!;
    if (row < 0) continue;
    const page = words[row >>> pageShift]!;
    const start = (row & pageMask) * rowWidth;
    for (let d = 0; d < width; d += lineFloats) sum ^= page[start + d]!;
    // Rows are not aligned to lines.
    sum ^= page[start + width - 1]!;
  }
  touchSink[0] = sum;
}

/** Copies the first `dim` floats of each row to out; a row of -1 is written by `initializer`. */
export function gatherOrInitialize(
  slab: RowSlab,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  out: Float32Array,
  outStart: number,
  fids: Uint32Array,
  fidStart: number,
  initializer: RowInitializer,
): void {
  if (gatherByKernel(slab, rows, rowCount, 0, dim, out, outStart)) {
    for (let i = 0; i < rowCount; i++) {
      if (rows[i]! >= 0) continue;
      const at = 2 * (fidStart + i);
      initializer.write(fids[at]! | 0, fids[at + 1]! | 0, out, outStart + i * dim, dim);
    }
    return;
  }
  warmRows(slab, rows, rowCount, dim);
  const { words, pageShift, pageMask, rowWidth } = slab;
  const outWords = wordsOf(out);
  for (let i = 0; i < rowCount; i++) {
    const row = rows[i]!;
    const target = outStart + i * dim;
    if (row < 0) {
      const at = 2 * (fidStart + i);
      initializer.write(fids[at]! | 0, fids[at + 1]! | 0, out, target, dim);
      continue;
    }
    const page = words[row >>> pageShift]!;
    const source = (row & pageMask) * rowWidth;
    for (let d = 0; d < dim; d++) outWords[target + d] = page[source + d]!;
  }
}

/** Copies floats `skip` … `skip + width` of each row to out; a row of -1 reads as zeros. */
export function gatherOrZero(
  slab: RowSlab,
  rows: Int32Array,
  rowCount: number,
  skip: number,
  width: number,
  out: Float32Array,
  outStart: number,
): void {
  if (gatherByKernel(slab, rows, rowCount, skip, width, out, outStart)) return;
  warmRows(slab, rows, rowCount, skip + width);
  const { words, pageShift, pageMask, rowWidth } = slab;
  const outWords = wordsOf(out);
  for (let i = 0; i < rowCount; i++) {
    const row = rows[i]!;
    const target = outStart + i * width;
    if (row < 0) {
      for (let d = 0; d < width; d++) outWords[target + d] = 0;
      continue;
    }
    const page = words[row >>> pageShift]!;
    const source = (row & pageMask) * rowWidth + skip;
    for (let d = 0; d < width; d++) outWords[target + d] = page[source + d]!;
  }
}

/** `width` floats of each row from float `skip` on, zeros for -1; false where that can't be done or does not pay. */
function gatherByKernel(
  slab: RowSlab,
  rows: Int32Array,
  rowCount: number,
  skip: number,
  width: number,
  out: Float32Array,
  outStart: number,
): boolean {
  const { directory, pageShift, rowWidth } = slab;
  const { reaches } = directory;
  if (width === 0) return true;
  if (reaches.length === 0 || rowCount < kernelKeysMin || rowCount > kernelKeysMax) return false;
  for (const { arena } of reaches) if (!arena.floats(kernelKeysMax * width)) return false;
  for (const [r, { arena, list }] of reaches.entries()) {
    const count = directory.select(r, rows, rowCount, pageShift);
    const gathered = arena.floats(kernelKeysMax * width)!;
    arena.kernels.gather(
      list,
      pageShift,
      4 * rowWidth,
      arena.rows.byteOffset,
      count,
      4 * skip,
      4 * width,
      gathered.byteOffset,
      arena.scratch,
    );
    scatter(gathered, count, width, rowCount, out, outStart);
  }
  return true;
}

/** What an arena had of a block, to where it belongs. */
export function scatter(
  gathered: Float32Array,
  count: number,
  width: number,
  rowCount: number,
  out: Float32Array,
  outStart: number,
): void {
  if (count === rowCount) return out.set(gathered.subarray(0, count * width), outStart);
  for (let i = 0; i < count; i++)
    copyFloats(gathered, i * width, out, outStart + positions[i]! * width, width);
}

/** Writes the keys of live rows as u32 pairs. */
export function gatherKeys(
  slab: RowSlab,
  rows: Int32Array,
  rowCount: number,
  fids: Uint32Array,
  fidStart: number,
): void {
  for (let i = 0; i < rowCount; i++) {
    fids[2 * (fidStart + i)] = slab.low(rows[i]!);
    fids[2 * (fidStart + i) + 1] = slab.high(rows[i]!);
  }
}

/** Writes newest update and update count of live rows, `skip` rows after the target's start. */
export function gatherFacts(
  slab: RowSlab,
  rows: Int32Array,
  rowCount: number,
  target: RowTarget,
  skip: number,
): void {
  const { updatedAt, updateCounts, rowStart } = target;
  for (let i = 0; i < rowCount; i++) {
    updatedAt[rowStart + skip + i] = slab.updatedAtSeconds(rows[i]!);
    updateCounts[rowStart + skip + i] = slab.updateCount(rows[i]!);
  }
}

export function copyFloats(
  source: Float32Array,
  sourceStart: number,
  target: Float32Array,
  targetStart: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) target[targetStart + i] = source[sourceStart + i]!;
}
