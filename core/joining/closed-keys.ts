/**
 * Identities that are closed, so that a redelivered impression or a late action is recognised. Event streams are
 * at-least-once, so forgetting one too early would make a second sample of it.
 *
 * Keys are forgotten by segment, one per drain, oldest first. A segment counts as closed at the newest event time seen
 * by then, which is not before the time of any impression in it. It is forgotten when the watermark is beyond closed at +
 * window + lateness + the most that two copies of an impression are apart: each copy is refused as late then, and nothing
 * can be joined twice. Copies differ where a request was asked again and answered twice.
 *
 * About 90 bytes a key: at 1000 impressions/s, a 10-minute window and 1 minute of lateness that is 60 MB.
 */
interface ClosedSegment {
  readonly number: number;
  readonly forgetAfterMs: number;
  readonly keys: readonly string[];
}

export class ClosedKeys {
  readonly #retentionMs: number;
  readonly #labels = new Map<string, number>();
  readonly #segments: ClosedSegment[] = [];
  #freshKeys: string[] = [];
  #freshLabels: number[] = [];

  /** @param retentionMs window + allowed lateness + what copies are apart. */
  constructor(retentionMs: number) {
    this.#retentionMs = retentionMs;
  }

  /** The label `key` was closed with, or undefined if it isn't closed. */
  labelOf(key: string): number | undefined {
    return this.#labels.get(key);
  }

  add(key: string, label: number): void {
    this.#labels.set(key, label);
    this.#freshKeys.push(key);
    this.#freshLabels.push(label);
  }

  /** What was closed since the last call, or undefined if nothing was. The caller seals it under a number. */
  takeFresh(): { keys: string[]; labels: number[] } | undefined {
    if (this.#freshKeys.length === 0) return undefined;
    const fresh = { keys: this.#freshKeys, labels: this.#freshLabels };
    this.#freshKeys = [];
    this.#freshLabels = [];
    return fresh;
  }

  /** Starts the retention of a segment. Segments are sealed in the order of `closedAtMs`. */
  seal(number: number, closedAtMs: number, keys: readonly string[]): void {
    this.#segments.push({ number, forgetAfterMs: closedAtMs + this.#retentionMs, keys });
  }

  /** A segment from the store. */
  restore(
    number: number,
    closedAtMs: number,
    keys: readonly string[],
    labels: ArrayLike<number>,
  ): void {
    for (let i = 0; i < keys.length; i++) this.#labels.set(keys[i]!, labels[i]!);
    this.seal(number, closedAtMs, keys);
  }

  /** Forgets what need not be remembered at this watermark and returns the numbers of the forgotten segments. */
  forget(watermarkMs: number): number[] {
    let count = 0;
    while (count < this.#segments.length && this.#segments[count]!.forgetAfterMs < watermarkMs)
      count++;
    if (count === 0) return [];
    const forgotten = this.#segments.splice(0, count);
    for (const { keys } of forgotten) for (const key of keys) this.#labels.delete(key);
    return forgotten.map(({ number }) => number);
  }
}
