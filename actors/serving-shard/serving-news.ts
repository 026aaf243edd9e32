import type { Clock } from '../../core/base/clock.js';
import { LatencyHistogram } from '../../core/base/histogram.js';
import { RecentLatency } from '../../core/base/recent-latency.js';
import { keepsBooks } from '../../messages/trail.js';
import type { DeltaNews } from './served-partition.js';
import { Visibility } from './visibility.js';

export interface ServingNewsOptions {
  readonly partitions: readonly number[];
  /** Tells others what serving knows by now. */
  readonly announce: (known: { readonly through: number; readonly resolved: number }) => void;
  readonly clock: Pick<Clock, 'nowMs' | 'wallMs' | 'soon'>;
}

/** What the deltas of a shard tell beside their rows: what is visible, how old it is, and that others should hear of it. */
export class ServingNews {
  readonly visibility: Visibility;
  /** From the step in the parameter server to the row that is served. */
  readonly #propagation = new LatencyHistogram();
  readonly #recentPropagation = new RecentLatency();
  readonly #options: ServingNewsOptions;
  #live = false;
  #isDue = false;

  constructor(options: ServingNewsOptions) {
    this.#options = options;
    this.visibility = new Visibility(options.partitions);
  }

  /** From now on ages count, and are told: what was replayed at the start says nothing about freshness. */
  goLive(): void {
    this.#live = true;
    this.#announce();
  }

  learn(partition: number, { watermark, trail, appliedAtMs, resolved }: DeltaNews): void {
    const { clock } = this.#options;
    const nowMs = clock.wallMs();
    if (resolved !== undefined && keepsBooks(partition)) this.visibility.beginAt(resolved);
    this.visibility.observe(partition, watermark, trail, nowMs, this.#live);
    if (!this.#live) return;
    if (appliedAtMs > 0) {
      const tookMs = Math.max(0, nowMs - appliedAtMs);
      this.#propagation.record(tookMs);
      this.#recentPropagation.record(tookMs, clock.nowMs());
    }
    this.#announceSoon();
  }

  figures() {
    const { through, resolved, freshness } = this.visibility;
    return {
      through,
      resolved,
      freshnessP50Ms: freshness.quantile(0.5),
      freshnessP99Ms: freshness.quantile(0.99),
      freshnessSamples: freshness.count,
      freshness: Array.from(freshness.encode()),
      propagationP50Ms: this.#propagation.quantile(0.5),
      propagationP99Ms: this.#propagation.quantile(0.99),
      health: {
        through,
        propagationP99Ms: this.#recentPropagation.quantile(0.99, this.#options.clock.nowMs()),
      },
    };
  }

  /** One notice per turn of the event loop, however many partitions moved. */
  #announceSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#options.clock.soon(() => {
      this.#isDue = false;
      this.#announce();
    });
  }

  #announce(): void {
    const { through, resolved } = this.visibility;
    this.#options.announce({ through, resolved });
  }
}
