import { DueBuckets } from './due-buckets.js';
import { StoredSegments } from './stored-segments.js';

interface Entry {
  readonly value: number;
  readonly untilMs: number;
}

/** What has come in since the last drain, as it is stored. */
export interface RememberedSegment {
  readonly lane: number;
  readonly keys: readonly string[];
  readonly values: readonly number[];
  readonly untilMs: readonly number[];
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
  readonly #fresh: readonly { keys: string[]; values: number[]; untilMs: number[] }[];
  readonly #segments: StoredSegments;

  constructor(bucketMs: number, lanes: number) {
    this.#due = Array.from({ length: lanes }, () => new DueBuckets<string>(bucketMs));
    this.#segments = new StoredSegments(lanes);
    this.#fresh = this.#due.map(() => ({ keys: [], values: [], untilMs: [] }));
  }

  valueOf(key: string): number | undefined {
    return this.#entries.get(key)?.value;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** @param untilMs event time of the lane; in the moment behind it the key is forgotten. */
  set(key: string, value: number, lane: number, untilMs: number): void {
    this.#put(key, value, lane, untilMs);
    this.#note(key, value, lane, untilMs);
  }

  delete(key: string, lane: number): void {
    if (!this.#entries.delete(key)) return;
    this.#note(key, noValue, lane, NaN);
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
      const { keys, values, untilMs } = fresh;
      if (keys.length === 0) return;
      segments.push({ lane, keys, values, untilMs });
      fresh.keys = [];
      fresh.values = [];
      fresh.untilMs = [];
    });
    return segments;
  }

  seal(number: number, { lane, untilMs }: RememberedSegment): void {
    this.#segments.add(number, lane, untilMs);
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

  /** Numbers of segments of which nothing need be known any more. */
  takeEmpty(watermarksMs: readonly number[]): number[] {
    return this.#segments.takeEmpty(watermarksMs);
  }

  #put(key: string, value: number, lane: number, untilMs: number): void {
    this.#entries.set(key, { value, untilMs });
    // Times are milliseconds: the first one behind.
    this.#due[lane]!.add(untilMs + 1, key);
  }

  #note(key: string, value: number, lane: number, untilMs: number): void {
    const fresh = this.#fresh[lane]!;
    fresh.keys.push(key);
    fresh.values.push(value);
    fresh.untilMs.push(untilMs);
  }
}
