import { LatencyHistogram } from './histogram.js';

/**
 * A window is two halves of this length, of which the older one is dropped when the newer one is full: a latency is
 * remembered for one to two halves. Too short: at a few requests per second a quantile is that of a handful. Too long:
 * one slow request, which is the p99 of fewer than a hundred, still counts when a supervisor's patience with slowness
 * (supervision.drainAfterMs) ends.
 */
const halfMs = 4_000;

/**
 * Latencies of the last seconds. Figures since the start can't say that something has become slow: after a million fast
 * requests the p99 first moves with the ten thousandth slow one. A sliding window would have to keep each latency.
 */
export class RecentLatency {
  #newer = new LatencyHistogram();
  #older = new LatencyHistogram();
  /** Of the newer half, on the clock of the caller. */
  #sinceMs = -Infinity;

  /** @param nowMs of a clock that never goes back. */
  record(ms: number, nowMs: number): void {
    this.#turn(nowMs);
    this.#newer.record(ms);
  }

  /** How many latencies are remembered. */
  count(nowMs: number): number {
    this.#turn(nowMs);
    return this.#newer.count + this.#older.count;
  }

  /** The latency in ms that a share `q` of the remembered does not exceed, within 2 %. NaN if there are none. */
  quantile(q: number, nowMs: number): number {
    this.#turn(nowMs);
    const both = new LatencyHistogram();
    both.merge(this.#older);
    both.merge(this.#newer);
    return both.quantile(q);
  }

  #turn(nowMs: number): void {
    const agedMs = nowMs - this.#sinceMs;
    if (agedMs < halfMs) return;
    const next = agedMs < 2 * halfMs;
    this.#older = next ? this.#newer : new LatencyHistogram();
    this.#newer = new LatencyHistogram();
    this.#sinceMs = next ? this.#sinceMs + halfMs : nowMs;
  }
}
