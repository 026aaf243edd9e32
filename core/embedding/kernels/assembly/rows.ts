// row-transfer.ts and row-slab.ts: rows by their number.
import { at, keep, rowAddress } from './memory';

/** Where each row of a block begins, to places. All rows are there. */
@inline
function place(
  directory: usize,
  pageShift: u32,
  rowBytes: u32,
  rows: usize,
  count: u32,
  places: usize,
): void {
  for (let i: u32 = 0; i < count; i++)
    store<u32>(at(places, i), <u32>rowAddress(directory, pageShift, rowBytes, load<u32>(at(rows, i))));
}

/**
 * Brings bytes `skip` to `end` of what begins at places into cache, line by line. In passes that do nothing else: with the
 * addresses computed in the same loop it took two and a half times as long, as fewer misses were under way.
 */
@inline
function warm(places: usize, count: u32, rowBytes: u32, skip: u32, end: u32): u32 {
  let touched: u32 = 0;
  for (let b: u32 = skip; b < end; b += 64)
    for (let i: u32 = 0; i < count; i++) touched ^= load<u32>(<usize>load<u32>(at(places, i)) + b);
  // Rows of whole lines begin at a line, as pages do.
  if (((rowBytes | skip) & 63) == 0) return touched;
  const last = end - 4;
  for (let i: u32 = 0; i < count; i++) touched ^= load<u32>(<usize>load<u32>(at(places, i)) + last);
  return touched;
}

/** Writes where each row begins, 0 for row -1, to places and brings its bytes from `skip` to `end` into cache. */
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
  for (let i: u32 = 0; i < count; i++) {
    const row = load<i32>(at(rows, i));
    const address = rowAddress(directory, pageShift, rowBytes, max<i32>(row, 0));
    store<u32>(at(places, i), select<u32>(0, <u32>address, row < 0));
  }
  return warm(places, count, rowBytes, skip, end);
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
  place(directory, pageShift, rowBytes, rows, count, places);
  keep(scratch, warm(places, count, rowBytes, 0, rowBytes));
}

/** Of an update count; the two bits above are the row's mark. */
const countMax: u32 = 0x3fffffff;

/** row-slab.ts, recordUpdate: facts are key low, key high, newest update, update count and mark. All rows of the block are there. */
export function record(
  directory: usize,
  pageShift: u32,
  rows: usize,
  count: u32,
  atSeconds: f64,
  scratch: usize,
): void {
  const places = scratch + 64;
  place(directory, pageShift, 16, rows, count, places);
  keep(scratch, warm(places, count, 16, 8, 16));
  for (let i: u32 = 0; i < count; i++) {
    const facts = <usize>load<u32>(at(places, i));
    if (<f64>load<u32>(facts, 8) < atSeconds) store<u32>(facts, <u32>atSeconds, 8);
    const updates = load<u32>(facts, 12);
    if ((updates & countMax) < countMax) store<u32>(facts, updates + 1, 12);
  }
}
