import { StarlingError, codeOf, messageOf } from '../core/base/errors.js';
import { LatencyHistogram } from '../core/base/histogram.js';
import { RecentLatency } from '../core/base/recent-latency.js';
import { decode, encodeAs, encodingOf, errorReply } from '../messages/codec.js';
import type { EndpointStats } from '../messages/stats/endpoint-figures.js';
import { parseTimeout } from '../messages/timeout.js';
import { Admission } from './admission.js';
import type { Bus } from './bus/bus.js';
import { isRetryable } from './retry.js';
import type { Stoppable } from './stoppable.js';
import { Deadline } from './deadline.js';
import { within } from './time-limit.js';

export interface Endpoint {
  readonly subject: string;
  /** Of its own data center: answers here too, as it does on `subject`. */
  readonly alsoAt?: string;
  /** Whether to answer on `subject` too while it is a guest at the server of this data center. Default: everywhere. */
  readonly answersAt?: (dataCenter: string) => boolean;
  /** Whether it answers on these by now; looked at again with `refresh`. Default: always. */
  readonly isAsked?: () => boolean;
  /** What it answers on besides, whether it is asked there or not. */
  readonly beside?: { readonly subject: string; readonly alsoAt: string };
  readonly queue?: string;
  /** Of subjects that people write to: a body that would do, for who sends one that can't be read. */
  readonly example?: string;
  /** Requests worked on at once; one more is answered OVERLOADED. Too high queues beyond the caller's patience. */
  readonly inFlightMax: number;
  /** Whether a request is refused, too, that could not be answered within half of its time (admission.ts). Of those that take about as long as each other. */
  readonly byTime?: boolean;
  /** The answer after this long, or when the caller waits no more, is TIMEOUT, whatever the handler does. */
  readonly deadlineMs: number;
  /** False: it takes requests only after `resume`. Default true. */
  readonly open?: boolean;
  handle(request: unknown, deadline: Deadline): Promise<unknown>;
}

/**
 * One request subject: decodes, bounds, times, and answers every failure as a typed error in the caller's encoding.
 *
 * It can leave its queue group and come back while it lives. Leaving is a drain of the subscription: the server gives
 * it nothing more, what the server had given it before is answered, so no caller notices.
 */
export class ServedEndpoint implements Stoppable {
  readonly #bus: Bus;
  readonly #endpoint: Endpoint;
  readonly #latency = new LatencyHistogram();
  readonly #recent = new RecentLatency();
  readonly #admission: Admission;
  readonly #subscriptions = new Map<string, Stoppable>();
  #open: boolean;
  /** All that was handed over before the endpoint was suspended last is answered. */
  #left: Promise<unknown> = Promise.resolve();
  #stopped = false;
  #requests = 0;
  #errors = 0;

  constructor(bus: Bus, endpoint: Endpoint) {
    this.#bus = bus;
    this.#endpoint = endpoint;
    this.#admission = new Admission(endpoint);
    this.#open = endpoint.open ?? true;
    this.#subscribe();
    bus.onMoved?.(() => this.#subscribe());
  }

  get latency(): LatencyHistogram {
    return this.#latency;
  }

  stats(): EndpointStats {
    return {
      requests: this.#requests,
      errors: this.#errors,
      inFlight: this.#admission.inFlight,
      p50Ms: this.#latency.quantile(0.5),
      p99Ms: this.#latency.quantile(0.99),
      recentP99Ms: this.#recent.quantile(0.99, this.#bus.clock.nowMs()),
    };
  }

  /** Somebody whom it takes to answer has too much to do: fewer are let in, for a while. */
  backOff(): void {
    this.#admission.backOff(this.#bus.clock.nowMs());
  }

  /** Joins and leaves what it should by now. */
  refresh(): void {
    this.#subscribe();
  }

  /** Leaves the queue group; resolves when what was handed over before is answered. */
  async suspend(): Promise<void> {
    this.#open = false;
    this.#subscribe();
    await this.#left;
  }

  /** Joins the queue group; resolves when the server knows. Without effect on one that was stopped. */
  async resume(): Promise<void> {
    if (this.#stopped) return;
    this.#open = true;
    this.#subscribe();
    await this.#bus.flush();
  }

  /** As `suspend`, for good. */
  stop(): Promise<void> {
    this.#stopped = true;
    return this.suspend();
  }

  /** Joins and leaves what it should by now. */
  #subscribe(): void {
    const wanted = this.#wanted();
    for (const [subject, subscription] of this.#subscriptions) {
      if (wanted.includes(subject)) continue;
      this.#subscriptions.delete(subject);
      this.#left = Promise.all([this.#left.catch(() => undefined), subscription.stop()]);
      // Whoever asked to leave hears of it; a guest whose server is gone again has left with it.
      this.#left.catch(() => undefined);
    }
    for (const subject of wanted) {
      if (!this.#subscriptions.has(subject)) this.#subscriptions.set(subject, this.#serve(subject));
    }
  }

  #wanted(): string[] {
    if (!this.#open || this.#stopped) return [];
    const { isAsked, beside } = this.#endpoint;
    const here = isAsked === undefined || isAsked() ? this.#subjectsOf(this.#endpoint) : [];
    return beside ? [...here, ...this.#subjectsOf(beside)] : here;
  }

  #subjectsOf({ subject, alsoAt }: Pick<Endpoint, 'subject' | 'alsoAt'>): string[] {
    if (alsoAt === undefined) return [subject];
    const { answersAt } = this.#endpoint;
    const { away = false, dataCenter } = this.#bus;
    const isHelpful = !away || dataCenter === undefined || (answersAt?.(dataCenter) ?? true);
    return isHelpful ? [subject, alsoAt] : [alsoAt];
  }

  #serve(subject: string): Stoppable {
    const { queue, deadlineMs, byTime = false } = this.#endpoint;
    const room = (timeoutMs: number): number =>
      this.#admission.room(byTime ? Math.min(timeoutMs, deadlineMs) : Infinity);
    return this.#bus.serve(
      subject,
      queue === undefined ? { room } : { queue, room },
      (bytes, _subject, timeout, waitedMs) => this.#answer(bytes, timeout, waitedMs),
    );
  }

  async #answer(
    bytes: Uint8Array,
    timeout: string | undefined,
    waitedMs: number,
  ): Promise<Uint8Array> {
    const bytesMax = this.#bus.payloadBytesMax;
    const startMs = this.#bus.clock.nowMs();
    const encoding = encodingOf(bytes);
    this.#requests++;
    let isWork = true;
    let isIn = false;
    try {
      const patienceMs = this.#patienceMs(timeout);
      this.#admit(patienceMs);
      isIn = true;
      if (waitedMs >= patienceMs) {
        throw new StarlingError(
          'TIMEOUT',
          `${this.#endpoint.subject}: this process stood still, and the request may be ${Math.round(waitedMs)} ms old.`,
        );
      }
      const reply = encodeAs(encoding, await this.#withinDeadline(this.#read(bytes), patienceMs));
      if (reply.length > bytesMax) {
        throw new StarlingError(
          'PAYLOAD_TOO_LARGE',
          `${this.#endpoint.subject}: the answer has ${reply.length} bytes, the limit is ${bytesMax}.`,
        );
      }
      return reply;
    } catch (error) {
      this.#errors++;
      isWork = isRetryable(error);
      return encodeAs(encoding, errorReply(error));
    } finally {
      const endMs = this.#bus.clock.nowMs();
      if (isIn) this.#admission.leave(startMs, endMs, isWork);
      this.#latency.record(endMs - startMs);
      this.#recent.record(endMs - startMs, endMs);
    }
  }

  #admit(patienceMs: number): void {
    const { subject, byTime = false } = this.#endpoint;
    const { inFlight, expectedMs } = this.#admission;
    const retryAfterMs = this.#admission.refusal(byTime ? patienceMs : Infinity);
    if (retryAfterMs === undefined) return;
    const why = byTime
      ? `would take ${Math.round(expectedMs)} ms, of ${Math.round(patienceMs)} that there are`
      : 'are too many';
    const text = `${subject}: ${inFlight} requests are in flight already, and one more ${why}.`;
    throw new StarlingError('OVERLOADED', text, { retryAfterMs });
  }

  #read(bytes: Uint8Array): unknown {
    try {
      return decode(bytes);
    } catch (cause) {
      const { subject, example } = this.#endpoint;
      if (example === undefined || codeOf(cause) !== 'BAD_MESSAGE') throw cause;
      const text = `${subject}: ${messageOf(cause)}; expected JSON such as ${example}, or the same as CBOR.`;
      throw new StarlingError('BAD_MESSAGE', text, {}, { cause });
    }
  }

  /** How long who asks waits, and no longer than it may take. */
  #patienceMs(timeout: string | undefined): number {
    const { deadlineMs: msMax } = this.#endpoint;
    return timeout === undefined ? msMax : Math.min(msMax, parseTimeout(timeout));
  }

  #withinDeadline(request: unknown, ms: number): Promise<unknown> {
    const { clock } = this.#bus;
    const { subject } = this.#endpoint;
    return within(clock, ms, subject, this.#endpoint.handle(request, new Deadline(clock, ms)));
  }
}
