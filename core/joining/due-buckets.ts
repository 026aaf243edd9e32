/**
 * Things that fall due at an event time, grouped into buckets of `bucketMs`, so that adding is O(1) and taking what is
 * due touches nothing else. Something due at t counts as due once the watermark reaches the next multiple of bucketMs.
 * There is no removal: the owner marks what is done and skips it when it comes up, which costs 8 bytes until then. A
 * heap would be exact, but windows need no finer end than a bucket, and sifting costs more than all else in the join.
 */
export class DueBuckets<T> {
  readonly #bucketMs: number;
  readonly #buckets = new Map<number, T[]>();
  /** The smallest bucket that may exist, so that the frequent question "anything due?" is one comparison. */
  #first = Infinity;

  constructor(bucketMs: number) {
    this.#bucketMs = bucketMs;
  }

  isDue(dueMs: number, watermarkMs: number): boolean {
    return Math.ceil(dueMs / this.#bucketMs) * this.#bucketMs <= watermarkMs;
  }

  add(dueMs: number, entry: T): void {
    const number = Math.ceil(dueMs / this.#bucketMs);
    const bucket = this.#buckets.get(number);
    if (bucket === undefined) this.#buckets.set(number, [entry]);
    else bucket.push(entry);
    if (number < this.#first) this.#first = number;
  }

  /** Takes out the buckets that are due, earliest first, each in the order of arrival. */
  takeDue(watermarkMs: number): T[][] {
    if (this.#first * this.#bucketMs > watermarkMs) return [];
    const taken: T[][] = [];
    const numbers = [...this.#buckets.keys()].sort((a, b) => a - b);
    for (const number of numbers) {
      if (number * this.#bucketMs > watermarkMs) {
        this.#first = number;
        return taken;
      }
      taken.push(this.#buckets.get(number)!);
      this.#buckets.delete(number);
    }
    this.#first = Infinity;
    return taken;
  }
}
