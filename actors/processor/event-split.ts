import { at } from '../../core/base/columns.js';
import { joinPartitionOf } from '../../core/joining/join-partition.js';
import { personOf } from '../../core/joining/person-event.js';
import type { Actions, Impressions } from '../../messages/events.js';
import type { PointerRecord } from '../../messages/join-records.js';
import { partitionIn } from '../../messages/request-ids.js';

/** Rows by partition of JOIN. */
export type RowSplit = readonly (readonly number[])[];

/** To where the person is. */
export function splitImpressions({ users, items }: Impressions, partitions: number): RowSplit {
  return splitBy(items.length, partitions, (row) => joinPartitionOf(users[row]!, partitions));
}

/**
 * To where what it answers is, if it says so; else to where the person is. An event that names a request of others and nobody
 * goes to where that request has left a pointer.
 */
export function splitActions(actions: Actions, partitions: number): RowSplit {
  const { requestIds, items, facts } = actions;
  return splitBy(items.length, partitions, (row) => {
    const requestId = requestIds[row]!;
    const person = personOf(at(facts.users, row), at(facts.visitors, row));
    const named = requestId === '' ? undefined : partitionIn(requestId, partitions);
    return named ?? joinPartitionOf(person === '' ? requestId : person, partitions);
  });
}

export function splitPeople(people: readonly string[], partitions: number): RowSplit {
  return splitBy(people.length, partitions, (row) => joinPartitionOf(people[row]!, partitions));
}

/** Of what was on screen. */
export function splitRequests(requestIds: readonly string[], partitions: number): RowSplit {
  return splitBy(requestIds.length, partitions, (row) => {
    const requestId = requestIds[row]!;
    return partitionIn(requestId, partitions) ?? joinPartitionOf(requestId, partitions);
  });
}

/** To who looks for requests of others: where their impressions are, if that is elsewhere. */
export function pointersOf(
  impressions: Impressions,
  partitions: number,
): Map<number, PointerRecord> {
  const pointers = new Map<number, PointerRecord>();
  if (partitions === 1) return pointers;
  const { requestIds, users, items, atMs, facts } = impressions;
  for (let row = 0; row < items.length; row++) {
    const requestId = requestIds[row]!;
    if (partitionIn(requestId, partitions) !== undefined) continue;
    const home = joinPartitionOf(users[row]!, partitions);
    const sought = joinPartitionOf(requestId, partitions);
    if (home === sought) continue;
    const pointer = pointers.get(sought) ?? noPointers();
    pointers.set(sought, pointer);
    pointer.requestIds.push(requestId);
    pointer.items.push(items[row]!);
    pointer.atMs.push(atMs[row]!);
    pointer.partitions.push(home);
    pointer.lanes.push(at(facts.lanes, row));
  }
  return pointers;
}

const noPointers = (): PointerRecord => ({
  ...{ requestIds: [], items: [], atMs: [], partitions: [], lanes: [] },
});

function splitBy(rows: number, partitions: number, of: (row: number) => number): RowSplit {
  if (partitions === 1) return [Array.from({ length: rows }, (_row, i) => i)];
  const split: number[][] = Array.from({ length: partitions }, () => []);
  for (let row = 0; row < rows; row++) split[of(row)]!.push(row);
  return split;
}
