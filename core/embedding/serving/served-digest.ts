import { assert } from '../../base/assert.js';
import { digestText, emptyDigest } from '../digest.js';
import type { EmbeddingTable } from '../embedding-table.js';
import { ServingTable, type ServingTableSpec } from './serving-table.js';

/** Rows that are brought into their served form at once. */
const pageRows = 4_096;

/**
 * The digest that a serving partition has of rows that are trained here, in whatever form it keeps them. A digest is a
 * sum over rows, so the rows are brought into that form page by page, in one table per slot that is emptied after each. (Not a
 * table per page: memory of arenas comes back when a table was collected, which is never while this runs.)
 *
 * @param specs in the order of the tables.
 */
export function servedDigest(
  { tables }: { readonly tables: readonly EmbeddingTable[] },
  specs: readonly ServingTableSpec[],
): string {
  assert(specs.length === tables.length, 'there is a specification for each table');
  const lanes = emptyDigest();
  for (const [s, table] of tables.entries()) {
    const served = new ServingTable(specs[s]!);
    for (let cursor: number | undefined = 0; cursor !== undefined;) {
      const { count, fids, weights, nextCursor } = table.rowsFrom(cursor, pageRows);
      served.assign(fids, 0, count, weights, 0);
      served.addToDigest(lanes);
      served.remove(fids, 0, count);
      cursor = nextCursor;
    }
  }
  return digestText(lanes);
}
