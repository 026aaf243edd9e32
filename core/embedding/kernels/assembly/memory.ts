/** Keys of a pass. Too high: lines leave the first-level cache between touch and use. Too low: fewer misses overlap. */
export const blockKeys: u32 = 128;

/**
 * Words below the scratch are free for this: where the sum of touched words goes, so that no compiler drops the loads.
 * A real prefetch would not hold the processor's window up, but WebAssembly has none.
 */
@inline
export function keep(scratch: usize, touched: u32): void {
  store<u32>(scratch, touched);
}

/** Of word i of a list. */
@inline
export function at(list: usize, i: u32): usize {
  return list + (<usize>i << 2);
}

/** Where a row begins. */
@inline
export function rowAddress(directory: usize, pageShift: u32, rowBytes: u32, row: u32): usize {
  const page = <usize>load<u32>(at(directory, row >> pageShift));
  return page + <usize>(row & ((1 << pageShift) - 1)) * <usize>rowBytes;
}
