import type { Logger } from 'pino';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { EntityTarget } from '../../replication/entity-fold.js';

/**
 * Writes until there is room: the log keeps the change, and going on without it would lose it. Once it was stopped it writes
 * nothing more, and what waited ends without having been written; the next life reads it again.
 */
export class PatientTarget implements EntityTarget {
  readonly #target: EntityTarget;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #pauseMs: number;
  #stopped = false;

  /** @param pauseMs too low: the log fills with the same line. Too high: it goes on late when there is room again. */
  constructor(target: EntityTarget, log: Pick<Logger, 'warn'>, pauseMs = 1_000) {
    this.#target = target;
    this.#log = log;
    this.#pauseMs = pauseMs;
  }

  get sequence(): number {
    return this.#target.sequence;
  }

  reset(): Promise<void> {
    return this.#write(() => this.#target.reset());
  }

  add(...rows: Parameters<EntityTarget['add']>): Promise<void> {
    return this.#write(() => this.#target.add(...rows));
  }

  restored(sequence: number): Promise<void> {
    return this.#write(() => this.#target.restored(sequence));
  }

  take(...change: Parameters<EntityTarget['take']>): Promise<void> {
    return this.#write(() => this.#target.take(...change));
  }

  stop(): void {
    this.#stopped = true;
  }

  async #write(run: () => void | Promise<void>): Promise<void> {
    while (!this.#stopped) {
      try {
        return await run();
      } catch (error) {
        if (codeOf(error) !== 'STORAGE_FULL') throw error;
        this.#log.warn(
          { code: codeOf(error), err: messageOf(error) },
          'features not stored yet; trying again',
        );
        await new Promise((resolve) => setTimeout(resolve, this.#pauseMs));
      }
    }
  }
}
