import { StarlingError } from '../core/base/errors.js';
import { LatencyHistogram } from '../core/base/histogram.js';
import { decode, encodeAs, encodingOf, errorReply } from '../messages/codec.js';
import type { Bus, Stoppable } from './bus.js';
import { within } from './within.js';

export interface Endpoint {
  readonly subject: string;
  readonly queue?: string;
  /** Requests worked on at once; one more is answered OVERLOADED. Too high queues beyond the caller's patience. */
  readonly inFlightMax: number;
  /** The answer after this long is TIMEOUT, whatever the handler does. */
  readonly deadlineMs: number;
  handle(request: unknown): Promise<unknown>;
}

export interface EndpointStats {
  readonly requests: number;
  readonly errors: number;
  readonly inFlight: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** One request subject: decodes, bounds, times, and answers every failure as a typed error in the caller's encoding. */
export class ServedEndpoint implements Stoppable {
  readonly #endpoint: Endpoint;
  readonly #latency = new LatencyHistogram();
  readonly #subscription: Stoppable;
  #requests = 0;
  #errors = 0;
  #inFlight = 0;

  constructor(bus: Bus, endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#subscription = bus.serve(
      endpoint.subject,
      endpoint.queue === undefined ? {} : { queue: endpoint.queue },
      (bytes) => this.#answer(bytes, bus.payloadBytesMax),
    );
  }

  get latency(): LatencyHistogram {
    return this.#latency;
  }

  stats(): EndpointStats {
    return {
      requests: this.#requests,
      errors: this.#errors,
      inFlight: this.#inFlight,
      p50Ms: this.#latency.quantile(0.5),
      p99Ms: this.#latency.quantile(0.99),
    };
  }

  stop(): Promise<void> {
    return this.#subscription.stop();
  }

  async #answer(bytes: Uint8Array, bytesMax: number): Promise<Uint8Array> {
    const startMs = performance.now();
    const encoding = encodingOf(bytes);
    this.#requests++;
    this.#inFlight++;
    try {
      if (this.#inFlight > this.#endpoint.inFlightMax) {
        throw new StarlingError(
          'OVERLOADED',
          `${this.#endpoint.subject}: ${this.#inFlight - 1} requests are in flight already.`,
        );
      }
      const reply = encodeAs(encoding, await this.#withinDeadline(decode(bytes)));
      if (reply.length > bytesMax) {
        throw new StarlingError(
          'PAYLOAD_TOO_LARGE',
          `${this.#endpoint.subject}: the answer has ${reply.length} bytes, the limit is ${bytesMax}.`,
        );
      }
      return reply;
    } catch (error) {
      this.#errors++;
      return encodeAs(encoding, errorReply(error));
    } finally {
      this.#inFlight--;
      this.#latency.record(performance.now() - startMs);
    }
  }

  #withinDeadline(request: unknown): Promise<unknown> {
    const { deadlineMs, subject } = this.#endpoint;
    return within(deadlineMs, subject, this.#endpoint.handle(request));
  }
}
