import { LatencyHistogram } from '../core/base/histogram.js';
import type { ReferenceRates } from './taste.js';

/** Clicks per item shown; NaN while nothing was shown. */
export interface ClickRates {
  /** Of what the cluster recommended: clicks that were drawn. */
  readonly ctr: number;
  /** Expected of the best items for the same requests. */
  readonly oracle: number;
  /** Expected of random items for the same requests. */
  readonly random: number;
}

export interface RatePeriod extends ClickRates {
  readonly requests: number;
  readonly impressions: number;
  readonly clicks: number;
}

export interface SeriesPoint extends RatePeriod {
  /** End of the period, milliseconds since the start of the audience. */
  readonly endMs: number;
}

export interface AudienceFigures {
  /** Milliseconds since the audience started. */
  readonly elapsedMs: number;
  /** Whether the cluster has accepted the features of all users and items; no request is sent before. */
  readonly introduced: boolean;
  /** Answered with items. */
  readonly requests: number;
  readonly inFlight: number;
  /** Not sent, because too many were in flight. */
  readonly skipped: number;
  /** Answers with a part of the model missing. */
  readonly degraded: number;
  /** Requests sent to another data center than the user's own, because that did not answer. */
  readonly rerouted: number;
  /** Failed calls by error code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly impressions: number;
  readonly clicks: number;
  /** The last ten seconds. */
  readonly recent: RatePeriod;
  /** From the start. */
  readonly total: RatePeriod;
  /** One point per five seconds, oldest first; the last two hours. */
  readonly series: readonly SeriesPoint[];
  /** Of answered requests; NaN before the first. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
}

/** One answered request. */
export interface Served {
  readonly impressions: number;
  readonly clicks: number;
  readonly latencyMs: number;
  readonly degraded: boolean;
  /** Left out where measuring them for every request would cost too much. */
  readonly reference: ReferenceRates | undefined;
}

const recentMs = 10_000;
const pointMs = 5_000;
const pointsMax = 1440;

/** Sums from which rates are taken; the means of two are not the mean of both. */
class Sums {
  requests = 0;
  impressions = 0;
  clicks = 0;
  #measured = 0;
  #oracle = 0;
  #random = 0;

  add(served: Served): void {
    this.requests++;
    this.impressions += served.impressions;
    this.clicks += served.clicks;
    if (!served.reference) return;
    this.#measured++;
    this.#oracle += served.reference.oracle;
    this.#random += served.reference.random;
  }

  merge(other: Sums): void {
    this.requests += other.requests;
    this.impressions += other.impressions;
    this.clicks += other.clicks;
    this.#measured += other.#measured;
    this.#oracle += other.#oracle;
    this.#random += other.#random;
  }

  period(): RatePeriod {
    const { requests, impressions, clicks } = this;
    const measured = this.#measured;
    return {
      requests,
      impressions,
      clicks,
      ctr: clicks / impressions,
      oracle: this.#oracle / measured,
      random: this.#random / measured,
    };
  }
}

/** Keeps the books of the audience. Time comes with each call, in milliseconds since its start, and never goes back. */
export class AudienceLedger {
  readonly #latency = new LatencyHistogram();
  readonly #errors: Record<string, number> = {};
  readonly #total = new Sums();
  /** One per second with requests, at most as many as the recent window has seconds. */
  #seconds: { readonly second: number; readonly sums: Sums }[] = [];
  readonly #series: SeriesPoint[] = [];
  #point = new Sums();
  #pointIndex = 0;
  #degraded = 0;
  skipped = 0;
  rerouted = 0;

  served(served: Served, atMs: number): void {
    this.#advance(atMs);
    const second = Math.floor(atMs / 1000);
    if (this.#seconds.at(-1)?.second !== second) this.#seconds.push({ second, sums: new Sums() });
    for (const sums of [this.#total, this.#point, this.#seconds.at(-1)!.sums]) sums.add(served);
    this.#latency.record(served.latencyMs);
    if (served.degraded) this.#degraded++;
  }

  failed(code: string): void {
    this.#errors[code] = (this.#errors[code] ?? 0) + 1;
  }

  figures(
    atMs: number,
    state: { readonly introduced: boolean; readonly inFlight: number },
  ): AudienceFigures {
    this.#advance(atMs);
    const recent = new Sums();
    for (const { sums } of this.#seconds) recent.merge(sums);
    const total = this.#total.period();
    return {
      elapsedMs: atMs,
      ...state,
      requests: total.requests,
      skipped: this.skipped,
      degraded: this.#degraded,
      rerouted: this.rerouted,
      errors: { ...this.#errors },
      impressions: total.impressions,
      clicks: total.clicks,
      recent: recent.period(),
      total,
      series: [...this.#series],
      latencyMs: { p50: this.#latency.quantile(0.5), p99: this.#latency.quantile(0.99) },
    };
  }

  /** Forgets the seconds that are no longer recent and closes the points that are over, empty ones too. */
  #advance(atMs: number): void {
    this.#seconds = this.#seconds.filter(({ second }) => (second + 1) * 1000 > atMs - recentMs);
    const pointIndex = Math.floor(atMs / pointMs);
    // After a suspended laptop wakes up there may be thousands of them; only the last can be seen.
    this.#pointIndex = Math.max(this.#pointIndex, pointIndex - pointsMax);
    while (this.#pointIndex < pointIndex) {
      this.#pointIndex++;
      this.#series.push({ endMs: this.#pointIndex * pointMs, ...this.#point.period() });
      this.#point = new Sums();
    }
    if (this.#series.length > pointsMax) this.#series.splice(0, this.#series.length - pointsMax);
  }
}
