interface StoredSegment {
  readonly number: number;
  /** Of the bucket in which the last of it is known. */
  readonly endMs: number;
}

/**
 * Numbers of records that hold many small things each, by lane and in the order of their making: what a later one says of a thing
 * counts, so the oldest go first, each when all that it holds has been forgotten.
 */
export class StoredSegments {
  readonly #lanes: readonly StoredSegment[][];
  readonly #bucketMs: number;

  /** @param bucketMs things are known until the end of the bucket that their time is in. */
  constructor(lanes: number, bucketMs: number) {
    this.#bucketMs = bucketMs;
    this.#lanes = Array.from({ length: lanes }, () => []);
  }

  /** @param untilMs event times until which things of it are known; NaN: it is of something that is deleted. */
  add(number: number, lane: number, untilMs: readonly number[]): void {
    let untilMsMax = -Infinity;
    for (const ms of untilMs) if (ms > untilMsMax) untilMsMax = ms;
    const endMs = Math.ceil((untilMsMax + 1) / this.#bucketMs) * this.#bucketMs;
    this.#lanes[lane]!.push({ number, endMs });
  }

  /** Those of which nothing need be known any more. */
  takeEmpty(watermarksMs: readonly number[]): number[] {
    return this.#lanes.flatMap((segments, lane) => {
      const kept = segments.findIndex(({ endMs }) => endMs > watermarksMs[lane]!);
      return segments.splice(0, kept < 0 ? segments.length : kept).map(({ number }) => number);
    });
  }
}
