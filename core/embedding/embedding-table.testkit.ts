import type { EmbeddingTable } from './embedding-table.js';
import { allocateColumns, wholeColumns, type RowColumns } from './rows.js';

/** Changes in the order they are to be applied: these keys go, then these rows are set. */
export interface TableChanges {
  /** u32 pairs. */
  readonly evicted: Uint32Array;
  readonly rows: RowColumns;
}

/** Keys that went and rows that changed since they were last taken, at most `limit` in all; the rest waits. */
export function takeChanges(table: EmbeddingTable, limit = Infinity): TableChanges {
  const evictedCount = Math.min(limit, table.evictedCount);
  const evicted = new Uint32Array(2 * evictedCount);
  table.takeEvictedInto(evicted, 0, evictedCount);
  const rows = allocateColumns(Math.min(limit - evictedCount, table.touchedCount), table);
  table.takeRowsInto(wholeColumns(rows), rows.count);
  return { evicted, rows };
}

/** As serving reads: weights [count × dim] from outStart on, zeros for an absent row. */
export function lookupRows(
  table: EmbeddingTable,
  fids: Uint32Array,
  fidStart: number,
  count: number,
  out: Float32Array,
  outStart: number,
): void {
  const { dim } = table;
  table.pull(fids, fidStart, count, out, outStart);
  for (let i = 0; i < count; i++) {
    const at = 2 * (fidStart + i);
    if (table.updateCount(fids[at]!, fids[at + 1]!) === 0)
      out.fill(0, outStart + i * dim, outStart + (i + 1) * dim);
  }
}
