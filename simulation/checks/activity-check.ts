import { isDeepStrictEqual } from 'node:util';
import { ActivityBook } from '../../core/activity/activity-book.js';
import type { Activity } from '../../core/base/activity.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { copiesMs } from '../../actors/joiner/open-window.js';
import { joinRulesOf } from '../../core/blueprint/join-rules.js';
import { bornIn } from '../../core/base/lineage.js';
import { keptRulesOf } from '../../core/blueprint/kept-rules.js';
import { answersRequests } from '../../core/config/data-centers.js';
import type { KeptFeatures } from '../../core/features/kept-features.js';
import { parseActivity, type ActivityMessage } from '../../messages/activity.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import { decode } from '../../messages/codec.js';
import { featuresRequest, parseFeaturesReply } from '../../messages/features.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';
import type { MemoryServers } from '../nats/memory-servers.js';
import type { MemoryStream } from '../nats/memory-stream.js';
import { watermarkAt } from './join-clock.js';
import type { ConfigHistory } from './config-history.js';
import type { Report } from './violation.js';

const statesMax = 100_000;
const askMs = { deadlineMs: 2_000, attemptMs: 500 };

/** How far apart copies of an event are known, and how far behind the watermark: the least of all rules that were in force. */
interface CopyTimes {
  readonly apartMs: number;
  readonly behindMs: number;
  readonly latenessMs: number;
}

interface ToldEvent {
  readonly place: string;
  readonly atMs: number;
}

/**
 * Joiners tell each event once, whatever becomes of them, as far as copies of it are known at all: nobody remembers for ever, so where one comes
 * too far behind the watermark, as of a data center that stood still for longer than windows are, it is a new one (docs/decisions/0054). And once it is quiet, the stores of each data center keep what one
 * makes of it who has never died.
 */
export class ActivityCheck {
  readonly #history: Pick<ConfigHistory, 'newest' | 'configOf'>;
  readonly #names: ClusterNames;
  readonly #report: Report;
  /** By the rules of the newest configuration, from the beginning. */
  #book!: ActivityBook;
  readonly #told: Activity[] = [];
  /** By joiner, the newest place of what it said. */
  readonly #taken = new Map<number, readonly [sequence: number, index: number]>();
  /** By id of an event, where it was told. */
  readonly #events = new Map<string, ToldEvent>();
  readonly #join: MemoryStream;
  #copies: CopyTimes = { apartMs: Infinity, behindMs: Infinity, latenessMs: Infinity };
  readonly #people = new Set<string>();
  readonly #items = new Set<string>();

  constructor(
    servers: MemoryServers,
    names: ClusterNames,
    history: Pick<ConfigHistory, 'follow' | 'newest' | 'configOf'>,
    report: Report,
  ) {
    this.#history = history;
    this.#names = names;
    this.#report = report;
    this.#join = servers.stream(names.stream.join);
    history.follow((config) => {
      this.#copies = leastOf(this.#copies, copyTimesOf(config));
      const ports = { stored: () => undefined, features: () => undefined };
      this.#book = new ActivityBook(keptRulesOf(config), ports, statesMax);
      for (const activity of this.#told) this.#book.take(activity);
    });
    servers
      .stream(names.stream.activity)
      .onAppend(({ bytes }) => this.#take(parseActivity(decode(bytes))));
  }

  /** @returns what is kept otherwise than it should be; undefined: nothing. */
  async wrong(bus: Bus): Promise<string | undefined> {
    const users = [...this.#people].sort();
    const items = [...this.#items].sort();
    const isOld = this.#sinceTheBeginning();
    for (const each of this.#history.newest.dataCenters) {
      if (!answersRequests(each)) continue;
      const { name } = each;
      const message = featuresRequest({ users, items });
      const reply = await call(bus, this.#names.subject.featuresGetAt(name), message, askMs);
      const { kept } = parseFeaturesReply(reply, { users, items });
      const wrong =
        this.#different('user', users, kept.users, isOld) ??
        this.#different('item', items, kept.items, isOld);
      if (wrong !== undefined) return `${name} keeps of ${wrong}`;
    }
    return undefined;
  }

  #different(
    entity: 'user' | 'item',
    ids: readonly string[],
    kept: readonly KeptFeatures[],
    isOld: (name: string) => boolean,
  ): string | undefined {
    const all = ids.map((id, i) => {
      const [expected, found] = [this.#book.kept(entity, id, 0), kept[i] ?? {}].map((each) =>
        timeless(each, isOld),
      );
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
      this.#told.push(activity);
      this.#book.take(activity);
      if (activity.kind === 'merged' || activity.kind === 'erased') continue;
      this.#people.add(activity.person);
      this.#items.add(activity.item);
      if (activity.kind === 'event' && activity.id !== '')
        this.#toldOnce(activity, sequence, `${sequence}.${index} of joiner ${source}`);
    }
  }

  /**
   * What is kept goes on as long as its definition does, and what people did is there for whatever history is made of it. A number that
   * began since is of what came since, which each store knows for itself.
   */
  #sinceTheBeginning(): (name: string) => boolean {
    const { features, lineage } = this.#history.newest;
    const first = this.#history.configOf(1).features;
    return (name) =>
      features[name]?.kind === 'history' ||
      (bornIn(lineage, name) === 0 && isDeepStrictEqual(first[name], features[name]));
  }

  #toldOnce({ id, atMs }: { id: string; atMs: number }, sequence: number, place: string): void {
    const before = this.#events.get(id);
    if (before && !this.#isAnother(id, [before.atMs, atMs], sequence))
      this.#report('told once', `event ${id} is told at ${place}, and was at ${before.place}`);
    this.#events.set(id, { place, atMs });
  }

  /** @param timesMs of the event and of what may be a copy of it, which is told at this record of JOIN. */
  #isAnother(id: string, timesMs: readonly number[], sequence: number): boolean {
    const { apartMs, behindMs, latenessMs } = this.#copies;
    const firstMs = Math.min(...timesMs);
    if (Math.max(...timesMs) - firstMs > apartMs) return true;
    const watermarkMs = watermarkAt(this.#join, { id, sequence, latenessMs });
    return watermarkMs !== undefined && watermarkMs - firstMs > behindMs;
  }
}

function copyTimesOf(config: ClusterConfig): CopyTimes {
  const { latenessMs } = config.joining;
  const windowMs = Math.max(...joinRulesOf(config).outcomes.map((outcome) => outcome.windowMs));
  const apartMs = windowMs + latenessMs + copiesMs;
  return { apartMs, behindMs: apartMs + windowMs + latenessMs, latenessMs };
}

function leastOf(one: CopyTimes, other: CopyTimes): CopyTimes {
  return {
    apartMs: Math.min(one.apartMs, other.apartMs),
    behindMs: Math.min(one.behindMs, other.behindMs),
    latenessMs: Math.min(one.latenessMs, other.latenessMs),
  };
}

/** Without how long ago it was: that is of the moment it was asked. */
function timeless(kept: KeptFeatures, isOld: (name: string) => boolean): Record<string, unknown> {
  const old = Object.entries(kept).filter(([name]) => isOld(name));
  return Object.fromEntries(
    old.map(([name, value]) => [
      name,
      typeof value === 'object' && 'types' in value ? [[...value.values], [...value.types]] : value,
    ]),
  );
}
