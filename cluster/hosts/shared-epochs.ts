import { codeOf } from '../../core/base/errors.js';
import { decodeEpoch, encodeRecord, epochKey } from '../../messages/hosts.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { RetryPolicy } from '../../runtime/retry.js';
import { retry } from '../../runtime/retry.js';
import type { EpochStore } from '../../supervisor/epochs.js';

/** An answer that takes longer counts as none. Too low: a busy bucket is passed by. Too high: part of each recovery. */
const answerMsMax = 2_000;
/** Somebody else may count the same address on, but hardly this often at once. */
const countPolicy: RetryPolicy = {
  attemptsMax: 8,
  deadlineMs: answerMsMax,
  baseMs: 2,
  capMs: 20,
  worth: (error) => codeOf(error) === 'CONFLICT',
};

type EpochBus = Pick<Bus, 'names' | 'clock' | 'random' | 'bucketEntry' | 'bucketUpdate'>;

/** Of one host. `raise`: elsewhere the address has come so far. */
export interface LocalEpochs extends EpochStore {
  raise(address: string, epoch: number): void;
}

/**
 * Epochs of addresses that may run on any host: counted in the bucket, where all hosts see them, and on this host as
 * well, so that they go on when the bucket is away.
 */
export class SharedEpochStore implements EpochStore {
  readonly #bus: EpochBus;
  readonly #local: LocalEpochs;
  readonly #mayRunAlone: (address: string) => boolean;

  /**
   * @param mayRunAlone whether an actor may start without the bucket: one whose epoch fences nobody. The others could
   *   not work without it anyway.
   */
  constructor(bus: EpochBus, local: LocalEpochs, mayRunAlone: (address: string) => boolean) {
    this.#bus = bus;
    this.#local = local;
    this.#mayRunAlone = mayRunAlone;
  }

  async next(address: string): Promise<number> {
    const local = await this.#local.next(address);
    try {
      const epoch = await this.#count(address, local);
      this.#local.raise(address, epoch);
      return epoch;
    } catch (error) {
      if (this.#mayRunAlone(address)) return local;
      throw error;
    }
  }

  #count(address: string, atLeast: number): Promise<number> {
    const key = epochKey(address);
    return retry(this.#bus, countPolicy, async ({ leftMs: timeoutMs }) => {
      const found = await this.#bus.bucketEntry(this.#bus.names.bucket, key, { timeoutMs });
      const epoch = Math.max(atLeast, found ? decodeEpoch(found.bytes) + 1 : 0);
      const bytes = encodeRecord({ epoch });
      const revision = found?.revision ?? 0;
      await this.#bus.bucketUpdate(this.#bus.names.bucket, key, bytes, revision, { timeoutMs });
      return epoch;
    });
  }
}
