import { LatencyHistogram } from '../../core/base/histogram.js';
import type { Trail, TrailEntry } from '../../messages/trail.js';
import { TrailReader, trailTimes } from '../../messages/trail.js';

/**
 * Turns deltas into "what serving knows by now". A batch is visible once every partition of the shard has applied it;
 * then the age of its actions is freshness, from the acceptance of the action to this moment.
 */
export class Visibility {
  readonly freshness = new LatencyHistogram();
  readonly #watermarks: Map<number, number>;
  #through = 0;
  #resolved = 0;
  #pending: TrailEntry[] = [];

  constructor(partitions: readonly number[]) {
    this.#watermarks = new Map(partitions.map((partition) => [partition, 0]));
  }

  /** All batches up to this SAMPLES sequence are in the rows. */
  get through(): number {
    return this.#through;
  }

  /** Impressions settled by the visible batches. */
  get resolved(): number {
    return this.#resolved;
  }

  /** The rows are those of a snapshot, in which so many impressions were settled. */
  beginAt(resolved: number): void {
    this.#resolved = resolved;
    this.#pending = [];
  }

  /** While the log is replayed at start the ages say nothing about freshness. */
  observe(
    partition: number,
    watermark: number,
    trail: Trail | undefined,
    nowMs: number,
    live: boolean,
  ): void {
    this.#watermarks.set(partition, Math.max(watermark, this.#watermarks.get(partition) ?? 0));
    if (trail) this.#pending.push(...new TrailReader(trail));
    const through = Math.min(...this.#watermarks.values());
    if (through <= this.#through && !trail) return;
    this.#through = Math.max(through, this.#through);
    this.#settle(nowMs, live);
  }

  #settle(nowMs: number, live: boolean): void {
    const still = [];
    for (const entry of this.#pending) {
      if (entry.batch > this.#through) {
        still.push(entry);
        continue;
      }
      this.#resolved += entry.resolved;
      if (!live || entry.samples === 0) continue;
      for (const acceptedAtMs of entry.acceptedAtMs)
        this.freshness.record(Math.max(0, nowMs - acceptedAtMs), entry.samples / trailTimes);
    }
    this.#pending = still;
  }
}
