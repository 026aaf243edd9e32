import { assert } from '../../base/assert.js';
import { routeRows } from '../snapshot/route-rows.js';
import type {
  PageRoom,
  RowsPage,
  SnapshotSlot,
  SnapshotSource,
  SnapshotTarget,
} from '../snapshot/rows.js';
import type { ServingPartition } from './serving-partition.js';
import type { ServingTable, ServingTableSpec } from './serving-table.js';

/**
 * Serving partitions as what a snapshot is made from and loaded into: weights as they are served, decoded, no state,
 * and facts that say nothing. fp32 and fp16 come back to the bit. So does int8 where a row's scale is a normal f32
 * (largest weight ≥ 127 · 2^-126): 127 times the scale, rounded, is again the weight the scale was taken from, so scale
 * and levels are the same when taken anew. A denormal scale has too few bits for that; such weights come back within
 * half a step, and so near zero that no score can tell.
 *
 * A snapshot of training partitions loads too, with the policy `optimizerChange: 'reset-state'`.
 */
export function servingSource(
  partition: ServingPartition,
  specs: readonly ServingTableSpec[],
): SnapshotSource {
  return {
    slots: slotsOf(partition, specs),
    *pages(rowsMax, room) {
      for (const [slotIndex, table] of partition.tables.entries())
        yield* tablePages(table, slotIndex, rowsMax(slotIndex), room);
    },
  };
}

function* tablePages(
  table: ServingTable,
  slotIndex: number,
  rowsMax: number,
  room: PageRoom,
): Generator<RowsPage> {
  for (let cursor: number | undefined = 0; cursor !== undefined;) {
    let page: RowsPage | undefined;
    const { nextCursor } = table.rowsFrom(cursor, rowsMax, (count) => {
      page = room(slotIndex, count);
      page.updatedAt.fill(0);
      page.updateCounts.fill(1);
      return page;
    });
    assert(page !== undefined, 'a walk asks for room before it gathers');
    yield page;
    cursor = nextCursor;
  }
}

/** @param partitions those of `partitionCount` that are loaded here; rows of the others are left. */
export function servingTarget(
  partitions: readonly ServingPartition[],
  specs: readonly ServingTableSpec[],
  partitionCount: number,
): SnapshotTarget {
  const owners = new Map(partitions.map((each) => [each.partition, each]));
  assert(partitions.length > 0, 'a snapshot is loaded into something');
  assert(owners.size === partitions.length, 'a partition is loaded once');
  for (const { partition } of partitions)
    assert(partition < partitionCount, 'a partition is one of those counted');
  const slots = slotsOf(partitions[0]!, specs);
  return {
    slots,
    assign(page) {
      const { dim } = slots[page.slotIndex]!;
      const shape = { dim, stateWidth: 0, partitionCount };
      return routeRows({ ...page, state: undefined }, shape, (partition, rows) => {
        const table = owners.get(partition)?.tables[page.slotIndex];
        table?.assign(rows.fids, 0, rows.count, rows.weights, 0);
        return table ? rows.count : 0;
      });
    },
  };
}

function slotsOf(partition: ServingPartition, specs: readonly ServingTableSpec[]): SnapshotSlot[] {
  assert(specs.length === partition.tables.length, 'there is a specification for each table');
  return partition.tables.map(({ slot, dim }, i) => {
    assert(specs[i]!.slot === slot, 'specifications are in the order of the tables');
    return { slot, dim, stateWidth: 0, optimizer: 'none' };
  });
}
