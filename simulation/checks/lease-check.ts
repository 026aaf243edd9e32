import type { ClusterConfig } from '../../core/config/schema.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import { addressOfLease } from '../../messages/ownership.js';
import { lastToken } from '../../messages/subjects.js';
import type { MemoryServers } from '../nats/memory-servers.js';
import type { Report } from './violation.js';

/** Clocks of machines differ by less; what follows from an answer takes turns of the loop. */
const driftMax = 0.01;
const slackMs = 50;

/**
 * A shard answers pulls for as long as its lease lasts, and no longer: it runs out at the latest so long after the bucket has
 * taken its last renewal, since it is reckoned from when that was sent. Pushes are protected by the log.
 */
export class LeaseCheck {
  readonly #names: ClusterNames;
  readonly #report: Report;
  readonly #nowMs: () => number;
  readonly #limitMs: number;
  /** By the number of the shard: when it was renewed last. */
  readonly #renewedAtMs = new Map<string, number>();

  constructor(
    servers: MemoryServers,
    names: ClusterNames,
    { supervision }: Pick<ClusterConfig, 'supervision'>,
    report: Report,
  ) {
    this.#names = names;
    this.#report = report;
    this.#nowMs = () => servers.time.nowMs;
    this.#limitMs = supervision.leaseMs * (1 + driftMax) + slackMs;
    servers.bucket(names.bucket).bucket.onPut((key) => {
      const address = addressOfLease(key);
      if (address?.includes('.ps-shard.')) this.#renewedAtMs.set(lastToken(address), this.#nowMs());
    });
  }

  /** Hears an answer that is no refusal, when it is given. */
  answered(subject: string): void {
    if (!this.#names.isOf('pull', subject)) return;
    const shard = lastToken(subject);
    const sinceMs = this.#nowMs() - (this.#renewedAtMs.get(shard) ?? -Infinity);
    if (sinceMs <= this.#limitMs) return;
    const text = `shard ${shard} answers a pull ${sinceMs.toFixed(0)} ms after it has renewed its lease`;
    this.#report('no answer without a lease', text);
  }
}
