import { assert } from '../../core/base/assert.js';
import type { Cancel, Clock } from '../../core/base/clock.js';
import { StarlingError } from '../../core/base/errors.js';
import { verifies } from '../verification.js';
import type { Neighbour, Neighbourhood } from './neighbourhood.js';
import type { Service } from './service.js';
import type { Sendable } from './outbox.js';

export interface CallOptions {
  readonly hood: Neighbourhood;
  readonly caller: Neighbour;
  readonly service: Service;
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly timeoutMs: number;
  /** Over the server. */
  readonly overServer: (timeoutMs: number) => Promise<Uint8Array>;
}

/**
 * A request to a neighbour, from when it is made until it is answered. The bytes are handed over as they are: neither who
 * sends nor who gets them may write in them.
 */
export class DirectCall implements Sendable {
  readonly answer: Promise<Uint8Array>;
  readonly #options: CallOptions;
  readonly #clock: Clock;
  readonly #endMs: number;
  readonly #cancel: Cancel;
  /** Of the request, where it is checked that nobody writes in it. */
  readonly #copy: Uint8Array | undefined;
  #resolve!: (answer: Uint8Array | Promise<Uint8Array>) => void;
  #reject!: (error: StarlingError) => void;

  constructor(options: CallOptions) {
    const { caller, bytes, timeoutMs } = options;
    this.#options = options;
    this.#clock = caller.bus.clock;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#endMs = this.#clock.nowMs() + timeoutMs;
    this.#cancel = this.#clock.after(timeoutMs, () => this.#expire());
    this.#copy = verifies ? bytes.slice() : undefined;
    caller.calls.add(this);
    options.service.sent();
  }

  isWith(neighbour: Neighbour): boolean {
    return this.#options.caller === neighbour || this.#options.service.owner === neighbour;
  }

  goAround(): void {
    this.#options.service.dropped();
    if (!this.#settle()) return;
    const leftMs = this.#endMs - this.#clock.nowMs();
    this.#resolve(this.#options.overServer(Math.max(1, leftMs)));
  }

  deliver(): void {
    const { hood, caller, service, subject, bytes: request } = this.#options;
    const leftMs = this.#endMs - this.#clock.nowMs();
    // Nobody waits for it any more.
    if (leftMs <= 0) this.#expire();
    if (!caller.calls.has(this)) return service.dropped();
    service.handedOver();
    // The handler answers errors as replies; it does not reject (runtime/serve-endpoint.ts).
    void Promise.resolve(service.handler(request, subject, String(Math.ceil(leftMs)), 0)).then(
      (reply) => {
        assert(isSame(request, this.#copy), `${subject}: somebody wrote in a request.`);
        hood.answered({ responder: service.owner.bus, subject, request, reply });
        this.#answered(reply);
        service.answered();
      },
    );
  }

  /** The connection of one of the two is closed. */
  lose(): void {
    const text = `request to ${this.#options.subject}: the connection was closed before the answer came; whether it was done is not known.`;
    if (this.#settle()) this.#reject(new StarlingError('UNAVAILABLE', text));
  }

  #answered(reply: Uint8Array): void {
    if (!this.#settle()) return;
    const { payloadBytesMax } = this.#options.service.owner.bus;
    if (reply.length <= payloadBytesMax) return this.#resolve(reply);
    const text = `request to ${this.#options.subject}: the answer has ${reply.length} bytes, the limit is ${payloadBytesMax}.`;
    this.#reject(new StarlingError('PAYLOAD_TOO_LARGE', text));
  }

  #expire(): void {
    if (!this.#settle()) return;
    const { service, subject, timeoutMs } = this.#options;
    service.wasLate();
    const text = `request to ${subject}: no answer within ${Math.round(timeoutMs)} ms.`;
    this.#reject(new StarlingError('TIMEOUT', text));
  }

  /** @returns whether it was open. */
  #settle(): boolean {
    this.#cancel();
    return this.#options.caller.calls.delete(this);
  }
}

function isSame(bytes: Uint8Array, copy: Uint8Array | undefined): boolean {
  return copy === undefined || copy.every((byte, i) => byte === bytes[i]);
}
