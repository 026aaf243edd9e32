import type { Clock } from '../../core/base/clock.js';
import { inTime } from '../time-limit.js';
import type { Inbox, Letter } from './inbox.js';

/** A letter that can go over the server, too. */
export interface Sendable extends Letter {
  /** Goes over the server instead. */
  goAround(): void;
}

/** A connection, with what it has in hand of its neighbours. */
export interface Correspondent {
  readonly inbox: Inbox;
  /** What it has sent has reached the server, and what the server had sent has been handed over. */
  flush(): Promise<void>;
}

/** For two trips to the server. Too low: a busy server makes all go over it. Too high: who asks waits for a server that hangs. */
const fenceMsMax = 50;
/** After that nothing was heard of the server for so long. Too low: each call waits for it. Too high: calls go around. */
const silentMs = 1_000;

/** After one had no room, or a fence did not help. Too low: the way changes with each call. Too high: who has room idles. */
const closedMs = 100;

/** From one connection to another of the same process. */
interface Way {
  /** Something that went over the server may not have arrived. */
  isBehind: boolean;
  /** How often something went over the server. */
  detours: number;
  closedUntilMs: number;
}

interface Waiting {
  /** Who gets it directly; undefined: it goes over the server. */
  readonly to: Correspondent | undefined;
  readonly goAround: () => void;
  readonly deliver?: Letter;
}

/**
 * What one of them sends. Messages of one connection arrive in the order in which they were sent, whichever way they go, and
 * there are two ways of different length:
 *
 * - Behind what went over the server, nothing goes directly until that has arrived. The first that would waits for a fence:
 *   the sender's connection is flushed, and then the receiver's, so whatever the server had for it has been handed over.
 *   If that takes too long, it goes over the server as well, and so does what comes for a while.
 * - Behind what waits, all waits, to whomever and whichever way: should that go over the server in the end, any of its
 *   queue group may get it.
 * - Behind what went directly, the server's way is longer; yet what lies in the inbox may wait for its turn. So the
 *   receiver empties its inbox before it looks at what the server hands over (neighbour-bus.ts).
 *
 * Where the ways change so often that one fence does not help, all goes over the server for a while.
 */
export class Outbox {
  readonly #clock: Clock;
  readonly #from: Correspondent;
  readonly #ways = new Map<Correspondent, Way>();
  #waiting: Waiting[] = [];
  #whenSent: (() => void)[] = [];
  #silentUntilMs = -Infinity;

  constructor(clock: Clock, from: Correspondent) {
    this.#clock = clock;
    this.#from = from;
  }

  /** Something waits, so all does. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  isOpen(to: Correspondent): boolean {
    return this.#clock.nowMs() >= Math.max(this.#silentUntilMs, this.#wayTo(to).closedUntilMs);
  }

  /** Nothing goes directly for a while: to change the way with each message costs more than the longer one. */
  close(to: Correspondent): void {
    this.#wayTo(to).closedUntilMs = this.#clock.nowMs() + closedMs;
  }

  /** Directly. */
  send(to: Correspondent, letter: Sendable): void {
    if (!this.isWaiting && !this.#wayTo(to).isBehind) return to.inbox.put(letter);
    this.#wait({ to, goAround: () => letter.goAround(), deliver: letter });
  }

  /** Over the server, maybe later. It says by `goingAround` who may get it. */
  post(goAround: () => void): void {
    if (this.isWaiting) this.#wait({ to: undefined, goAround });
    else goAround();
  }

  /** Something goes over the server that any of these may get. */
  goingAround(any: readonly Correspondent[]): void {
    for (const each of any) {
      const way = this.#wayTo(each);
      way.isBehind = true;
      way.detours++;
    }
  }

  /** Resolves when nothing waits. */
  async sent(): Promise<void> {
    if (this.isWaiting) await new Promise<void>((resolve) => this.#whenSent.push(resolve));
  }

  /** Whatever waits goes over the server. */
  giveUp(): void {
    for (const { goAround } of this.#waiting.splice(0)) goAround();
    for (const told of this.#whenSent.splice(0)) told();
  }

  forget(to: Correspondent): void {
    this.#ways.delete(to);
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#waiting.length === 1) void this.#fence(waiting.to!);
  }

  /** Until all that went to it over the server has been handed over. */
  async #fence(to: Correspondent): Promise<void> {
    const way = this.#wayTo(to);
    const { detours } = way;
    const flushed = this.#from
      .flush()
      .then(() => to.flush())
      .then(
        () => true,
        () => false, // No server: as one that says nothing.
      );
    const isPassed = await inTime(this.#clock, fenceMsMax, flushed);
    if (isPassed === true) {
      if (way.detours === detours) way.isBehind = false;
      this.#pass();
    } else this.#silentUntilMs = this.#clock.nowMs() + silentMs;
    this.giveUp();
  }

  /** Sends what waits, up to where one would need a fence again. */
  #pass(): void {
    for (let i = 0; i < this.#waiting.length; i++) {
      const { to: next, deliver, goAround } = this.#waiting[i]!;
      if (next && this.#wayTo(next).isBehind) {
        this.close(next);
        this.#waiting.splice(0, i);
        return;
      }
      if (next) next.inbox.put(deliver!);
      else goAround();
    }
    this.#waiting = [];
  }

  #wayTo(to: Correspondent): Way {
    let way = this.#ways.get(to);
    if (!way) this.#ways.set(to, (way = { isBehind: false, detours: 0, closedUntilMs: -Infinity }));
    return way;
  }
}
