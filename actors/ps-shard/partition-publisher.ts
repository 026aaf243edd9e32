import type { Clock } from '../../core/base/clock.js';
import { codeOf } from '../../core/base/errors.js';
import type { LatencyHistogram } from '../../core/base/histogram.js';
import { fenced } from '../../messages/ownership.js';
import type { SnapshotMark } from '../../messages/snapshots.js';
import type { TrainedPartition } from '../../replication/trained-partition.js';
import type { PartitionLog } from './partition-log.js';

/** What the publishers of a shard have done together. */
export interface PublishFigures {
  readonly flushMs: LatencyHistogram;
  flushes: number;
  rows: number;
  bytes: number;
}

export interface PublisherOptions {
  readonly clock: Pick<Clock, 'nowMs' | 'after'>;
  readonly partition: TrainedPartition;
  readonly log: Pick<PartitionLog, 'epoch' | 'sequence' | 'bytesWritten' | 'append' | 'served'>;
  readonly specHash: string;
  readonly deltaNumber: number;
  readonly flushRowsMax: number;
  readonly pauseMsMax: number;
  readonly figures: PublishFigures;
  /** The log took records of another owner, or none at all: the rows here are not the truth any more. */
  readonly onLost: (error: unknown) => void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Publishes what changed in a partition, adaptively, as Nagle did for bytes: at once when nothing is in flight, else
 * as soon as the last flush is acknowledged and a pause of its own length has passed, so that flushing takes at most
 * about half of the time under load and a quiet shard is fresh within milliseconds. Never later than
 * `sync.sparseMsMax`, and without a pause when a whole message is waiting.
 */
export class PartitionPublisher {
  readonly #options: PublisherOptions;
  #deltaNumber: number;
  #committed: SnapshotMark;
  /** Durable, but serving may not have been told yet. */
  #pendingMark: SnapshotMark;
  #waiting: Waiter[] = [];
  #running: Promise<void> | undefined;
  #endPause: (() => void) | undefined;
  #dirty = false;
  #lost: Error | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#deltaNumber = options.deltaNumber;
    this.#committed = this.#mark(options.partition.applied.encode());
    this.#pendingMark = this.#committed;
  }

  /** What is in the log: a snapshot that begins now needs the log from there on. */
  get committed(): SnapshotMark {
    return this.#committed;
  }

  /** Of the newest record in the log. */
  get sequence(): number {
    return this.#options.log.sequence;
  }

  /** Whether all that was applied is in the log, and `committed` is the record it ends with. */
  get isSettled(): boolean {
    return !this.#dirty && this.#running === undefined && this.#lost === undefined;
  }

  /** To be called after every change of the partition. */
  changed(): void {
    this.#dirty = true;
    if (this.#options.partition.rows.touchedCount >= this.#options.flushRowsMax) this.#endPause?.();
  }

  /**
   * Resolves when everything applied so far is in the log.
   * @throws StarlingError FENCED when the partition was taken over; what was applied may be lost then.
   */
  durable(): Promise<void> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    if (!this.#dirty && !this.#running) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** No more flushes; who waits is told that the partition is gone. */
  close(): void {
    const { number } = this.#options.partition;
    this.#lose(fenced(`partition ${number} was given up.`, { partition: number }));
  }

  async #run(): Promise<void> {
    const { clock, figures, pauseMsMax, onLost } = this.#options;
    while (this.#waiting.length > 0 && this.#lost === undefined) {
      const startMs = clock.nowMs();
      const settled = this.#waiting;
      this.#waiting = [];
      try {
        if (this.#dirty) await this.#flush();
      } catch (error) {
        this.#lose(error);
        for (const { reject } of settled) reject(error);
        onLost(error);
        break;
      }
      for (const { resolve } of settled) resolve();
      const tookMs = clock.nowMs() - startMs;
      figures.flushMs.record(tookMs);
      figures.flushes++;
      try {
        await this.#options.log.served();
        this.#committed = this.#pendingMark;
      } catch (error) {
        this.#lose(error);
        onLost(error);
        break;
      }
      if (this.#waiting.length > 0) await this.#pause(Math.min(tookMs, pauseMsMax));
    }
    this.#running = undefined;
  }

  #lose(error: unknown): void {
    this.#lost ??= error instanceof Error ? error : new Error(String(error));
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(this.#lost);
    this.#endPause?.();
  }

  async #flush(): Promise<void> {
    const { partition, log, specHash, flushRowsMax, figures } = this.#options;
    this.#dirty = false;
    const deltaNumber = ++this.#deltaNumber;
    // The rows are copied out before the first await, so they agree with the applied set taken here.
    const applied = partition.applied.encode();
    const { trail, appliedAtMs } = partition.takeNews();
    const mark = this.#mark(applied);
    const parts = [];
    do parts.push(partition.rows.takeDelta(flushRowsMax));
    while (partition.rows.touchedCount + partition.rows.evictedCount > 0);
    const nothing = new Float64Array(0);
    const bytesBefore = log.bytesWritten;
    for (const [part, rows] of parts.entries()) {
      const last = part === parts.length - 1;
      const head = { specHash, partition: partition.number, deltaNumber, part, last };
      const news = last ? { applied, trail } : { applied: nothing, trail: undefined };
      const { resolved, atSeconds } = mark;
      await log.append({ ...head, ...rows, ...news, resolved, atSeconds, appliedAtMs });
      figures.rows += rows.fids.length / 2;
    }
    figures.bytes += log.bytesWritten - bytesBefore;
    this.#pendingMark = { ...mark, sequence: log.sequence };
  }

  #mark(applied: Float64Array): SnapshotMark {
    const { partition, log, specHash } = this.#options;
    const { resolved, atSeconds, number } = partition;
    const { epoch, sequence } = log;
    const deltaNumber = this.#deltaNumber;
    return {
      specHash,
      partition: number,
      epoch,
      deltaNumber,
      sequence,
      applied,
      resolved,
      atSeconds,
    };
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
    this.#endPause = undefined;
  }
}

/** Whether a failure means that somebody else owns the partition now, and not that the log is out of order. */
export function isTakeover(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'FENCED' || code === 'CONFLICT' || code === 'NOT_OWNER';
}
