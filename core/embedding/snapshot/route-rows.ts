import { partitionOf } from '../../base/fid.js';
import type { LoadedPage } from './rows.js';

export interface RouteShape {
  readonly dim: number;
  readonly stateWidth: number;
  readonly partitionCount: number;
}

/**
 * Hands the rows of a page to the partitions that their fids hash to. A page whose rows all go to one, as most do, is
 * not copied.
 *
 * @param assign takes rows of one partition, or leaves them; returns how many it took.
 * @returns how many rows were taken.
 */
export function routeRows(
  page: LoadedPage,
  shape: RouteShape,
  assign: (partition: number, rows: LoadedPage) => number,
): number {
  const { fids, count } = page;
  const { partitionCount } = shape;
  const partitionAt = (i: number) => partitionOf(fids[2 * i]!, fids[2 * i + 1]!, partitionCount);
  const first = partitionAt(0);
  let same = 0;
  while (same < count && partitionAt(same) === first) same++;
  if (same === count) return assign(first, page);
  const rowsOf = new Map<number, number[]>();
  for (let i = 0; i < count; i++) {
    const partition = partitionAt(i);
    const rows = rowsOf.get(partition);
    if (rows) rows.push(i);
    else rowsOf.set(partition, [i]);
  }
  let assigned = 0;
  for (const [partition, rows] of rowsOf) assigned += assign(partition, pick(page, rows, shape));
  return assigned;
}

/** Some rows of a page, copied. */
function pick(
  page: LoadedPage,
  rows: readonly number[],
  { dim, stateWidth }: RouteShape,
): LoadedPage {
  const count = rows.length;
  const picked = {
    slotIndex: page.slotIndex,
    count,
    fids: new Uint32Array(2 * count),
    weights: new Float32Array(count * dim),
    state: page.state && new Float32Array(count * stateWidth),
    updatedAt: new Uint32Array(count),
    updateCounts: new Uint32Array(count),
  };
  for (let i = 0; i < count; i++) {
    const row = rows[i]!;
    picked.fids[2 * i] = page.fids[2 * row]!;
    picked.fids[2 * i + 1] = page.fids[2 * row + 1]!;
    picked.updatedAt[i] = page.updatedAt[row]!;
    picked.updateCounts[i] = page.updateCounts[row]!;
    for (let d = 0; d < dim; d++) picked.weights[i * dim + d] = page.weights[row * dim + d]!;
    if (!picked.state) continue;
    for (let d = 0; d < stateWidth; d++) {
      picked.state[i * stateWidth + d] = page.state![row * stateWidth + d]!;
    }
  }
  return picked;
}
