import { auc } from '../core/model/metrics.js';

export interface ReplayProgress {
  readonly phase: 'features' | 'events' | 'settling';
  readonly done: number;
  readonly total: number;
  /** Over the last seconds. */
  readonly eventsPerSecond: number;
  /** Of the last events, before their labels were known; NaN where it can't be told. */
  readonly auc: number;
  /** Events that serving could know and does not. */
  readonly lag: number;
}

/** Events whose AUC is shown while a replay runs. Fewer: it jumps about. More: it shows drift late. */
const recentEvents = 5_000;
/** Rates are taken over this long. Shorter: they flicker. Longer: a standstill shows late. */
const rateMs = 5_000;

/** Events per second, from a count that is read now and then. */
export class RateOfCount {
  #readings: { readonly atMs: number; readonly count: number }[] = [];

  observe(count: number, atMs: number): number {
    this.#readings.push({ atMs, count });
    this.#readings = this.#readings.filter((reading) => reading.atMs >= atMs - rateMs);
    const [first] = this.#readings;
    const elapsedMs = atMs - first!.atMs;
    return elapsedMs > 0 ? ((count - first!.count) * 1000) / elapsedMs : 0;
  }
}

/**
 * AUC of the last events that were scored.
 *
 * @param scores NaN where no score has come yet; length n.
 * @param labels length n.
 * @param end events from here on were not sent yet.
 */
export function recentAuc(scores: Float32Array, labels: Uint8Array, end: number): number {
  const known: number[] = [];
  for (let i = end - 1; i >= 0 && known.length < recentEvents; i--) {
    if (!Number.isNaN(scores[i])) known.push(i);
  }
  return auc(
    Float32Array.from(known, (i) => scores[i]!),
    Uint8Array.from(known, (i) => labels[i]!),
  );
}
