import { codeOf, messageOf } from '../../core/base/errors.js';
import type { RowsDelta } from '../../messages/deltas.js';
import type { SnapshotMark } from '../../messages/snapshots.js';
import { fenced, notOwner } from '../../messages/ownership.js';
import type { DirectoryEntry, PartitionDirectory } from '../../replication/partition-directory.js';
import { followRows } from '../../replication/follow-rows.js';
import type { PartitionFollower } from '../../replication/partition-follower.js';
import type { TrainedShape } from '../../replication/trained-partition.js';
import { TrainedPartition } from '../../replication/trained-partition.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { SnapshotStore } from '../../runtime/stores/snapshot-store.js';
import { PartitionLog } from './partition-log.js';
import type { PublishFigures } from './partition-publisher.js';
import { PartitionPublisher, isTakeover } from './partition-publisher.js';

export interface HolderOptions {
  readonly context: ActorContext;
  readonly directory: PartitionDirectory;
  readonly shape: TrainedShape;
  readonly store: SnapshotStore;
  readonly figures: PublishFigures;
}

interface Ownership {
  readonly epoch: number;
  readonly publisher: PartitionPublisher;
  /** Given up on request, or lost; the directory will name the next owner. */
  released: boolean;
  /** Its rows are being exchanged. */
  paused: boolean;
}

/** Too low: a slow supervisor loses a move. Too high: a move whose supervisor died stops pushes for longer. */
const releaseMsMax = 3_000;

/**
 * One partition in a shard: not there, followed, or owned, whatever the directory says. It is brought there step by
 * step (`reconcile`), one step at a time, and looks at the directory again after each:
 *
 *   nothing → following → owned → (released →) following or nothing
 *
 * An owner is a follower that has caught up and then written the first record of its epoch to the log, which is what
 * fences the owner before it.
 */
export class HeldPartition {
  readonly number: number;
  readonly #options: HolderOptions;
  readonly partition: TrainedPartition;
  #follower: PartitionFollower<RowsDelta> | undefined;
  #ownership: Ownership | undefined;
  /** Whether this process has taken a new epoch: records of the one before it with the same epoch may be under way. */
  #claimed = false;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #restored = 0;
  #resyncs = 0;

  constructor(number: number, options: HolderOptions) {
    this.number = number;
    this.#options = options;
    this.partition = new TrainedPartition(number, options.shape);
  }

  get isOwned(): boolean {
    return this.#ownership !== undefined && !this.#ownership.released;
  }

  get isFollowed(): boolean {
    return this.#follower !== undefined;
  }

  get epoch(): number {
    return this.#ownership?.epoch ?? this.#follower?.position.epoch ?? 0;
  }

  get stats() {
    const { deltas = 0, resyncs = 0 } = this.#follower?.stats ?? {};
    return { deltas: this.#restored + deltas, resyncs: this.#resyncs + resyncs };
  }

  /** Where the rows stand in the log; of an owner without what is not yet durable. */
  get mark(): Pick<SnapshotMark, 'epoch' | 'deltaNumber' | 'sequence'> {
    if (this.#ownership) return this.#ownership.publisher.committed;
    const { epoch, deltaNumber } = this.#follower?.position ?? { epoch: 0, deltaNumber: 0 };
    return { epoch, deltaNumber, sequence: this.#follower?.sequence ?? 0 };
  }

  /**
   * The publisher of an owned partition.
   * @param epoch that the caller knows; undefined: whatever it is.
   * @throws StarlingError NOT_OWNER, or FENCED when caller and owner know of different epochs.
   */
  owned(epoch?: number): PartitionPublisher {
    const ownership = this.#ownership;
    const { address } = this.#options.context.identity;
    if (!ownership || ownership.released || ownership.paused) throw notOwner(address, this.number);
    if (epoch === undefined || epoch === ownership.epoch) return ownership.publisher;
    if (epoch > ownership.epoch) this.#lookAgain();
    const text = `the request for partition ${this.number} carries epoch ${epoch}, ${address} is at ${ownership.epoch}.`;
    throw fenced(text, {
      partition: this.number,
      requestEpoch: epoch,
      ownerEpoch: ownership.epoch,
    });
  }

  /** @throws StarlingError NOT_OWNER where the partition is not followed. */
  async catchUp(): Promise<void> {
    if (!this.#follower) throw notOwner(this.#options.context.identity.address, this.number);
    await this.#follower.catchUp();
  }

  /**
   * No more pulls and pushes; resolves when all that was applied is in the log. If nobody is named the next owner, the
   * partition is taken back.
   */
  async release(): Promise<void> {
    // Asked twice is as good as once: the first answer may have been lost.
    if (!this.#ownership?.released) this.owned();
    const ownership = this.#ownership!;
    ownership.released = true;
    await ownership.publisher.durable();
    setTimeout(() => {
      if (this.#ownership === ownership) this.#takeBack(ownership);
    }, releaseMsMax).unref();
  }

  /** Refuses pulls and pushes during `work`, then makes what it changed durable. */
  async whilePaused<T>(work: (publisher: PartitionPublisher) => Promise<T>): Promise<T> {
    const publisher = this.owned();
    const ownership = this.#ownership!;
    await publisher.durable();
    ownership.paused = true;
    try {
      const result = await work(publisher);
      await publisher.durable();
      return result;
    } finally {
      ownership.paused = false;
    }
  }

  /** Brings the partition to where the directory says it should be. */
  reconcile(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#run();
    return this.#running;
  }

  /** As `reconcile`, by what the bucket itself says: the watch may be a little behind. */
  async reconcileNow(): Promise<void> {
    await this.#options.directory.refresh(this.number);
    await this.reconcile();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.catch(() => undefined); // Told where it was started.
    if (this.isOwned) await this.#ownership!.publisher.durable();
    await this.#drop();
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // So that what is returned is stored before it ends.
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        const entry = this.#options.directory.entry(this.number);
        if (entry) await this.#step(entry);
      }
    } finally {
      // At once: whoever asks again from here on starts anew.
      this.#running = undefined;
    }
  }

  async #step(entry: DirectoryEntry): Promise<void> {
    const { index } = this.#options.context.identity;
    if (entry.owner === index) {
      if (this.#ownership?.epoch === entry.epoch) return;
      await this.#become(entry);
    } else if (entry.followers.includes(index)) {
      if (this.#ownership) await this.#drop();
      await this.#follow();
    } else await this.#drop();
  }

  async #follow(): Promise<void> {
    if (this.#follower) return;
    const { context, shape, store } = this.#options;
    this.partition.reset();
    const { crash: onError } = context;
    this.#follower = followRows(this.partition, { context, shape, store, onError });
    await this.#follower.start();
  }

  async #become(entry: DirectoryEntry): Promise<void> {
    // What an owner has applied and not published is not in the log, where the next epoch begins.
    if (this.#ownership) await this.#drop();
    await this.#follow();
    const { directory, context } = this.#options;
    try {
      const claimed = this.#claimed ? entry : await this.#claim(entry);
      await this.#open(claimed.epoch);
    } catch (error) {
      if (!isTakeover(error)) throw error;
      await directory.refresh(this.number);
      context.log.info({ partition: this.number, err: messageOf(error) }, 'somebody else took it');
      this.#again = true;
    }
  }

  async #claim(entry: DirectoryEntry): Promise<DirectoryEntry> {
    const { owner, epoch, followers, term } = entry;
    const next = { owner, epoch: epoch + 1, followers, term };
    const claimed = await this.#options.directory.update(this.number, next, entry);
    this.#claimed = true;
    return claimed;
  }

  /** Writes the first record of the epoch behind everything that is in the log. */
  async #open(epoch: number): Promise<void> {
    const { context, directory, shape, figures } = this.#options;
    const follower = this.#follower!;
    const newest = new Set<RowsDelta>();
    for (;;) {
      const end = await follower.catchUp();
      for (const part of follower.newestParts) newest.add(part);
      const entry = await directory.refresh(this.number);
      if (entry?.owner !== context.identity.index || entry.epoch !== epoch)
        throw fenced(`partition ${this.number} has another owner by now.`, { epoch });
      const slots = this.partition.rows.tables;
      const log = new PartitionLog(context, { epoch, sequence: end, slots });
      const deltaNumber = follower.position.deltaNumber + 1;
      try {
        await log.open(this.#emptyDelta(deltaNumber), [...newest]);
      } catch (error) {
        // The owner before was faster once more; or the record is ours, and its acknowledgement was lost.
        if (codeOf(error) === 'FENCED' && follower.position.epoch <= epoch) continue;
        throw error;
      }
      this.#restored += follower.stats.deltas;
      this.#resyncs += follower.stats.resyncs;
      this.#follower = undefined;
      await follower.stop();
      const { flushRowsMax, sparseMsMax } = context.config.sync;
      const publisher = new PartitionPublisher({
        partition: this.partition,
        log,
        specHash: shape.hash,
        deltaNumber,
        flushRowsMax,
        pauseMsMax: sparseMsMax,
        figures,
        onLost: (error) => this.#lost(error),
      });
      this.#ownership = { epoch, publisher, released: false, paused: false };
      context.log.info(
        { partition: this.number, epoch, sequence: log.sequence },
        'partition is owned',
      );
      return;
    }
  }

  #emptyDelta(deltaNumber: number) {
    const { shape } = this.#options;
    const { applied, resolved, atSeconds, number: partition } = this.partition;
    const noKeys = new Uint32Array(0);
    const noCounts = new Uint32Array(shape.slotCount);
    return {
      specHash: shape.hash,
      partition,
      deltaNumber,
      part: 0,
      last: true,
      evictedCounts: noCounts,
      evicted: noKeys,
      counts: noCounts,
      fids: noKeys,
      weights: new Float32Array(0),
      state: new Float32Array(0),
      updatedAt: noKeys,
      updateCounts: noKeys,
      applied: applied.encode(),
      resolved,
      atSeconds,
      trail: undefined,
      appliedAtMs: 0,
    };
  }

  async #drop(): Promise<void> {
    const ownership = this.#ownership;
    const follower = this.#follower;
    this.#ownership = undefined;
    this.#follower = undefined;
    ownership?.publisher.close();
    await follower?.stop();
    if (ownership || follower) this.partition.reset();
  }

  /** The log has another owner's records: the directory says who it is, or will soon. */
  #lost(error: unknown): void {
    const { context } = this.#options;
    if (!isTakeover(error)) return context.crash(error);
    context.log.warn({ partition: this.number, err: messageOf(error) }, 'partition was taken over');
    if (this.#ownership) this.#ownership.released = true;
    this.#lookAgain();
  }

  #takeBack(ownership: Ownership): void {
    const { directory, context } = this.#options;
    directory
      .refresh(this.number)
      .then((entry) => {
        if (entry?.owner !== context.identity.index || entry.epoch !== ownership.epoch) return;
        context.log.warn({ partition: this.number }, 'nobody took the partition; taken back');
        ownership.released = false;
      })
      .catch(context.crash);
  }

  #lookAgain(): void {
    const { directory, context } = this.#options;
    directory
      .refresh(this.number)
      .then(async (entry) => {
        const ownership = this.#ownership;
        const mine = entry?.owner === context.identity.index;
        if (mine && ownership?.released && entry.epoch === ownership.epoch) {
          // Nobody else is named, so the log is ahead by something we wrote and do not know of: begin again.
          this.#claimed = false;
          await this.#drop();
        }
        await this.reconcile();
      })
      .catch(context.crash);
  }
}
