import type { Logger } from 'pino';
import type { ActivityBook, ChangedEntities } from '../../core/activity/activity-book.js';
import type { Clock } from '../../core/base/clock.js';
import type { ActivityMessage } from '../../messages/activity.js';
import type { ActivityRows } from '../../messages/activity-snapshots.js';
import { freshRows, type ActivityTarget } from '../../replication/activity-fold.js';
import type { ActivityPlace, ActivityStore } from '../../runtime/stores/activity-store.js';
import { untilRoom } from './until-room.js';

/** Changed and not written yet, beyond which reading waits. Too low: long waits for the disk. Too high: memory. */
const unstoredMax = 20_000;

export interface ActivityKeeperOptions {
  readonly book: Pick<
    ActivityBook,
    'take' | 'takeChanged' | 'takeUnstored' | 'settle' | 'forgetAll'
  >;
  readonly store: Pick<ActivityStore, 'place' | 'write' | 'reset'>;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Pick<Logger, 'warn'>;
  /** Hears whose kept features are others now, and how far the log is in them. */
  readonly onChanged: (changed: ChangedEntities, sequence: number) => void;
  /** Hears what no room would mend. */
  readonly onError: (error: unknown) => void;
  /** Changes are written together for so long. Too short: what is busy is written again and again. Too long: who dies reads more again. */
  readonly writeMs?: number;
  /** Changes are told together for so long. Too short: a message each. Too long: what somebody did shows late. */
  readonly tellMs?: number;
  /** Too low: the log fills with the same line. Too high: it goes on late when there is room again. */
  readonly pauseMs?: number;
}

/**
 * Folds activity in memory at once, where answers read it, and writes what changed behind that, together: who is busy is
 * written a few times a second. Who dies before that reads it again from the log.
 */
export class ActivityKeeper implements ActivityTarget {
  readonly #options: ActivityKeeperOptions;
  #place: ActivityPlace;
  #unstored = 0;
  #writing: Promise<void> | undefined;
  #written: number;
  #cancelWrite: (() => void) | undefined;
  #cancelTell: (() => void) | undefined;
  #stopped = false;

  constructor(options: ActivityKeeperOptions) {
    this.#options = options;
    this.#place = options.store.place;
    this.#written = this.#place.sequence;
  }

  get sequence(): number {
    return this.#place.sequence;
  }

  take(message: ActivityMessage | undefined, sequence: number): void | Promise<void> {
    const { rows, taken } = freshRows(message, this.#place.taken);
    for (const { activity } of rows) this.#options.book.take(activity);
    this.#unstored += rows.length;
    this.#place = { sequence, taken };
    this.#tellSoon();
    this.#writeSoon();
    if (this.#unstored > unstoredMax) return this.#writeNow();
  }

  async reset(): Promise<void> {
    this.#forgetWrite();
    await this.#writing;
    this.#options.book.forgetAll();
    this.#place = { sequence: 0, taken: {} };
    await this.#stored(() => this.#options.store.reset());
  }

  async add({ keys, states }: ActivityRows): Promise<void> {
    const rows = new Map(keys.map((key, i) => [key, states[i]!]));
    // Without a place: should it end here, it begins from nothing.
    await this.#stored(() => this.#options.store.write(() => ({ states: rows, ...this.#place })));
  }

  async restored(place: ActivityPlace): Promise<void> {
    const states = new Map<string, never>();
    await this.#stored(() => this.#options.store.write(() => ({ states, ...place })));
    this.#place = place;
  }

  /** Resolves when all that was taken before is written, or won't be any more. */
  async flush(): Promise<void> {
    const { sequence } = this;
    while (this.#written < sequence && !this.#stopped) await this.#writeNow();
  }

  /** Ends what is under way; what is not written is in the log. */
  async stop(): Promise<void> {
    this.#cancelTell?.();
    this.#forgetWrite();
    this.#stopped = true;
    await this.#writing;
  }

  #writeSoon(): void {
    const { clock, writeMs = 250 } = this.#options;
    if (this.#writing) return;
    this.#cancelWrite ??= clock.after(writeMs, () => void this.#writeNow());
  }

  #writeNow(): Promise<void> {
    this.#forgetWrite();
    this.#writing ??= this.#write();
    return this.#writing;
  }

  #forgetWrite(): void {
    this.#cancelWrite?.();
    this.#cancelWrite = undefined;
  }

  #tellSoon(): void {
    const { book, clock, onChanged, tellMs = 10 } = this.#options;
    this.#cancelTell ??= clock.after(tellMs, () => {
      this.#cancelTell = undefined;
      onChanged(book.takeChanged(), this.sequence);
    });
  }

  async #write(): Promise<void> {
    const { book, store, onError } = this.#options;
    try {
      await this.#stored(async () => {
        let isStored = false;
        try {
          await store.write(() => {
            this.#unstored = 0;
            this.#written = this.sequence;
            return { states: book.takeUnstored(), ...this.#place };
          });
          isStored = true;
        } finally {
          book.settle(isStored);
        }
      });
    } catch (error) {
      this.#stopped = true;
      onError(error);
    } finally {
      this.#writing = undefined;
      if (this.#written < this.sequence && !this.#stopped) this.#writeSoon();
    }
  }

  #stored(run: () => Promise<void>): Promise<void> {
    const { clock, log, pauseMs = 1_000 } = this.#options;
    const isStopped = (): boolean => this.#stopped;
    return untilRoom(run, { clock, log, what: 'what people did', isStopped, pauseMs });
  }
}
