import type { Cancel } from '../../core/base/clock.js';
import { EventQueue, type TimedEvent } from './event-queue.js';

/** Who things happen to: they don't while he is dead, and wait while he is paused. */
export interface Owner {
  /** It has come due; the owner runs it, keeps it for later, or drops it. */
  due(event: TimedEvent): void;
}

/**
 * Time of a simulation: it goes from one thing that happens to the next, and each has all that follows from it at once
 * before the next one comes. Things that happen at the same moment come in the order in which they were planned, so a run
 * depends on nothing but its seed, as long as nothing in it waits for the world outside.
 */
export class VirtualTime {
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #happened = 0;

  /** Milliseconds since the beginning. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Things that have happened. */
  get happened(): number {
    return this.#happened;
  }

  /** For those who belong to no process. */
  after(ms: number, run: () => void): Cancel {
    return this.at(this.#nowMs + ms, undefined, run);
  }

  /** @param atMs not before now. */
  at(atMs: number, owner: Owner | undefined, run: () => void): Cancel {
    if (atMs === Infinity) return () => undefined;
    const event = this.#queue.push(Math.max(this.#nowMs, atMs), owner, run);
    return () => {
      event.run = undefined;
    };
  }

  /**
   * Lets time pass until `work` is settled, and gives what it gave.
   * @throws what it threw; an error when nothing is left that could happen, or the time is over.
   */
  async run<T>(work: Promise<T>, msMax = Infinity): Promise<T> {
    let settled = false;
    const done = (): void => void (settled = true);
    work.then(done, done);
    const endMs = this.#nowMs + msMax;
    await this.#until(() => settled, endMs);
    if (!settled) throw new Error(this.#queue.size === 0 ? stuck : `not done in ${msMax} ms`);
    return work;
  }

  /** Lets so much time pass, unless it is over before. */
  async pass(ms: number, isOver = () => false): Promise<void> {
    const endMs = this.#nowMs + ms;
    await this.#until(isOver, endMs);
    if (!isOver()) this.#nowMs = endMs;
  }

  /**
   * From one thing to the next once all microtasks that follow from it are done, how many there may be. A turn of the event
   * loop for each would cost as much as many of them; only in one is a rejection noticed that nobody has caught.
   */
  #until(isOver: () => boolean, endMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        const next = isOver() ? undefined : this.#queue.pop(endMs);
        // With a last turn, for what nobody has caught.
        if (!next) return void setImmediate(resolve);
        try {
          this.#happen(next);
        } catch (error) {
          return reject(error instanceof Error ? error : new Error(String(error)));
        }
        if (this.#happened % happeningsPerTurn === 0) setImmediate(step);
        else queueMicrotask(() => process.nextTick(step));
      };
      // What was begun before has its turn first.
      setImmediate(step);
    });
  }

  #happen(event: TimedEvent): void {
    this.#nowMs = event.atMs;
    this.#happened++;
    if (event.owner) event.owner.due(event);
    else event.run?.();
  }
}

/** Of the event loop. */
const happeningsPerTurn = 32;

const stuck = 'nothing is left that could happen, and it is not done';
