import type { Memory } from './kept-rules.js';

/**
 * A count and a sum that forget as their memory says, as a list of numbers that is stored as it is:
 *
 *   ever, last   n, sum
 *   halfLife     n, sum, time of the newest
 *   window       newest bucket, then n and sum of each of its buckets, by bucket modulo their number
 */
export type Cell = number[];

export interface Sums {
  readonly n: number;
  readonly sum: number;
}

/** A window ends on whole buckets: finer is more to store, coarser forgets late. */
const buckets = 12;

/** @param weight 1; −1 takes it back. */
export function addTo(
  memory: Memory,
  cell: Cell | undefined,
  value: number,
  { weight, atMs }: { readonly weight: number; readonly atMs: number },
): Cell {
  switch (memory.kind) {
    case 'ever':
      return added(cell ?? [0, 0], 1, value, weight);
    case 'last':
      return added(cell ?? [0, 0], 1 - 1 / memory.count, value, weight);
    case 'halfLife': {
      const own = cell ?? [0, 0, atMs];
      const newestMs = Math.max(own[2]!, atMs);
      const fade = 2 ** ((own[2]! - newestMs) / memory.ms);
      own[2] = newestMs;
      return added(own, fade, value, weight * 2 ** ((atMs - newestMs) / memory.ms));
    }
    case 'window': {
      const bucket = Math.floor((atMs * buckets) / memory.ms);
      const own = cell ?? [bucket, ...new Array<number>(2 * buckets).fill(0)];
      moveTo(own, bucket);
      if (bucket <= own[0]! - buckets) return own;
      const at = placeOf(bucket);
      own[at]! += weight;
      own[at + 1]! += weight * value;
      return own;
    }
  }
}

export function sumsOf(memory: Memory, cell: Cell | undefined, nowMs: number): Sums {
  if (!cell) return nothing;
  switch (memory.kind) {
    case 'ever':
    case 'last':
      return { n: cell[0]!, sum: cell[1]! };
    case 'halfLife': {
      const fade = 2 ** (Math.min(0, cell[2]! - nowMs) / memory.ms);
      return { n: cell[0]! * fade, sum: cell[1]! * fade };
    }
    case 'window': {
      const newest = Math.floor((nowMs * buckets) / memory.ms);
      let n = 0;
      let sum = 0;
      for (let bucket = newest - buckets + 1; bucket <= cell[0]!; bucket++) {
        if (bucket <= cell[0]! - buckets) continue;
        n += cell[placeOf(bucket)]!;
        sum += cell[placeOf(bucket) + 1]!;
      }
      return { n, sum };
    }
  }
}

/** What two kept of the same, together. */
export function mergedCell(memory: Memory, a: Cell | undefined, b: Cell): Cell {
  if (!a) return [...b];
  switch (memory.kind) {
    case 'ever':
    case 'last':
      return [a[0]! + b[0]!, a[1]! + b[1]!];
    case 'halfLife': {
      const newestMs = Math.max(a[2]!, b[2]!);
      const [one, other] = [sumsOf(memory, a, newestMs), sumsOf(memory, b, newestMs)];
      return [one.n + other.n, one.sum + other.sum, newestMs];
    }
    case 'window': {
      const own = [...a];
      moveTo(own, b[0]!);
      for (let bucket = own[0]! - buckets + 1; bucket <= b[0]!; bucket++) {
        if (bucket <= b[0]! - buckets) continue;
        own[placeOf(bucket)]! += b[placeOf(bucket)]!;
        own[placeOf(bucket) + 1]! += b[placeOf(bucket) + 1]!;
      }
      return own;
    }
  }
}

const nothing: Sums = { n: 0, sum: 0 };

function added(cell: Cell, fade: number, value: number, weight: number): Cell {
  cell[0] = cell[0]! * fade + weight;
  cell[1] = cell[1]! * fade + weight * value;
  return cell;
}

function placeOf(bucket: number): number {
  return 1 + 2 * (((bucket % buckets) + buckets) % buckets);
}

/** Empties the buckets between the newest and this one. */
function moveTo(cell: Cell, bucket: number): void {
  const before = cell[0]!;
  if (bucket <= before) return;
  for (let each = Math.max(before + 1, bucket - buckets + 1); each <= bucket; each++) {
    cell[placeOf(each)] = 0;
    cell[placeOf(each) + 1] = 0;
  }
  cell[0] = bucket;
}
