import { codeOf } from '../core/base/errors.js';
import { LatencyHistogram } from '../core/base/histogram.js';
import { actorsOf, type ActorStatus } from '../messages/actor-status.js';

export interface Quantiles {
  /** NaN where nothing was measured. */
  readonly p50: number;
  readonly p99: number;
}

/**
 * Freshness over a whole run. Shards keep it in memory and start anew when they are restarted; so what each life of a
 * shard said last is kept here, and all lives of a data center are added up.
 */
export class FreshnessHistory {
  readonly #lives = new Map<
    string,
    { readonly dataCenter: string; readonly encoded: readonly number[] }
  >();

  observe(actors: readonly ActorStatus[]): void {
    for (const { address, epoch, dataCenter, stats } of actorsOf(actors, 'serving-shard')) {
      if (stats.freshness === undefined) continue;
      this.#lives.set(`${address} ${epoch}`, { dataCenter, encoded: stats.freshness });
    }
  }

  /** Per data center that any shard was heard of. */
  quantiles(): Record<string, Quantiles> {
    const sums = new Map<string, LatencyHistogram>();
    for (const { dataCenter, encoded } of this.#lives.values()) {
      const sum = sums.get(dataCenter) ?? new LatencyHistogram();
      sum.merge(decoded(encoded));
      sums.set(dataCenter, sum);
    }
    return Object.fromEntries(
      [...sums].map(([name, sum]) => [name, { p50: sum.quantile(0.5), p99: sum.quantile(0.99) }]),
    );
  }
}

/** A heartbeat that was cut short says nothing; it must not end the run. */
function decoded(encoded: readonly number[]): LatencyHistogram {
  try {
    return LatencyHistogram.decode(Float64Array.from(encoded));
  } catch (error) {
    if (codeOf(error) !== 'CORRUPT') throw error;
    return new LatencyHistogram();
  }
}
