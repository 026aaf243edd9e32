import { asFields } from '../messages/checks.js';
import type { Bus } from '../runtime/bus.js';
import type { CallOptions } from '../runtime/idempotent-call.js';
import { HedgeBudget, hedgedCall } from '../runtime/hedged-call.js';

/** A request waits so long for an answer before it goes elsewhere too, or a third of its time if that is shorter. */
const hedgeMsMax = 150;

/**
 * The way round a data center that does not answer. A replica that hangs, or whose host is cut off, is still a member of
 * its queue group, and a second try there may meet it again; so that goes to another data center. Which ones there are
 * stands in the answers.
 */
export class Detour {
  readonly #bus: Bus;
  readonly #options: CallOptions;
  readonly #budget = new HedgeBudget();
  /** Where each data center that has answered says one may turn to. */
  readonly #known = new Map<string, readonly string[]>();
  #turn = 0;

  constructor(bus: Bus, options: CallOptions) {
    this.#bus = bus;
    this.#options = options;
  }

  /** @param at the subject of a data center. */
  async call(
    subject: string,
    at: (dataCenter: string) => string,
    request: unknown,
  ): Promise<unknown> {
    const { deadlineMs } = this.#options;
    const other = this.#elsewhere();
    const reply = await hedgedCall(
      this.#bus,
      subject,
      other === undefined ? undefined : at(other),
      request,
      {
        ...this.#options,
        hedgeMs: Math.min(hedgeMsMax, deadlineMs / 3),
        budget: this.#budget,
      },
    );
    this.#note(asFields(reply, 'reply'));
    return reply;
  }

  /** Not where one is: the queue group has been asked there already. */
  #elsewhere(): string | undefined {
    const here = this.#bus.dataCenter ?? '';
    const all = new Set([...this.#known].flatMap(([name, others]) => [name, ...others]));
    all.delete(here);
    return [...all][this.#turn++ % Math.max(1, all.size)];
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
