import type { Clock } from '../../core/base/clock.js';
import type { RequestHandler } from '../bus/requests.js';
import type { Neighbour } from './neighbourhood.js';

/** Somebody who was late is left alone for so long. Too low: all calls meet one that hangs. Too high: all go over the server. */
const lateMs = 1_000;

export interface ServiceOptions {
  readonly owner: Neighbour;
  /** May have wildcards. */
  readonly subject: string;
  readonly handler: RequestHandler;
  /** So many more it would take now, of those who wait so long. */
  readonly room: (timeoutMs: number) => number;
}

/** What one of them answers, as long as it serves it. */
export class Service {
  readonly owner: Neighbour;
  readonly subject: string;
  readonly handler: RequestHandler;
  readonly #room: ServiceOptions['room'];
  readonly #clock: Clock;
  #avoidedUntilMs = -Infinity;
  /** Sent, and not handed over yet. */
  #waiting = 0;
  /** Handed over, and not answered yet. */
  #inHand = 0;
  #whenIdle: (() => void) | undefined;

  constructor(clock: Clock, { owner, subject, handler, room }: ServiceOptions) {
    this.#clock = clock;
    this.owner = owner;
    this.subject = subject;
    this.handler = handler;
    this.#room = room;
  }

  /** Somebody waited for it in vain: for a while others are asked, too. */
  wasLate(): void {
    this.#avoidedUntilMs = this.#clock.nowMs() + lateMs;
  }

  get isAvoided(): boolean {
    return this.#clock.nowMs() < this.#avoidedUntilMs;
  }

  /** It would refuse one more who waits so long. */
  isFull(timeoutMs: number): boolean {
    return this.#waiting >= this.#room(timeoutMs);
  }

  sent(): void {
    this.#waiting++;
  }

  /** What was sent went elsewhere, or nobody waits for it any more. */
  dropped(): void {
    this.#waiting--;
    this.#look();
  }

  handedOver(): void {
    this.#waiting--;
    this.#inHand++;
  }

  answered(): void {
    this.#inHand--;
    this.#look();
  }

  /** Resolves when all that was sent is answered. */
  async idle(): Promise<void> {
    if (!this.#isIdle) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
  }

  get #isIdle(): boolean {
    return this.#waiting + this.#inHand === 0;
  }

  #look(): void {
    if (this.#isIdle) this.#whenIdle?.();
  }
}
