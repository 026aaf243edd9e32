import { DueBuckets } from './due-buckets.js';

interface Entry {
  value: number;
  untilMs: number;
}

/** What has come in since the last drain, as it is stored. */
export interface RememberedSegment {
  readonly lane: number;
  readonly keys: readonly string[];
  readonly values: readonly number[];
  readonly untilMs: readonly number[];
}

interface StoredSegment {
  readonly number: number;
  readonly untilMsMax: number;
}

const noValue = -1;

/**
 * Keys that are known until no copy of what they stand for can come any more: rows that are closed, events that have come, rows
 * that went elsewhere. Event streams are at-least-once, so who forgets one too early learns it twice. What is known at a
 * record follows from the records before it alone; only how it is stored follows from the drains, each of which writes one
 * segment. About 150 bytes a key.
 */
export class RememberedKeys {
  readonly #entries = new Map<string, Entry>();
  readonly #due: readonly DueBuckets<string>[];
  readonly #fresh: readonly { keys: string[]; entries: Entry[] }[];
  /** By lane; a later one may delete what an earlier one has. */
  readonly #segments: readonly StoredSegment[][];

  constructor(bucketMs: number, lanes: number) {
    this.#due = Array.from({ length: lanes }, () => new DueBuckets<string>(bucketMs));
    this.#segments = this.#due.map(() => []);
    this.#fresh = this.#due.map(() => ({ keys: [], entries: [] }));
  }

  get size(): number {
    return this.#entries.size;
  }

  valueOf(key: string): number | undefined {
    return this.#entries.get(key)?.value;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** @param untilMs event time of the lane; in the moment behind it the key is forgotten. */
  set(key: string, value: number, lane: number, untilMs: number): void {
    const fresh = this.#fresh[lane]!;
    fresh.keys.push(key);
    fresh.entries.push(this.#put(key, value, lane, untilMs));
  }

  delete(key: string, lane: number): void {
    if (!this.#entries.delete(key)) return;
    const fresh = this.#fresh[lane]!;
    fresh.keys.push(key);
    fresh.entries.push({ value: noValue, untilMs: NaN });
  }

  forget(lane: number, watermarkMs: number): void {
    for (const bucket of this.#due[lane]!.takeDue(watermarkMs))
      for (const key of bucket) {
        const entry = this.#entries.get(key);
        // It may be known anew, for longer.
        if (entry && entry.untilMs < watermarkMs) this.#entries.delete(key);
      }
  }

  /** One segment for each lane that has something new; the caller seals each under a number. */
  takeFresh(): RememberedSegment[] {
    const segments: RememberedSegment[] = [];
    this.#fresh.forEach((fresh, lane) => {
      const { keys, entries } = fresh;
      if (keys.length === 0) return;
      segments.push({
        ...{ lane, keys },
        values: entries.map(({ value }) => value),
        untilMs: entries.map(({ untilMs }) => untilMs),
      });
      fresh.keys = [];
      fresh.entries = [];
    });
    return segments;
  }

  seal(number: number, { lane, untilMs }: RememberedSegment): void {
    const known = untilMs.filter((ms) => !Number.isNaN(ms));
    this.#segments[lane]!.push({ number, untilMsMax: maxOf(known) });
  }

  /** A segment from the store; later ones have the last word. */
  restore(number: number, segment: RememberedSegment): void {
    const { lane, keys, values, untilMs } = segment;
    for (let i = 0; i < keys.length; i++) {
      if (values[i] === noValue) this.#entries.delete(keys[i]!);
      else this.#put(keys[i]!, values[i]!, lane, untilMs[i]!);
    }
    this.seal(number, segment);
  }

  /** Numbers of segments of which nothing need be known any more, the oldest first. */
  takeEmpty(watermarksMs: readonly number[]): number[] {
    return this.#segments.flatMap((segments, lane) => {
      const isOver = ({ untilMsMax }: StoredSegment) => untilMsMax < watermarksMs[lane]!;
      const kept = segments.findIndex((segment) => !isOver(segment));
      return segments.splice(0, kept < 0 ? segments.length : kept).map(({ number }) => number);
    });
  }

  #put(key: string, value: number, lane: number, untilMs: number): Entry {
    const entry = { value, untilMs };
    this.#entries.set(key, entry);
    // Times are milliseconds: the first one behind.
    this.#due[lane]!.add(untilMs + 1, key);
    return entry;
  }
}

function maxOf(values: readonly number[]): number {
  let max = -Infinity;
  for (const value of values) if (value > max) max = value;
  return max;
}
