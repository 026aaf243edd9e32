import type { Logger } from 'pino';
import { assert } from '../../core/base/assert.js';
import type { StarlingError } from '../../core/base/errors.js';
import { codeOf } from '../../core/base/errors.js';
import type { RowsDelta } from '../../messages/deltas.js';
import { fenced } from '../../messages/ownership.js';
import type { SnapshotMark } from '../../messages/snapshots.js';
import type { PartitionFollower } from '../../replication/partition-follower.js';
import type { TrainedShape } from '../../replication/trained-partition.js';
import { TrainedPartition } from '../../replication/trained-partition.js';
import type { DeltaContent, LogBus } from './partition-log.js';
import { PartitionLog } from './partition-log.js';
import type { PublishFigures } from './partition-publisher.js';
import { PartitionPublisher } from './partition-publisher.js';

export type RowsFollower = Pick<
  PartitionFollower<RowsDelta>,
  'start' | 'stop' | 'catchUp' | 'position' | 'sequence' | 'newestParts' | 'stats'
>;

export interface RowsPorts {
  readonly bus: LogBus;
  readonly log: Pick<Logger, 'warn'>;
  readonly shape: TrainedShape;
  /** A follower that was not started; what it can't go on from is told by `onError`. */
  readonly follow: (target: TrainedPartition, onError: (error: unknown) => void) => RowsFollower;
  readonly flushRowsMax: number;
  readonly pauseMsMax: number;
  readonly figures: PublishFigures;
}

export interface RowsListener {
  /** The follower can't go on. */
  readonly onFollowerFailed: (error: unknown) => void;
  /** The log takes no more records of this owner. */
  readonly onLost: (error: unknown) => void;
}

/**
 * The rows of one partition and who fills them: a follower of the log, or pushes, whose publisher writes it. The steps
 * from one to the other; which of them is due, others decide.
 */
export class HeldRows {
  readonly partition: TrainedPartition;
  readonly #ports: RowsPorts;
  readonly #listener: RowsListener;
  #follower: RowsFollower | undefined;
  #publisher: PartitionPublisher | undefined;
  /** Of the newest record that is known to be in the rows. */
  #end = 0;
  #restored = 0;
  #resyncs = 0;

  constructor(number: number, ports: RowsPorts, listener: RowsListener) {
    this.#ports = ports;
    this.#listener = listener;
    this.partition = new TrainedPartition(number, ports.shape);
  }

  get isFollowed(): boolean {
    return this.#follower !== undefined;
  }

  /** Of an owner, also after it was closed; undefined otherwise. */
  get publisher(): PartitionPublisher | undefined {
    return this.#publisher;
  }

  get stats() {
    const { deltas = 0, resyncs = 0 } = this.#follower?.stats ?? {};
    return { deltas: this.#restored + deltas, resyncs: this.#resyncs + resyncs };
  }

  /** Where the rows stand in the log; of an owner without what is not yet durable. */
  get mark(): Pick<SnapshotMark, 'epoch' | 'deltaNumber' | 'sequence'> {
    if (this.#publisher) return this.#publisher.committed;
    const { epoch, deltaNumber } = this.#follower?.position ?? { epoch: 0, deltaNumber: 0 };
    return { epoch, deltaNumber, sequence: this.#follower?.sequence ?? 0 };
  }

  /** Resolves when what was in the log at the start is in the rows. */
  async follow(): Promise<void> {
    assert(!this.#follower && !this.#publisher, 'what filled the rows before was dropped');
    this.partition.reset();
    const follower = this.#ports.follow(this.partition, (error) => {
      if (this.#follower === follower) this.#listener.onFollowerFailed(error);
    });
    this.#follower = follower;
    await follower.start();
  }

  /** Resolves when all that is in the log by now is in the rows, with the sequence of the newest record. Of a copy. */
  async catchUp(): Promise<number> {
    assert(this.#follower !== undefined, 'there is a copy');
    return this.#follower.catchUp();
  }

  /** As `catchUp`, for who is going to write the record behind. */
  async catchUpToOpen(): Promise<void> {
    const follower = this.#follower;
    assert(follower !== undefined, 'there is a copy');
    this.#end = await follower.catchUp();
  }

  /**
   * Writes the first record of an epoch behind everything that was in the log when it had caught up last; then the rows
   * are filled by pushes. `behind`: there was more, or the record is in the log and its acknowledgement was lost.
   *
   * @throws StarlingError FENCED when the log has a later epoch.
   */
  async open(epoch: number): Promise<'opened' | 'behind'> {
    const follower = this.#follower;
    assert(follower !== undefined, 'an owner is a copy first');
    const { bus, log: logger, shape } = this.#ports;
    // The log would take it, as it does not know of epochs; followers would not.
    if (follower.position.epoch > epoch) throw this.#outrun(epoch, follower.position.epoch);
    const slots = this.partition.rows.tables;
    const log = new PartitionLog(
      { bus, log: logger },
      { epoch, sequence: this.#end, slots, of: shape.of },
    );
    const deltaNumber = follower.position.deltaNumber + 1;
    try {
      await log.open(firstDelta(this.partition, shape, deltaNumber), follower.newestParts);
    } catch (error) {
      if (codeOf(error) === 'FENCED' && follower.position.epoch <= epoch) return 'behind';
      throw error;
    }
    this.#stopCounting(follower);
    this.#publisher = this.#publisherOf(log, deltaNumber);
    await follower.stop();
    return 'opened';
  }

  /** No more flushes; who waits for one is told that the partition is gone. */
  close(): void {
    this.#publisher?.close();
  }

  /** Back to nothing. */
  async drop(): Promise<void> {
    const follower = this.#follower;
    const hadRows = follower !== undefined || this.#publisher !== undefined;
    this.close();
    this.#publisher = undefined;
    if (follower) {
      this.#stopCounting(follower);
      await follower.stop();
    }
    if (hadRows) this.partition.reset();
  }

  #outrun(epoch: number, logEpoch: number): StarlingError {
    const { number: partition } = this.partition;
    const text = `the log of partition ${partition} is at epoch ${logEpoch}, this owner came with ${epoch}.`;
    return fenced(text, { partition, epoch, logEpoch });
  }

  #stopCounting(follower: RowsFollower): void {
    this.#restored += follower.stats.deltas;
    this.#resyncs += follower.stats.resyncs;
    this.#follower = undefined;
  }

  #publisherOf(log: PartitionLog, deltaNumber: number): PartitionPublisher {
    const { bus, shape, flushRowsMax, pauseMsMax, figures } = this.#ports;
    const publisher = new PartitionPublisher({
      clock: bus.clock,
      partition: this.partition,
      log,
      specHash: shape.hash,
      deltaNumber,
      flushRowsMax,
      pauseMsMax,
      figures,
      onLost: (error) => {
        if (this.#publisher === publisher) this.#listener.onLost(error);
      },
    });
    return publisher;
  }
}

/** It changes no row: that it is there is what it says. */
function firstDelta(
  { applied, resolved, atSeconds, number: partition }: TrainedPartition,
  { hash: specHash, slotCount }: TrainedShape,
  deltaNumber: number,
): DeltaContent {
  const noKeys = new Uint32Array(0);
  const noCounts = new Uint32Array(slotCount);
  return {
    specHash,
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
