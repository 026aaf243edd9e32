import { every } from '../../core/base/clock.js';
import { joinRulesOf } from '../../core/blueprint/join-rules.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { columnsOfRows } from '../../core/base/columns.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { encodeContext } from '../../core/features/origin.js';
import { createTransform } from '../../core/features/transform.js';
import { actionFactTable, factTable, factsOf, lanes } from '../../core/joining/event-facts.js';
import { encode } from '../../messages/codec.js';
import { actionsMessage, impressionsMessage } from '../../messages/events.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { retry } from '../../runtime/retry.js';
import type { SimulatedProcess } from '../time/simulated-process.js';

export interface ImporterOptions {
  readonly process: SimulatedProcess;
  readonly bus: Pick<Bus, 'clock' | 'random' | 'names' | 'append'>;
  readonly config: ClusterConfig;
  readonly users: number;
  readonly items: number;
  /** Between two slates, milliseconds. */
  readonly everyMs: number;
}

interface OldEvent {
  readonly atMs: number;
  readonly user: string;
  readonly item: string;
  readonly type: string;
  /** '': of its own accord. */
  readonly requestId: string;
}

/** So many slates fall into the longest window. Fewer: one that is late finds it ended. More: few windows end in a run. */
const slatesPerWindow = 14;
const slate = 3;
/** Before the run begins, windows. */
const beginsBefore = 60;
const policy = { baseMs: 50, capMs: 1_000, deadlineMs: 60_000 };
const tryMs = 5_000;

/**
 * Somebody who brings along what was shown and done elsewhere, months of it, in the order in which it was: in the lane of imports, by
 * columns, as whoever reads files does. There the longest windows end within a run, of days too.
 */
export class SimulatedImporter {
  readonly #options: ImporterOptions;
  readonly #transform;
  readonly #windowMs: number;
  readonly #type: string;
  #atMs: number;
  #slates = 0;
  /** What is to come, by time. */
  #coming: OldEvent[] = [];

  constructor(options: ImporterOptions) {
    const { process, config, everyMs, bus } = options;
    this.#options = options;
    this.#transform = createTransform(featureSpecOf(config.features, config.lineage));
    const { outcomes } = joinRulesOf(config);
    this.#windowMs = Math.max(...outcomes.map(({ windowMs }) => windowMs));
    // What the longest outcome hopes for says something of all others too.
    this.#type = outcomes.at(-1)!.from.at(-1)!;
    this.#atMs = bus.clock.wallMs() - beginsBefore * this.#windowMs;
    every(process.clock, everyMs, () => void this.#bring());
  }

  async #bring(): Promise<void> {
    const { process, users, items } = this.#options;
    const { random } = process;
    this.#atMs += (this.#windowMs / slatesPerWindow) * random.between(0.5, 1.5);
    const due = this.#coming.filter(({ atMs }) => atMs <= this.#atMs);
    this.#coming = this.#coming.filter(({ atMs }) => atMs > this.#atMs);
    const requestId = `${process.name} ${this.#slates++}`;
    const user = `u${random.below(users)}`;
    const first = random.below(items);
    const offered = Array.from({ length: slate }, (_unused, i) => `i${(first + i) % items}`);
    this.#happens({ requestId, user, items: offered });
    if (due.length > 0) await this.#append('action', this.#events(due));
    await this.#append('impression', this.#offered(requestId, user, offered));
  }

  /** What becomes of a slate: a click soon, what is hoped for some time within the window, something else of his own accord. */
  #happens(of: { requestId: string; user: string; items: readonly string[] }): void {
    const { random } = this.#options.process;
    const { requestId, user } = of;
    for (const item of of.items) {
      const later = (ms: number): number => this.#atMs + random.between(0, ms);
      const told = { requestId, user, item };
      if (random.happens(0.4)) this.#coming.push({ ...told, atMs: later(4_000), type: 'click' });
      if (random.happens(0.3))
        this.#coming.push({ ...told, atMs: later(1.2 * this.#windowMs), type: this.#type });
    }
    const item = `i${random.below(this.#options.items)}`;
    const alone = { user, item, requestId: '', type: this.#type };
    if (random.happens(0.3)) this.#coming.push({ ...alone, atMs: this.#atMs });
    this.#coming.sort((a, b) => a.atMs - b.atMs);
  }

  #offered(requestId: string, user: string, items: readonly string[]): Uint8Array {
    const rows = items.length;
    const transform = this.#transform;
    const person = transform.encodeEntity('user', user, {});
    const context = encodeContext(transform, {}, 'shown');
    const facts = columnsOfRows(
      factTable,
      items.map((_item, i) => ({ lanes: lanes.import, places: i + 1 })),
    );
    return encode(
      impressionsMessage(transform.spec, {
        requestIds: new Array<string>(rows).fill(requestId),
        users: new Array<string>(rows).fill(user),
        items: [...items],
        atMs: new Float64Array(rows).fill(this.#atMs),
        scores: new Float32Array(rows).fill(NaN),
        facts: factsOf(facts, {}),
        examples: transform.assemble(
          items.map(() => person),
          items.map((item) => transform.encodeEntity('item', item, {})),
          items.map(() => context),
        ),
      }),
    );
  }

  #events(events: readonly OldEvent[]): Uint8Array {
    const { random } = this.#options.bus;
    const facts = columnsOfRows(
      actionFactTable,
      events.map(({ user, type, requestId }) => ({
        ...{ lanes: lanes.import, users: user, types: type, values: 10 },
        ...(requestId === '' ? { ids: random.id() } : {}),
      })),
    );
    return encode(
      actionsMessage({
        requestIds: events.map(({ requestId }) => requestId),
        items: events.map(({ item }) => item),
        atMs: Float64Array.from(events, ({ atMs }) => atMs),
        labels: new Float32Array(events.length).fill(1),
        acceptedAtMs: new Float64Array(events.length).fill(NaN),
        facts,
      }),
    );
  }

  /** Until the log has it, or it was tried for long: what was not taken is no loss. */
  async #append(type: 'action' | 'impression', bytes: Uint8Array): Promise<void> {
    const { bus } = this.#options;
    const messageId = bus.random.id();
    await retry(bus, policy, ({ leftMs }) =>
      bus.append(bus.names.subject.ingest(type), bytes, {
        messageId,
        timeoutMs: Math.min(tryMs, leftMs),
      }),
    ).catch(() => undefined);
  }
}
