/**
 * Which items have the most recent positives: an exponentially decayed count per item. Instead of decaying all counts,
 * the weight of a new positive grows, and all are scaled down when it gets large.
 */
export class Popularity {
  readonly #halfLifeMs: number;
  readonly #counts = new Map<string, number>();
  #originMs: number | undefined;

  /** Too short: the list jumps about. Too long: yesterday's hits stay on top. */
  constructor(halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs;
  }

  /** Event time, so that a replay of old data decays at its own pace. */
  add(item: string, atMs: number): void {
    this.#originMs ??= atMs;
    if (atMs - this.#originMs > 64 * this.#halfLifeMs) this.#rebase(atMs);
    const weight = 2 ** ((atMs - this.#originMs) / this.#halfLifeMs);
    this.#counts.set(item, (this.#counts.get(item) ?? 0) + weight);
  }

  /** Best first. */
  top(count: number): string[] {
    return [...this.#counts.entries()]
      .sort(([, a], [, b]) => b - a)
      .slice(0, count)
      .map(([item]) => item);
  }

  #rebase(atMs: number): void {
    const scale = 2 ** ((this.#originMs! - atMs) / this.#halfLifeMs);
    for (const [item, count] of this.#counts) {
      const left = count * scale;
      if (left < 1e-6) this.#counts.delete(item);
      else this.#counts.set(item, left);
    }
    this.#originMs = atMs;
  }
}
