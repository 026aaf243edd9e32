import type { Fields } from './checks.js';
import { asFields, f64, u32, wrong } from './checks.js';
import { noProgress, progressOf } from './progress-marks.js';
import type { ProgressMarks } from './progress-marks.js';

/**
 * What the batches of a step mean for freshness, so that serving can tell how old the newest action is that it knows: per batch
 * how many impressions it settles, how many samples it has, and quantiles of the times at which their actions were accepted.
 *
 * It goes from the trainer to the partition that keeps the books, from there with its deltas to serving, and is written and
 * read here only. Times are the oldest of a batch and ages after it, since those fit 32 bits.
 */
export interface Trail {
  /** f64 [b], batch ids. */
  readonly batches: Float64Array;
  /** u32 [b] */
  readonly resolved: Uint32Array;
  /** u32 [b], samples with a time of acceptance: those that an action made. */
  readonly samples: Uint32Array;
  /** f64 [b], milliseconds; 0 where there are no such samples. */
  readonly acceptedAtMs: Float64Array;
  /** u32 [b × trailTimes], milliseconds after it. */
  readonly agesMs: Uint32Array;
  /** One per batch: by data center, up to which sequence in RAW all is in it or before; empty: not told. */
  readonly progress: readonly ProgressMarks[];
}

/** One batch, as it is told and heard. */
export interface TrailEntry {
  readonly batch: number;
  readonly resolved: number;
  readonly samples: number;
  /** Quantiles, `trailTimes` of them; none where there are no samples. */
  readonly acceptedAtMs: Float64Array;
  readonly progress: ProgressMarks;
}

/** Quantiles per batch. Fewer: freshness is coarse. More: bytes in every delta of the bookkeeper. */
export const trailTimes = 8;

/**
 * Every batch visits every partition, so one of them counts what is settled: this one. The others count nothing and send no
 * trail, so nothing is counted twice.
 */
export const bookkeeper = 0;

export function keepsBooks(partition: number): boolean {
  return partition === bookkeeper;
}

const ageMax = 0xffffffff;

export class TrailWriter {
  #batches: number[] = [];
  #resolved: number[] = [];
  #samples: number[] = [];
  #acceptedAtMs: number[] = [];
  #agesMs: number[] = [];
  #progress: ProgressMarks[] = [];

  /** @param entry.acceptedAtMs of all samples of the batch; NaN for those that no action made. */
  add(batch: number, entry: Pick<TrailEntry, 'resolved' | 'acceptedAtMs' | 'progress'>): void {
    const { resolved, acceptedAtMs, progress } = entry;
    const times = acceptedAtMs.filter((time) => time > 0).sort();
    const oldestMs = times[0] ?? 0;
    this.#batches.push(batch);
    this.#resolved.push(resolved);
    this.#samples.push(times.length);
    this.#acceptedAtMs.push(oldestMs);
    this.#progress.push(progress);
    for (let q = 0; q < trailTimes; q++) {
      const time = times[Math.floor(((q + 0.5) / trailTimes) * times.length)] ?? oldestMs;
      this.#agesMs.push(Math.min(ageMax, Math.round(time - oldestMs)));
    }
  }

  /** Behind what is there. */
  append(trail: Trail): void {
    this.#batches.push(...trail.batches);
    this.#resolved.push(...trail.resolved);
    this.#samples.push(...trail.samples);
    this.#acceptedAtMs.push(...trail.acceptedAtMs);
    this.#agesMs.push(...trail.agesMs);
    for (let i = 0; i < trail.batches.length; i++)
      this.#progress.push(trail.progress[i] ?? noProgress);
  }

  /** What was added since the last take; undefined: nothing. */
  take(): Trail | undefined {
    if (this.#batches.length === 0) return undefined;
    const trail = {
      batches: Float64Array.from(this.#batches),
      resolved: Uint32Array.from(this.#resolved),
      samples: Uint32Array.from(this.#samples),
      acceptedAtMs: Float64Array.from(this.#acceptedAtMs),
      agesMs: Uint32Array.from(this.#agesMs),
      progress: this.#progress.some(isTold) ? this.#progress : [],
    };
    this.#batches = [];
    this.#resolved = [];
    this.#samples = [];
    this.#acceptedAtMs = [];
    this.#agesMs = [];
    this.#progress = [];
    return trail;
  }
}

function isTold(progress: ProgressMarks): boolean {
  return Object.keys(progress).length > 0;
}

export class TrailReader implements Iterable<TrailEntry> {
  readonly #trail: Trail;

  constructor(trail: Trail) {
    this.#trail = trail;
  }

  /** Impressions settled by all of its batches. */
  get resolved(): number {
    let sum = 0;
    for (const resolved of this.#trail.resolved) sum += resolved;
    return sum;
  }

  *[Symbol.iterator](): Generator<TrailEntry> {
    const { batches, resolved, samples, acceptedAtMs, agesMs, progress } = this.#trail;
    for (let i = 0; i < batches.length; i++) {
      const count = samples[i]! === 0 ? 0 : trailTimes;
      const ages = agesMs.subarray(i * trailTimes, i * trailTimes + count);
      yield {
        batch: batches[i]!,
        resolved: resolved[i]!,
        samples: samples[i]!,
        acceptedAtMs: Float64Array.from(ages, (age) => acceptedAtMs[i]! + age),
        progress: progress[i] ?? noProgress,
      };
    }
  }
}

/** @returns undefined where none is told. @throws StarlingError BAD_MESSAGE */
export function trailOf(fields: Fields, what: string): Trail | undefined {
  if (fields['trail'] === null) return undefined;
  const place = `${what}.trail`;
  const inner = asFields(fields['trail'], place);
  const batches = f64(inner, 'batches', place);
  const b = batches.length;
  const { progress } = inner;
  if (!Array.isArray(progress) || (progress.length !== 0 && progress.length !== b))
    throw wrong(place, 'progress', `a list of ${b} maps or none`, progress);
  return {
    batches,
    resolved: u32(inner, 'resolved', place, b),
    samples: u32(inner, 'samples', place, b),
    acceptedAtMs: f64(inner, 'acceptedAtMs', place, b),
    agesMs: u32(inner, 'agesMs', place, b * trailTimes),
    progress: progress.map((each) => progressOf({ progress: each as unknown }, place)),
  };
}
