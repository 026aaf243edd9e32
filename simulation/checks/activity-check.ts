import { isDeepStrictEqual } from 'node:util';
import { ActivityBook } from '../../core/activity/activity-book.js';
import { keptRulesOf } from '../../core/blueprint/kept-rules.js';
import { answersRequests } from '../../core/config/data-centers.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { KeptFeatures } from '../../core/features/kept-features.js';
import { parseActivity, type ActivityMessage } from '../../messages/activity.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import { decode } from '../../messages/codec.js';
import { featuresRequest, parseFeaturesReply } from '../../messages/features.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';
import type { MemoryServers } from '../nats/memory-servers.js';
import type { Report } from './violation.js';

const statesMax = 100_000;
const askMs = { deadlineMs: 2_000, attemptMs: 500 };

/**
 * Joiners tell each event once, whatever becomes of them; and once it is quiet, the stores of each data center keep what one
 * makes of it who has never died.
 */
export class ActivityCheck {
  readonly #config: ClusterConfig;
  readonly #names: ClusterNames;
  readonly #report: Report;
  readonly #book: ActivityBook;
  /** By joiner, the newest place of what it said. */
  readonly #taken = new Map<number, readonly [sequence: number, index: number]>();
  /** By id of an event, where it was told. */
  readonly #events = new Map<string, string>();
  readonly #people = new Set<string>();
  readonly #items = new Set<string>();

  constructor(servers: MemoryServers, names: ClusterNames, config: ClusterConfig, report: Report) {
    this.#config = config;
    this.#names = names;
    this.#report = report;
    const ports = { stored: () => undefined, features: () => undefined };
    this.#book = new ActivityBook(keptRulesOf(config), ports, statesMax);
    servers
      .stream(names.stream.activity)
      .onAppend(({ bytes }) => this.#take(parseActivity(decode(bytes))));
  }

  /** @returns what is kept otherwise than it should be; undefined: nothing. */
  async wrong(bus: Bus): Promise<string | undefined> {
    const users = [...this.#people].sort();
    const items = [...this.#items].sort();
    for (const each of this.#config.dataCenters) {
      if (!answersRequests(each)) continue;
      const { name } = each;
      const message = featuresRequest({ users, items });
      const reply = await call(bus, this.#names.subject.featuresGetAt(name), message, askMs);
      const { kept } = parseFeaturesReply(reply, { users, items });
      const wrong =
        this.#different('user', users, kept.users) ?? this.#different('item', items, kept.items);
      if (wrong !== undefined) return `${name} keeps of ${wrong}`;
    }
    return undefined;
  }

  #different(
    entity: 'user' | 'item',
    ids: readonly string[],
    kept: readonly KeptFeatures[],
  ): string | undefined {
    const all = ids.map((id, i) => {
      const [expected, found] = [this.#book.kept(entity, id, 0), kept[i] ?? {}].map(timeless);
      return isDeepStrictEqual(expected, found)
        ? undefined
        : `${entity} ${id} ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`;
    });
    return all.find((each) => each !== undefined);
  }

  #take({ source, rows }: ActivityMessage): void {
    for (const { activity, sequence, index } of rows) {
      const [before, beforeIndex] = this.#taken.get(source) ?? [0, 0];
      if (sequence < before || (sequence === before && index <= beforeIndex)) continue;
      this.#taken.set(source, [sequence, index]);
      this.#book.take(activity);
      if (activity.kind === 'merged' || activity.kind === 'erased') continue;
      this.#people.add(activity.person);
      this.#items.add(activity.item);
      if (activity.kind === 'event' && activity.id !== '')
        this.#toldOnce(activity.id, `${sequence}.${index} of joiner ${source}`);
    }
  }

  #toldOnce(id: string, place: string): void {
    const before = this.#events.get(id);
    if (before !== undefined)
      this.#report('told once', `event ${id} is told at ${place}, and was at ${before}`);
    this.#events.set(id, place);
  }
}

/** Without how long ago it was: that is of the moment it was asked. */
function timeless(kept: KeptFeatures): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(kept).map(([name, value]) => [
      name,
      typeof value === 'object' && 'types' in value ? [[...value.values], [...value.types]] : value,
    ]),
  );
}
