import type { Logger } from 'pino';
import type { Clock } from '../../core/base/clock.js';
import type { FeatureChange } from '../../messages/features.js';
import type { EntityTarget } from '../../replication/entity-fold.js';
import { untilRoom } from './until-room.js';

/** A record of the log; without a change: one that says nothing. */
export interface LoggedChange {
  readonly change: FeatureChange | undefined;
  readonly sequence: number;
}

/** A target that takes many records at the price of one: all of them, or none. */
export interface GroupTarget extends Omit<EntityTarget, 'take'> {
  takeAll(records: readonly LoggedChange[]): Promise<void>;
}

/** Taken and not written yet. Too low: a transaction for few records. Too high: memory, and long transactions. */
const pendingMax = 256;

export interface GroupedTargetOptions {
  readonly target: GroupTarget;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Pick<Logger, 'warn'>;
  /** Hears what no room would mend. */
  readonly onError: (error: unknown) => void;
  /** Too low: the log fills with the same line. Too high: it goes on late when there is room again. */
  readonly pauseMs?: number;
}

/**
 * Records that come while a transaction is written are the next one, so who is far behind comes closer in few of them, and
 * who is not has each record at once. On a virtual disk a record takes 0.54 ms by itself and 0.02 ms among many.
 *
 * Writes until there is room: the log keeps the change, and going on without it would lose it. Once it was stopped it begins
 * no more, and what waited ends without having been written; the next life reads it again.
 */
export class GroupedTarget implements EntityTarget {
  readonly #options: GroupedTargetOptions;
  #sequence: number;
  #pending: LoggedChange[] = [];
  #draining: Promise<void> | undefined;
  #stopped = false;

  constructor(options: GroupedTargetOptions) {
    this.#options = options;
    this.#sequence = options.target.sequence;
  }

  /** Taken up to here; `written` says when it is in. */
  get sequence(): number {
    return this.#sequence;
  }

  async take(change: FeatureChange | undefined, sequence: number): Promise<void> {
    this.#pending.push({ change, sequence });
    this.#sequence = sequence;
    this.#draining ??= this.#drain();
    if (this.#pending.length >= pendingMax) await this.#draining;
  }

  async reset(): Promise<void> {
    await this.written();
    await this.#write(() => this.#options.target.reset());
    this.#sequence = 0;
  }

  async add(...rows: Parameters<EntityTarget['add']>): Promise<void> {
    await this.#write(() => this.#options.target.add(...rows));
  }

  async restored(sequence: number): Promise<void> {
    await this.#write(() => this.#options.target.restored(sequence));
    this.#sequence = sequence;
  }

  /** Resolves when all that was taken is in, or won't be any more. */
  async written(): Promise<void> {
    await this.#draining;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.written();
  }

  async #drain(): Promise<void> {
    try {
      while (this.#pending.length > 0 && !this.#stopped) {
        const records = this.#pending;
        this.#pending = [];
        await this.#write(() => this.#options.target.takeAll(records));
      }
    } catch (error) {
      // What came behind it must not be written without it.
      this.#stopped = true;
      this.#options.onError(error);
    } finally {
      this.#draining = undefined;
    }
  }

  #write(run: () => void | Promise<void>): Promise<void> {
    const { clock, log, pauseMs = 1_000 } = this.#options;
    const isStopped = (): boolean => this.#stopped;
    return untilRoom(run, { clock, log, what: 'features', isStopped, pauseMs });
  }
}
