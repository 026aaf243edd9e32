import { SnapshotModel, type ModelKey } from './snapshot-model.testkit.js';
import type { SnapshotHeader } from './header.js';
import type { SnapshotSlot } from './rows.js';

/** Small snapshots that the tests share: three slots, of which one has no state, with and without rows. */
export const slots: readonly SnapshotSlot[] = [
  { slot: 2, dim: 2, optimizer: 'adagrad', stateWidth: 2 },
  { slot: 5, dim: 1, optimizer: 'sgd', stateWidth: 0 },
  { slot: 9, dim: 3, optimizer: 'adagrad', stateWidth: 3 },
];

export const header: SnapshotHeader = {
  createdAtMs: 1_700_000_000_123,
  firstPartition: 3,
  partitionEnd: 4,
  partitionCount: 16,
  metadata: Uint8Array.of(7, 0, 255),
};

/** Chunks of at most 1 KiB hold 31 rows of slot 2. */
export const chunkBytesMax = 1024;

/** `rows` rows in each slot, with the awkward keys among them. */
export function modelOf(rows: number, slotsOf = slots): SnapshotModel {
  const model = new SnapshotModel(slotsOf);
  for (let slotIndex = 0; slotIndex < slotsOf.length; slotIndex++) {
    for (let i = 0; i < rows; i++) model.push(slotIndex, keyAt(i), i / 8, i);
  }
  return model;
}

export function keyAt(i: number): ModelKey {
  if (i === 0) return '0:0';
  return i === 1 ? '4294967295:4294967295' : `${i}:${i % 3}`;
}

export function join(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
