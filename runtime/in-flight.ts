import type { Clock } from '../core/base/clock.js';
import { StarlingError } from '../core/base/errors.js';
import { atMost } from './time-limit.js';

/**
 * What a connection has in hand: its requests that wait for an answer, and those of others that it answers. Whoever
 * moves the connection to another server must know: an answer that is on its way to the old server is lost. So what is
 * in hand may finish first, and when a server is gone, those who wait hear of it at once and ask again, rather than
 * wait out their time for nothing.
 *
 * New requests are held back while there is no server. The NATS client takes them then too, but forgets them with each
 * attempt to connect, and the asker would hear of it by his deadline only.
 */
export class InFlight {
  readonly #clock: Clock;
  readonly #waiting = new Set<(error: StarlingError) => void>();
  #tasks = 0;
  #held: { readonly promise: Promise<void>; readonly open: () => void } | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param send gets what is left of the time when it may go out.
   * @throws StarlingError TIMEOUT when there was no server in time, UNAVAILABLE when the server was lost before the answer.
   */
  request<T>(timeoutMs: number, send: (leftMs: number) => Promise<T>): Promise<T> {
    return this.#held ? this.#later(timeoutMs, send) : this.#now(timeoutMs, send);
  }

  /** Something that must not be cut off by a move, and is not told of a loss. */
  begin(): void {
    this.#tasks++;
  }

  end(): void {
    this.#tasks--;
    this.#announceIdle();
  }

  /** Resolves once new requests may go out, which is at once unless they are held, or when the time is over. */
  async passable(msMax: number): Promise<void> {
    if (this.#held) await atMost(this.#clock, msMax, this.#held.promise);
  }

  /** New requests wait. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  hold(): void {
    if (this.#held) return;
    let open = (): void => undefined;
    const promise = new Promise<void>((resolve) => (open = resolve));
    this.#held = { promise, open };
  }

  release(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.open();
  }

  /** Nobody will answer those who wait. */
  lose(): void {
    const text =
      'the connection was lost before the answer came; whether it was done is not known.';
    const told = [...this.#waiting];
    this.#waiting.clear();
    for (const reject of told) reject(new StarlingError('UNAVAILABLE', text));
    this.#announceIdle();
  }

  /** Resolves when nothing is in hand, or when the time is over. */
  async idle(msMax: number): Promise<void> {
    if (this.#isIdle) return;
    await atMost(this.#clock, msMax, new Promise<void>((resolve) => this.#whenIdle.push(resolve)));
  }

  get #isIdle(): boolean {
    return this.#tasks === 0 && this.#waiting.size === 0;
  }

  async #later<T>(timeoutMs: number, send: (leftMs: number) => Promise<T>): Promise<T> {
    const endMs = this.#clock.nowMs() + timeoutMs;
    while (this.#held) {
      const leftMs = endMs - this.#clock.nowMs();
      if (leftMs <= 0) {
        throw new StarlingError('TIMEOUT', `there was no connection for ${timeoutMs} ms.`);
      }
      await this.passable(leftMs);
    }
    return this.#now(Math.max(1, endMs - this.#clock.nowMs()), send);
  }

  #now<T>(timeoutMs: number, send: (leftMs: number) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject);
      const leave = (): void => {
        this.#waiting.delete(reject);
        this.#announceIdle();
      };
      send(timeoutMs).then(
        (answer) => {
          leave();
          resolve(answer);
        },
        (error: unknown) => {
          leave();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  #announceIdle(): void {
    if (!this.#isIdle || this.#whenIdle.length === 0) return;
    const told = this.#whenIdle;
    this.#whenIdle = [];
    for (const tell of told) tell();
  }
}
