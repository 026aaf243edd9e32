import { asFields } from '../messages/checks.js';
import type { Bus } from '../runtime/bus/bus.js';
import type { CallOptions } from '../runtime/idempotent-call.js';
import { Hedge } from '../runtime/hedge.js';

/** Too low: a busy data center is asked everything twice. Too high: a replica that hangs is felt. */
const hedgeMs = 150;

/**
 * The way round a data center that does not answer. A replica that hangs, or whose host is cut off, is still a member of
 * its queue group, and a second try there may meet it again; so that goes to another data center. Which ones there are
 * stands in the answers.
 */
export class Detour {
  readonly #bus: Bus;
  readonly #hedge: Hedge;
  /** Where each data center that has answered says one may turn to. */
  readonly #known = new Map<string, readonly string[]>();

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#hedge = new Hedge(bus, { hedgeMs, elsewhere: () => this.#elsewhere() });
  }

  /** @param at the subject of a data center. */
  async call(
    subject: string,
    at: (dataCenter: string) => string,
    request: unknown,
    options: CallOptions,
  ): Promise<unknown> {
    const reply = await this.#hedge.call(subject, at, request, options);
    this.#note(asFields(reply, 'reply'));
    return reply;
  }

  /** Not where one is: the queue group has been asked there already. */
  #elsewhere(): string[] {
    const all = new Set([...this.#known].flatMap(([name, others]) => [name, ...others]));
    all.delete(this.#bus.dataCenter ?? '');
    return [...all];
  }

  /** An answer that names nobody (nothing was found) teaches nothing. */
  #note({ dataCenter, elsewhere }: Readonly<Record<string, unknown>>): void {
    if (typeof dataCenter !== 'string' || !Array.isArray(elsewhere)) return;
    const names = elsewhere.filter((name): name is string => isToken(name));
    if (isToken(dataCenter)) this.#known.set(dataCenter, names);
  }
}

/** What becomes a part of a subject. */
function isToken(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value);
}
