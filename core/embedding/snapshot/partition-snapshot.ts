import { assert } from '../../base/assert.js';
import type { EmbeddingTable, TableSpec } from '../embedding-table.js';
import type { EmbeddingPartition } from '../partition.js';
import { wholeColumns } from '../rows.js';
import { routeRows } from './route-rows.js';
import type { PageRoom, RowsPage, SnapshotSlot, SnapshotSource, SnapshotTarget } from './rows.js';

/**
 * A partition as what a snapshot is made from, and partitions as what one is loaded into. They need not be the same:
 * a row goes to the partition that its fid hashes to under the target's partition count, so a snapshot of 4 partitions
 * loads into 6, each target taking what is its own from each snapshot.
 */
export function partitionSource(
  partition: EmbeddingPartition,
  specs: readonly TableSpec[],
): SnapshotSource {
  return {
    slots: slotsOf(partition, specs),
    *pages(rowsMax, room) {
      for (const [slotIndex, table] of partition.tables.entries()) {
        yield* tablePages(table, slotIndex, rowsMax(slotIndex), room);
      }
    },
  };
}

function* tablePages(
  table: EmbeddingTable,
  slotIndex: number,
  rowsMax: number,
  room: PageRoom,
): Generator<RowsPage> {
  for (let cursor: number | undefined = 0; cursor !== undefined;) {
    let page: RowsPage | undefined;
    const { nextCursor } = table.rowsFrom(cursor, rowsMax, (count) => {
      page = room(slotIndex, count);
      return page;
    });
    assert(page !== undefined, 'a walk asks for room before it gathers');
    yield page;
    cursor = nextCursor;
  }
}

/**
 * @param partitions those of `partitionCount` that are loaded here; rows of the others are left.
 * @param specs the slots of each of them.
 */
export function partitionTarget(
  partitions: readonly EmbeddingPartition[],
  specs: readonly TableSpec[],
  partitionCount: number,
): SnapshotTarget {
  assert(partitions.length > 0, 'a snapshot is loaded into something');
  const owners = new Map<number, EmbeddingPartition>();
  for (const partition of partitions) {
    assert(partition.partition < partitionCount, 'a partition is one of those counted');
    assert(!owners.has(partition.partition), 'a partition is loaded once');
    owners.set(partition.partition, partition);
  }
  const slots = slotsOf(partitions[0]!, specs);
  return {
    slots,
    assign(page) {
      const { dim, stateWidth } = slots[page.slotIndex]!;
      return routeRows(page, { dim, stateWidth, partitionCount }, (partition, rows) => {
        const table = owners.get(partition)?.tables[page.slotIndex];
        table?.assign(wholeColumns(rows));
        return table ? rows.count : 0;
      });
    },
  };
}

function slotsOf(partition: EmbeddingPartition, specs: readonly TableSpec[]): SnapshotSlot[] {
  assert(specs.length === partition.tables.length, 'there is a specification for each table');
  return partition.tables.map(({ slot, dim, stateWidth }, i) => {
    assert(specs[i]!.slot === slot, 'specifications are in the order of the tables');
    return { slot, dim, stateWidth, optimizer: specs[i]!.optimizer.kind };
  });
}
