import { CompactKeys, type KnownKey } from './compact-keys.js';
import { StoredSegments } from './stored-segments.js';

/** What has come in since the last drain, as it is stored. */
export interface RememberedSegment {
  readonly lane: number;
  readonly keys: readonly string[];
  readonly values: readonly number[];
  readonly untilMs: readonly number[];
}

const noValue = -1;

/**
 * Keys that are known until no copy of what they stand for can come any more: rows that are closed, ids of events, rows
 * that went elsewhere. Event streams are at-least-once, so who forgets one too early learns it twice. What is known at a
 * record follows from the records before it alone; only how it is stored follows from the drains, each of which writes one
 * segment. Some 45 bytes a key in memory (compact-keys.ts).
 */
export class RememberedKeys {
  readonly #known: CompactKeys;
  readonly #fresh: readonly { keys: string[]; values: number[]; untilMs: number[] }[];
  readonly #segments: StoredSegments;

  constructor(bucketMs: number, lanes: number) {
    this.#known = new CompactKeys(bucketMs, lanes);
    this.#segments = new StoredSegments(lanes, bucketMs);
    this.#fresh = Array.from({ length: lanes }, () => ({ keys: [], values: [], untilMs: [] }));
  }

  valueOf(key: string): number | undefined {
    return this.#known.get(key);
  }

  has(key: string): boolean {
    return this.#known.get(key) !== undefined;
  }

  entryOf(key: string): KnownKey | undefined {
    return this.#known.entryOf(key);
  }

  /** Whether what is told to be known until then is over already. */
  isPast(lane: number, untilMs: number): boolean {
    return this.#known.isPast(lane, untilMs);
  }

  /** @param untilMs event time of the lane; in the moment behind it the key is forgotten. */
  set(key: string, value: number, lane: number, untilMs: number): void {
    this.#known.set(key, value, lane, untilMs);
    this.#note(key, value, lane, untilMs);
  }

  delete(key: string, lane: number): void {
    if (!this.#known.delete(key)) return;
    this.#note(key, noValue, lane, NaN);
  }

  forget(lane: number, watermarkMs: number): void {
    this.#known.forget(lane, watermarkMs);
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
      if (values[i] === noValue) this.#known.delete(keys[i]!);
      else this.#known.set(keys[i]!, values[i]!, lane, untilMs[i]!);
    }
    this.seal(number, segment);
  }

  /** Numbers of segments of which nothing need be known any more. */
  takeEmpty(watermarksMs: readonly number[]): number[] {
    return this.#segments.takeEmpty(watermarksMs);
  }

  #note(key: string, value: number, lane: number, untilMs: number): void {
    const fresh = this.#fresh[lane]!;
    fresh.keys.push(key);
    fresh.values.push(value);
    fresh.untilMs.push(untilMs);
  }
}
