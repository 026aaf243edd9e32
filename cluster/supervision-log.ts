import { sleep } from '../core/base/clock.js';
import { codeOf, messageOf } from '../core/base/errors.js';
import { decode, encode } from '../messages/codec.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import { parseSupervisionEvent, supervisionEventMessage } from '../messages/supervision-events.js';
import type { Bus } from '../runtime/bus/bus.js';
import type { Stoppable } from '../runtime/stoppable.js';
import type { RetryPolicy } from '../runtime/retry.js';
import { pauseMsAfter } from '../runtime/retry.js';

/** Recent events that status answers with. */
const recentMax = 200;
const recoveriesMax = 10_000;
/** Too low: an outage of the training data center loses what happened in it. Too high: memory, when it is long. */
const queueMax = 10_000;
const appendMsMax = 2_000;
/** Low, as it is only tried by this host; an event that waits is one that nobody else hears of. */
const keepPolicy: RetryPolicy = { baseMs: 1_000, capMs: 2_000 };

interface Queued {
  readonly type: SupervisionEvent['type'];
  readonly bytes: Uint8Array;
  readonly messageId: string;
}

/**
 * Every start, crash and restart: told to listeners at once, and kept in the SUPERVISION stream, later if it is away. What
 * other hosts record is heard on its way to the stream.
 */
export class SupervisionLog {
  readonly #bus: Bus;
  readonly #host: string;
  readonly #log: (line: string) => void;
  readonly #others: Stoppable;
  readonly #listeners = new Set<(event: SupervisionEvent) => void>();
  /** Of one run: a retry must not look like something that happened again. */
  readonly #life: string;
  #recorded = 0;
  #recent: SupervisionEvent[] = [];
  #recoveries: number[] = [];
  #queue: Queued[] = [];
  #writing: Promise<void> | undefined;
  #stopped = false;

  constructor(bus: Bus, host: string, log: (line: string) => void) {
    this.#bus = bus;
    this.#life = bus.random.id();
    this.#host = host;
    this.#log = log;
    this.#others = bus.subscribe(this.#bus.names.pattern('supervision'), (bytes) =>
      this.#hear(bytes),
    );
  }

  get recent(): readonly SupervisionEvent[] {
    return this.#recent;
  }

  get recoveriesMs(): readonly number[] {
    return this.#recoveries;
  }

  readonly record = (happened: SupervisionEvent): void => {
    const event = { ...happened, host: this.#host };
    this.#take(event);
    if (this.#stopped) return;
    const bytes = encode(supervisionEventMessage(event));
    const messageId = `${this.#life}.${this.#recorded++}`;
    this.#queue.push({ type: event.type, bytes, messageId });
    if (this.#queue.length > queueMax) this.#queue.shift();
    this.#writing ??= this.#write();
  };

  /** The log is for people: supervision itself goes on when the training data center is away. */
  async #write(): Promise<void> {
    let failures = 0;
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      const { type, bytes, messageId } = next;
      try {
        const options = { timeoutMs: appendMsMax, messageId };
        await this.#bus.append(this.#bus.names.subject.supervision(type), bytes, options);
        if (this.#queue[0] === next) this.#queue.shift();
        failures = 0;
      } catch (error) {
        if (this.#stopped) break;
        if (failures === 0)
          this.#log(`supervision events are kept later: ${codeOf(error)}: ${messageOf(error)}`);
        const { clock, random } = this.#bus;
        await sleep(clock, pauseMsAfter(++failures, keepPolicy, random.next()));
      }
    }
    this.#writing = undefined;
  }

  onEvent(listener: (event: SupervisionEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#others.stop();
    await this.#writing;
  }

  #hear(bytes: Uint8Array): void {
    let event: SupervisionEvent;
    try {
      event = parseSupervisionEvent(decode(bytes));
    } catch {
      return; // Of a release that speaks otherwise; it stays in the stream for people.
    }
    if (event.host !== this.#host && !this.#isKnown(event)) this.#take(event);
  }

  /** One whose acknowledgement was lost is sent again. */
  #isKnown({ atMs, address, type, host }: SupervisionEvent): boolean {
    return this.#recent.some(
      (known) =>
        known.atMs === atMs &&
        known.address === address &&
        known.type === type &&
        known.host === host,
    );
  }

  #take(event: SupervisionEvent): void {
    this.#recent.push(event);
    if (this.#recent.length > recentMax) this.#recent = this.#recent.slice(-recentMax / 2);
    if (event.recoveryMs !== undefined && this.#recoveries.length < recoveriesMax)
      this.#recoveries.push(event.recoveryMs);
    for (const listener of this.#listeners) listener(event);
  }
}
