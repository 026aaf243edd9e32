import { codeOf, messageOf } from '../core/base/errors.js';
import { decode, encode, protocolVersion } from '../messages/codec.js';
import { subject, subjectPattern } from '../messages/subjects.js';
import type { SupervisionEvent } from '../messages/supervision.js';
import { parseSupervisionEvent } from '../messages/supervision.js';
import type { Bus, Stoppable } from '../runtime/bus.js';

/** Recent events that status answers with. */
const recentMax = 200;
const recoveriesMax = 10_000;

/**
 * Every start, crash and restart: told to listeners at once, and kept in the SUPERVISION stream. What other hosts
 * record is heard on its way to the stream.
 */
export class SupervisionLog {
  readonly #bus: Bus;
  readonly #host: string;
  readonly #log: (line: string) => void;
  readonly #others: Stoppable;
  readonly #listeners = new Set<(event: SupervisionEvent) => void>();
  #recent: SupervisionEvent[] = [];
  #recoveries: number[] = [];
  #writing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(bus: Bus, host: string, log: (line: string) => void) {
    this.#bus = bus;
    this.#host = host;
    this.#log = log;
    this.#others = bus.subscribe(subjectPattern('supervision'), (bytes) => this.#hear(bytes));
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
    const bytes = encode({ v: protocolVersion, ...event });
    this.#writing = this.#writing
      .then(() => this.#bus.append(subject.supervision(event.type), bytes, { timeoutMs: 2_000 }))
      .then(
        () => undefined,
        // The log is for people; supervision itself must go on when the training data center is away.
        (error: unknown) =>
          this.#log(`supervision event not kept: ${codeOf(error)}: ${messageOf(error)}`),
      );
  };

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
    if (event.host !== this.#host) this.#take(event);
  }

  #take(event: SupervisionEvent): void {
    this.#recent.push(event);
    if (this.#recent.length > recentMax) this.#recent = this.#recent.slice(-recentMax / 2);
    if (event.recoveryMs !== undefined && this.#recoveries.length < recoveriesMax)
      this.#recoveries.push(event.recoveryMs);
    for (const listener of this.#listeners) listener(event);
  }
}
