import { codeOf, messageOf } from '../core/base/errors.js';
import { encode, protocolVersion } from '../messages/codec.js';
import { subject } from '../messages/subjects.js';
import type { SupervisionEvent } from '../messages/supervision.js';
import type { Bus } from '../runtime/bus.js';

/** Recent events that status answers with. */
const recentMax = 200;
const recoveriesMax = 10_000;

/** Every start, crash and restart: told to listeners at once, and kept in the SUPERVISION stream. */
export class SupervisionLog {
  readonly #bus: Bus;
  readonly #log: (line: string) => void;
  readonly #listeners = new Set<(event: SupervisionEvent) => void>();
  #recent: SupervisionEvent[] = [];
  #recoveries: number[] = [];
  #writing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(bus: Bus, log: (line: string) => void) {
    this.#bus = bus;
    this.#log = log;
  }

  get recent(): readonly SupervisionEvent[] {
    return this.#recent;
  }

  get recoveriesMs(): readonly number[] {
    return this.#recoveries;
  }

  readonly record = (event: SupervisionEvent): void => {
    this.#recent.push(event);
    if (this.#recent.length > recentMax) this.#recent = this.#recent.slice(-recentMax / 2);
    if (event.recoveryMs !== undefined && this.#recoveries.length < recoveriesMax)
      this.#recoveries.push(event.recoveryMs);
    for (const listener of this.#listeners) listener(event);
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
    await this.#writing;
  }
}
