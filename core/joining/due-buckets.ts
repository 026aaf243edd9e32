/**
 * Things that fall due at an event time, grouped into buckets of `bucketMs`, so that adding is O(1) and taking what is
 * due touches nothing else. Something due at t counts as due once the watermark reaches the next multiple of bucketMs.
 * What is over is left where it is and skipped when it comes up, which costs what it holds in memory until then; where that is much the owner
 * says so, and a bucket of which half is over is swept. A heap would be exact, but windows need no finer end than a bucket, and
 * sifting costs more than all else in the join.
 */
export class DueBuckets<T> {
  readonly #bucketMs: number;
  readonly #buckets = new Map<number, T[]>();
  /** By bucket, how much of it is over, as far as it was said. */
  readonly #over = new Map<number, number>();
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

  /** One of those that are due then is over. */
  isOver(dueMs: number, isOver: (entry: T) => boolean): void {
    const number = Math.ceil(dueMs / this.#bucketMs);
    const bucket = this.#buckets.get(number);
    if (bucket === undefined) return;
    const over = (this.#over.get(number) ?? 0) + 1;
    this.#over.set(number, over);
    if (2 * over < bucket.length) return;
    this.#over.delete(number);
    const left = bucket.filter((entry) => !isOver(entry));
    if (left.length > 0) this.#buckets.set(number, left);
    // The first one that may be there: it is looked for when it is due.
    else this.#buckets.delete(number);
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
      this.#over.delete(number);
    }
    this.#first = Infinity;
    return taken;
  }
}
