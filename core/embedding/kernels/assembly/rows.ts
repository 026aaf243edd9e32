// row-transfer.ts and row-slab.ts: rows by their number.
import { at, blockKeys, keep, rowAddress } from './memory';

/** Writes where each row begins (0 for row -1) to places and brings its bytes from `skip` to `end` into cache. */
@inline
export function touchBlock(
  directory: usize,
  pageShift: u32,
  rowBytes: u32,
  rows: usize,
  count: u32,
  skip: u32,
  end: u32,
  places: usize,
): u32 {
  let touched: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const row = load<i32>(at(rows, i));
    let address: usize = 0;
    if (row >= 0) {
      address = rowAddress(directory, pageShift, rowBytes, row);
      for (let b: u32 = skip; b < end; b += 64) touched ^= load<u32>(address + b);
      // Rows are not aligned to lines.
      touched ^= load<u32>(address + end - 4);
    }
    store<u32>(at(places, i), <u32>address);
  }
  return touched;
}

@inline
export function gatherBlock(
  directory: usize,
  pageShift: u32,
  rowBytes: u32,
  rows: usize,
  count: u32,
  skip: u32,
  bytes: u32,
  out: usize,
  scratch: usize,
): void {
  const places = scratch + 64;
  const end = skip + bytes;
  keep(scratch, touchBlock(directory, pageShift, rowBytes, rows, count, skip, end, places));
  const vectors = bytes & ~15;
  for (let i: u32 = 0; i < count; i++) {
    const source = <usize>load<u32>(at(places, i)) + skip;
    const target = out + <usize>i * <usize>bytes;
    if (source == skip) {
      memory.fill(target, 0, bytes);
      continue;
    }
    let b: u32 = 0;
    for (; b < vectors; b += 16) v128.store(target + b, v128.load(source + b));
    for (; b < bytes; b += 4) store<u32>(target + b, load<u32>(source + b));
  }
}

/** Copies `bytes` of each row, from byte `skip` on, to out, one after the other; zeros for row -1. */
export function gather(
  directory: usize,
  pageShift: u32,
  rowBytes: u32,
  rows: usize,
  count: u32,
  skip: u32,
  bytes: u32,
  out: usize,
  scratch: usize,
): void {
  for (let done: u32 = 0; done < count; done += blockKeys) {
    const n = min(blockKeys, count - done);
    const target = out + <usize>done * <usize>bytes;
    const r = at(rows, done);
    gatherBlock(directory, pageShift, rowBytes, r, n, skip, bytes, target, scratch);
  }
}

/** Where each row of a block begins, to places, with its lines on their way. All rows are there. */
export function touch(
  directory: usize,
  pageShift: u32,
  rowBytes: u32,
  rows: usize,
  count: u32,
  places: usize,
  scratch: usize,
): void {
  keep(scratch, touchBlock(directory, pageShift, rowBytes, rows, count, 0, rowBytes, places));
}

/** row-slab.ts, recordUpdate: facts are key low, key high, newest update, update count. All rows of the block are there. */
export function record(
  directory: usize,
  pageShift: u32,
  rows: usize,
  count: u32,
  atSeconds: f64,
  scratch: usize,
): void {
  const places = scratch + 64;
  let touched: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const facts = rowAddress(directory, pageShift, 16, load<u32>(at(rows, i)));
    store<u32>(at(places, i), <u32>facts);
    touched ^= load<u32>(facts, 8);
  }
  keep(scratch, touched);
  for (let i: u32 = 0; i < count; i++) {
    const facts = <usize>load<u32>(at(places, i));
    if (<f64>load<u32>(facts, 8) < atSeconds) store<u32>(facts, <u32>atSeconds, 8);
    const updates = load<u32>(facts, 12);
    if (updates < u32.MAX_VALUE) store<u32>(facts, updates + 1, 12);
  }
}
