import { ringMemory, type RingMemory } from '../core/base/shared-ring.js';

/** The memory between two threads, in which one asks the other for rows and tells it what they learned (row-exchange.ts). */
export interface LinkMemory {
  readonly requests: RingMemory;
  readonly rows: RingMemory;
  readonly news: RingMemory;
}

/** [asker][owner]; undefined where both are the same. */
export type Links = readonly (readonly (LinkMemory | undefined)[])[];

export interface ExchangeShape {
  readonly threads: number;
  readonly partitionCount: number;
  readonly slotCount: number;
  readonly dim: number;
  /** Numbers that a step says of the network. */
  readonly networkFloats: number;
  /** Whether squares of single examples go with what rows learn. */
  readonly squares: boolean;
}

/** Weight, loss, signal. */
export const headFloats = 3;
/** One being written while the other is read. */
const slots = 2;

/** @param fidsMax unique fids of a part of a batch. */
export function linksOf(shape: ExchangeShape, fidsMax: number): Links {
  const { threads, partitionCount, slotCount, dim, networkFloats } = shape;
  const told = (shape.squares ? 2 : 1) * dim;
  const counts = Math.ceil(partitionCount / threads) * slotCount;
  return Array.from({ length: threads }, (_asker, asker) =>
    Array.from({ length: threads }, (_owner, owner) =>
      asker === owner
        ? undefined
        : {
            requests: ringMemory(slots, counts + 2 * fidsMax),
            rows: ringMemory(slots, Math.max(1, fidsMax * dim)),
            news: ringMemory(slots, headFloats + networkFloats + fidsMax * told),
          },
    ),
  );
}

/** The first partition of a thread; that of the thread behind the last is the number of partitions. */
export function firstPartition(thread: number, { threads, partitionCount }: ExchangeShape): number {
  return Math.floor((thread * partitionCount) / threads);
}
