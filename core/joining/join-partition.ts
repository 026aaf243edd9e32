import { hashString } from '../base/hash.js';

/** Any constant will do, but a change makes another partition of everybody's. */
const partitionSeed = 0x10135;

/** Where what somebody does is joined. @param person a user, or a visitor (person-event.ts). */
export function joinPartitionOf(person: string, partitions: number): number {
  return partitions === 1 ? 0 : hashString(person, partitionSeed) % partitions;
}
