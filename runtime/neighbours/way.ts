import type { Clock } from '../../core/base/clock.js';
import { inTime } from '../time-limit.js';
import type { Inbox, Letter } from './inbox.js';

/** A letter that can go over the server, too. */
export interface Held extends Letter {
  /** Goes over the server instead. */
  goAround(): void;
}

/** The end of a way: a connection, with what it has in hand of its neighbours. */
export interface WayEnd {
  readonly inbox: Inbox;
  /** Everything that the connection has sent has reached the server, and all that the server had sent has been handed over. */
  flush(): Promise<void>;
}

/** For two trips to the server. Too low: a busy server makes all go over it. Too high: who asks waits for a server that hangs. */
const fenceMsMax = 50;
/** After that nothing was heard of the server for so long. Too low: each call waits for it. Too high: calls go around. */
const silentMs = 1_000;

/**
 * From one connection to another of the same process. Messages of one connection arrive in the order in which they were
 * sent, whichever way they go, and there are two ways of different length:
 *
 * - Behind what went over the server, nothing goes directly until that has arrived. The first that would waits for a fence:
 *   the sender's connection is flushed, and then the receiver's, so whatever the server had for it has been handed over.
 *   If that takes too long, what waits goes over the server as well, in its order, and so does what comes for a while.
 * - Behind what went directly, the server's way is longer; yet what lies in the inbox may wait for its turn. So the
 *   receiver empties its inbox before it looks at what the server hands over (neighbour-bus.ts).
 */
export class Way {
  readonly #clock: Clock;
  readonly #from: WayEnd;
  readonly #to: WayEnd;
  /** Something that went over the server may not have arrived. */
  #isBehind = false;
  /** Times that something went over the server. */
  #detours = 0;
  #held: Held[] = [];
  #isFencing = false;
  #closedUntilMs = -Infinity;

  constructor(clock: Clock, from: WayEnd, to: WayEnd) {
    this.#clock = clock;
    this.#from = from;
    this.#to = to;
  }

  get isOpen(): boolean {
    return this.#clock.nowMs() >= this.#closedUntilMs;
  }

  /** Nothing goes directly for so long: to change the way with each message costs more than the longer one. */
  close(ms: number): void {
    this.#closedUntilMs = Math.max(this.#closedUntilMs, this.#clock.nowMs() + ms);
  }

  send(letter: Held): void {
    if (!this.#isBehind) return this.#to.inbox.put(letter);
    this.#held.push(letter);
    if (!this.#isFencing) void this.#fence();
  }

  /** Something for the other end is about to go over the server. */
  goAround(): void {
    // First what was to come before it.
    for (const letter of this.#held.splice(0)) letter.goAround();
    this.#isBehind = true;
    this.#detours++;
  }

  async #fence(): Promise<void> {
    this.#isFencing = true;
    while (this.#held.length > 0) {
      const detours = this.#detours;
      const flushed = this.#from
        .flush()
        .then(() => this.#to.flush())
        .then(
          () => true,
          () => false, // No server: as one that says nothing.
        );
      const isPassed = await inTime(this.#clock, fenceMsMax, flushed);
      if (isPassed !== true) {
        this.close(silentMs);
        this.goAround();
      } else if (this.#detours === detours) {
        this.#isBehind = false;
        for (const letter of this.#held.splice(0)) this.#to.inbox.put(letter);
      }
    }
    this.#isFencing = false;
  }
}
