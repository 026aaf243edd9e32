/** Counts that are kept. Fewer: a rare one is soon forgotten. */
const kept = 256;

/** The last counts of something: how many they are in the mean, and at most. NaN before the first. */
export class RecentCounts {
  readonly #counts = new Float64Array(kept).fill(NaN);
  #added = 0;

  add(count: number): void {
    this.#counts[this.#added++ % kept] = Math.max(0, count);
  }

  get mean(): number {
    const counts = this.#known;
    return counts.reduce((sum, count) => sum + count, 0) / counts.length;
  }

  get max(): number {
    const counts = this.#known;
    return counts.length === 0 ? NaN : Math.max(...counts);
  }

  get #known(): Float64Array {
    return this.#counts.subarray(0, Math.min(this.#added, kept));
  }
}
