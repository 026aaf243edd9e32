import type { Clock } from '../core/base/clock.js';
import { codeOf } from '../core/base/errors.js';
import { trainingDataCenter } from '../core/config/data-centers.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { DataCenterStorage, StorageShortage } from '../messages/cluster-status.js';
import type { NatsBus } from '../runtime/nats/nats-bus.js';
import type { StoredStreams } from '../runtime/nats/stored-streams.js';
import { systemClock } from '../runtime/system.js';
import { atMost } from '../runtime/time-limit.js';
import { closedMessageBytes } from './cluster-streams.js';
import type { NatsSite } from './nats-site.js';

/** Too low: the servers list their streams again and again. Too high: a status is so much behind. */
const freshMs = 5_000;
/** Servers that miss others wait some seconds for them before they answer. */
const askMsMax = 10_000;
/** What was known of servers that do not answer is not believed for longer. */
const believedMs = 60_000;

export interface StorageFiguresOptions {
  readonly bus: Pick<NatsBus, 'names' | 'storedStreams'>;
  readonly config: Pick<ClusterConfig, 'dataCenters' | 'nats'>;
  readonly site: Pick<NatsSite, 'placed' | 'servers'>;
  readonly clock?: Clock;
}

/**
 * How full the storage of each data center is. Servers tell a user what his streams take, but not what they may take:
 * that is known of those that we configure, and of an account with a limit. Where it is not, one sign is left: a server
 * that has reached its limit stores nothing more, so what every host writes all the time, the lease in its bucket, is
 * refused.
 */
export class StorageFigures {
  readonly #options: StorageFiguresOptions;
  readonly #clock: Clock;
  #known: { readonly stored: StoredStreams; readonly atMs: number } | undefined;
  #asking: Promise<void> | undefined;
  #askedAtMs = -Infinity;
  /** What the last write was refused for. */
  #refused: StorageShortage | undefined;

  constructor(options: StorageFiguresOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Asks the servers again where that was some time ago, and waits so long for them at most. */
  async fresh(waitMsMax: number): Promise<void> {
    if (!this.#asking) {
      if (this.#clock.nowMs() - this.#askedAtMs < freshMs) return;
      this.#askedAtMs = this.#clock.nowMs();
      this.#asking = this.#ask().finally(() => (this.#asking = undefined));
    }
    await atMost(this.#clock, waitMsMax, this.#asking);
  }

  /** As it was known last; undefined while nothing is. */
  at(dataCenter: string): DataCenterStorage | undefined {
    void this.fresh(0);
    const known = this.#believed();
    const there = known?.streams.filter(({ cluster }) => this.#isAt(dataCenter, cluster)) ?? [];
    if (!known || there.length === 0) return undefined;
    const usedBytes = there.reduce((sum, { bytes }) => sum + bytes, 0);
    const bytesMax = this.#bytesMaxAt(dataCenter, known);
    const raw = this.#options.bus.names.stream.raw(dataCenter);
    const isClosed = there.some(
      ({ name, messageBytesMax }) => name === raw && messageBytesMax === closedMessageBytes,
    );
    const isFull = bytesMax !== undefined && usedBytes > bytesMax;
    const refuses = isClosed ? 'disk' : isFull ? 'limit' : this.#refusedAt(dataCenter);
    return {
      usedBytes,
      ...(bytesMax === undefined ? {} : { bytesMax }),
      ...(refuses === undefined ? {} : { refuses }),
    };
  }

  /** What was to be stored in the bucket now, and the error where it was not. */
  noteWrite(error?: unknown): void {
    if (error === undefined) this.#refused = undefined;
    else if (codeOf(error) === 'STORAGE_FULL') this.#refused = shortageIn(error);
  }

  #believed(): StoredStreams | undefined {
    if (!this.#known || this.#clock.nowMs() - this.#known.atMs > believedMs) return undefined;
    return this.#known.stored;
  }

  async #ask(): Promise<void> {
    try {
      const stored = await this.#options.bus.storedStreams(askMsMax);
      this.#known = { stored, atMs: this.#clock.nowMs() };
    } catch {
      // Servers that do not answer are shown by all else; what was known of their storage grows old, and is left out.
    }
  }

  /** On servers that somebody else has set up, all data centers share all of them. */
  #isAt(dataCenter: string, cluster: string | undefined): boolean {
    return !this.#options.site.placed || cluster === dataCenter;
  }

  #bytesMaxAt(dataCenter: string, { bytesMax }: StoredStreams): number | undefined {
    const { site, config } = this.#options;
    if (!site.placed) return bytesMax;
    const servers = site.servers().filter((server) => server.dataCenter === dataCenter).length;
    return servers * config.nats.storageBytesMax;
  }

  /** The bucket is on the servers of the training data center. */
  #refusedAt(dataCenter: string): StorageShortage | undefined {
    const { site, config } = this.#options;
    const isThere = !site.placed || dataCenter === trainingDataCenter(config);
    return isThere ? this.#refused : undefined;
  }
}

function shortageIn(error: unknown): StorageShortage {
  const { details } = error as { details?: { short?: unknown } };
  return details?.short === 'disk' ? 'disk' : 'limit';
}
