import { notOwner } from '../../messages/ownership.js';
import type { PartitionDirectory } from '../../replication/partition-directory.js';
import type { HeldPartition } from './held-partition.js';

export interface HeldPorts {
  /** Of the shard. */
  readonly address: string;
  /** One that is nothing yet. */
  readonly make: (partition: number) => HeldPartition;
}

/** All partitions of a shard: those that it owns or copies, and those that it has heard of. */
export class HeldPartitions {
  readonly #ports: HeldPorts;
  readonly #held = new Map<number, HeldPartition>();
  #leave: (() => void) | undefined;

  constructor(ports: HeldPorts) {
    this.#ports = ports;
  }

  get all(): HeldPartition[] {
    return [...this.#held.values()];
  }

  get owned(): HeldPartition[] {
    return this.all.filter(({ isOwned }) => isOwned);
  }

  get copied(): HeldPartition[] {
    return this.all.filter(({ isFollowed }) => isFollowed);
  }

  /** Of those that accept pulls and pushes now. */
  get accepting(): HeldPartition[] {
    return this.all.filter(({ isAccepting }) => isAccepting);
  }

  /** Resolves when each is what the directory says. @throws what no further try mends. */
  async start(directory: Pick<PartitionDirectory, 'partitions' | 'onChange'>): Promise<void> {
    this.#leave = directory.onChange((number) => this.hold(number).heed());
    for (const number of directory.partitions) this.hold(number).heed();
    await Promise.all(this.all.map((each) => each.settled()));
  }

  /** What was applied is durable when it resolves. */
  async stop(): Promise<void> {
    this.#leave?.();
    await Promise.all(this.all.map((each) => each.stop()));
  }

  /** Looks after a partition from now on, whatever the directory says of it. */
  hold(number: number): HeldPartition {
    const found = this.#held.get(number) ?? this.#ports.make(number);
    this.#held.set(number, found);
    return found;
  }

  /** @throws StarlingError NOT_OWNER for one that nobody here has heard of. */
  get(number: number): HeldPartition {
    const found = this.#held.get(number);
    if (!found) throw notOwner(this.#ports.address, number);
    return found;
  }

  /** The lease of the shard had run out and is held again: each asks whether it is still what it was. */
  lapsed(): void {
    for (const each of this.#held.values()) each.lapsed();
  }
}
