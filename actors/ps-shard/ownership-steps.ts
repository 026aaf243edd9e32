import type { Logger } from 'pino';
import { sleep } from '../../core/base/clock.js';
import type { TimeAndChance } from '../../core/base/random.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { PartitionDirectory } from '../../replication/partition-directory.js';
import type { RetryPolicy } from '../../runtime/retry.js';
import { isRetryable, retry } from '../../runtime/retry.js';
import type { HeldRows } from './held-rows.js';
import type { OwnershipEvent } from './ownership.machine.js';
import { isTakeover } from './partition-publisher.js';

export interface StepPorts {
  readonly bus: TimeAndChance;
  readonly index: number;
  readonly directory: Pick<PartitionDirectory, 'entry' | 'refresh' | 'update'>;
  /**
   * Whether this process is still the life of the shard that holds its lease.
   * @throws StarlingError FENCED when a later life has it.
   */
  readonly requireLease: () => Promise<void>;
  readonly log: Pick<Logger, 'warn'>;
}

type Rows = Pick<HeldRows, 'follow' | 'catchUpToOpen' | 'open' | 'publisher' | 'drop'>;

const patience: RetryPolicy = { baseMs: 50, capMs: 2_000 };

/** Before who has no lease asks again. Too low: it asks as fast as it is answered. Too high: who gets it back is late. */
const unleasedMs = 250;

/** Too low: a long outage fills the log. Too high: nobody learns that it goes on. */
const failuresPerWarning = 5;

/**
 * The steps of an ownership: each does one thing to the directory or the log and resolves with what it means for the
 * machine. What a retry can mend is tried again while the machine still waits for it; the rest is thrown.
 */
export class OwnershipSteps {
  readonly #number: number;
  readonly #ports: StepPorts;
  readonly #rows: Rows;

  constructor(number: number, ports: StepPorts, rows: Rows) {
    this.#number = number;
    this.#ports = ports;
    this.#rows = rows;
  }

  async follow(): Promise<OwnershipEvent> {
    await this.#rows.follow();
    return { type: 'FOLLOWED' };
  }

  /**
   * Whether it was written is not known when nobody answers: then the directory is read, and a later epoch is taken.
   *
   * The directory names a shard, not a process. Where the supervisor of a host is taken for lost and its actors live, two
   * processes are that shard, and each would take an epoch after the other as fast as the bucket answers. So the lease is asked
   * first, which one of them has: the other one ends, and has no reason to hurry as long as it does.
   */
  async claim(epoch: number): Promise<OwnershipEvent> {
    try {
      await this.#ports.requireLease();
    } catch (error) {
      if (!isRetryable(error)) throw error;
      this.#warn(error, 'who has no lease takes no epoch');
      await sleep(this.#ports.bus.clock, unleasedMs);
      return { type: 'REFUSED' };
    }
    try {
      return (await this.#writeEntry(epoch, (named) => named < epoch))
        ? { type: 'CLAIMED' }
        : { type: 'REFUSED' };
    } catch (error) {
      if (!isRetryable(error)) throw error;
      this.#warn(error, 'the directory did not take the epoch');
      return { type: 'REFUSED' };
    }
  }

  catchUp(signal: AbortSignal): Promise<OwnershipEvent> {
    return this.#patiently(signal, async () => {
      await this.#rows.catchUpToOpen();
      return { type: 'CAUGHT_UP' };
    });
  }

  look(signal: AbortSignal): Promise<OwnershipEvent> {
    return this.#patiently(signal, async () => {
      await this.#ports.directory.refresh(this.#number);
      return { type: 'LOOKED' };
    });
  }

  async open(epoch: number): Promise<OwnershipEvent> {
    try {
      return { type: (await this.#rows.open(epoch)) === 'opened' ? 'OPENED' : 'BEHIND' };
    } catch (error) {
      if (!isTakeover(error)) throw error;
      this.#warn(error, 'somebody else took it');
      return { type: 'REFUSED' };
    }
  }

  confirm(epoch: number, signal: AbortSignal): Promise<OwnershipEvent> {
    return this.#patiently(signal, async () => {
      try {
        return (await this.#writeEntry(epoch, (named) => named === epoch))
          ? { type: 'CONFIRMED' }
          : { type: 'REFUSED' };
      } catch (error) {
        if (!isTakeover(error)) throw error;
        return { type: 'REFUSED' };
      }
    });
  }

  async flush(): Promise<OwnershipEvent> {
    try {
      await this.#rows.publisher?.durable();
      return { type: 'FLUSHED' };
    } catch (error) {
      if (!isTakeover(error)) throw error;
      return { type: 'LOST' };
    }
  }

  async drop(): Promise<OwnershipEvent> {
    await this.#rows.drop();
    return { type: 'DROPPED' };
  }

  /** The entry as it is known, with this epoch; false when it names somebody else, or not the epoch that is expected. */
  async #writeEntry(epoch: number, isExpected: (named: number) => boolean): Promise<boolean> {
    const { directory, index } = this.#ports;
    const entry = directory.entry(this.#number);
    if (entry?.owner !== index || !isExpected(entry.epoch)) return false;
    const { owner, followers, term } = entry;
    await directory.update(this.#number, { owner, epoch, followers, term }, entry);
    return true;
  }

  /** For as long as the machine waits: without the directory nothing can be decided, and it may be away for minutes. */
  #patiently(signal: AbortSignal, work: () => Promise<OwnershipEvent>): Promise<OwnershipEvent> {
    return retry(this.#ports.bus, patience, work, {
      signal,
      failed: (error, { number }) => {
        if (number % failuresPerWarning === 1)
          this.#warn(error, 'the partition can not be looked after; trying again');
      },
    });
  }

  #warn(error: unknown, what: string): void {
    const fields = { partition: this.#number, code: codeOf(error), err: messageOf(error) };
    this.#ports.log.warn(fields, what);
  }
}
