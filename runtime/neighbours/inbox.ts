import type { Clock } from '../../core/base/clock.js';

/** Something that waits for its turn at a neighbour. */
export interface Letter {
  deliver(): void;
}

/**
 * Of one turn of the event loop. Too low: a turn for each call, which costs more than the call. Too high: calls that
 * follow from calls keep timers and sockets waiting.
 */
const lettersPerTurnMax = 64;
/** The same in time, where handlers work before they first wait; as a piece of long work (event-loop-turns.ts). */
const msPerTurnMax = 8;

/** How much may be delivered before timers and sockets get their turn. */
class TurnBudget {
  readonly #clock: Clock;
  #isCounting = false;
  #left = lettersPerTurnMax;
  #sinceMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether one more may be delivered in this turn. */
  take(): boolean {
    if (!this.#isCounting) this.#begin();
    if (this.#left === 0 || this.#clock.nowMs() - this.#sinceMs > msPerTurnMax) return false;
    this.#left--;
    return true;
  }

  #begin(): void {
    this.#isCounting = true;
    this.#left = lettersPerTurnMax;
    this.#sinceMs = this.#clock.nowMs();
    this.#clock.soon(() => (this.#isCounting = false));
  }
}

/**
 * What neighbours have sent to one of them, in its order. It is delivered when the sender has returned, never within the
 * call: an answer would else come before whoever asked knows that he did, and calls would nest without bound. And only so
 * much in a turn of the event loop: what is delivered in microtasks alone never leaves them, so two who ask each other again
 * and again would stop the process.
 */
export class Inbox {
  readonly #clock: Clock;
  readonly #budget: TurnBudget;
  #letters: Letter[] = [];
  /** Of the first that is not delivered. */
  #head = 0;
  #isScheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#budget = new TurnBudget(clock);
  }

  /** Not delivered yet. */
  get length(): number {
    return this.#letters.length - this.#head;
  }

  put(letter: Letter): void {
    this.#letters.push(letter);
    this.#schedule();
  }

  /** All of it, now: before something that the server has handed over, as it was sent earlier. */
  drain(): void {
    while (this.length > 0) this.#next().deliver();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#work());
  }

  #work(): void {
    this.#isScheduled = false;
    try {
      while (this.length > 0 && this.#budget.take()) this.#next().deliver();
    } finally {
      if (this.length > 0) {
        this.#isScheduled = true;
        this.#clock.soon(() => this.#work());
      }
    }
  }

  #next(): Letter {
    const letter = this.#letters[this.#head++]!;
    if (this.length === 0) {
      this.#letters = [];
      this.#head = 0;
    }
    return letter;
  }
}
