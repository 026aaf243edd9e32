import { visitorPerson } from '../../core/joining/person-event.js';
import type { ShownBatch } from '../../core/joining/types.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import { encode } from '../../messages/codec.js';
import type { Actions, Impressions } from '../../messages/events.js';
import {
  actionsMessage,
  impressionsMessage,
  selectActions,
  selectImpressions,
} from '../../messages/events.js';
import type { ExampleSpec } from '../../messages/example-columns.js';
import {
  featureChangeMessage,
  featuresNotice,
  type ChangeOrigin,
} from '../../messages/features.js';
import type { EntityChange, PublicMerge } from '../../messages/public.js';
import { fitsInto, sendFitting } from '../../runtime/fitting-messages.js';
import {
  aliasMessage,
  eraseMessage,
  pointersMessage,
  selectShown,
  shownMessage,
} from '../../messages/join-records.js';
import type { PublicAlias } from '../../messages/public.js';
import type { RowSplit } from './event-split.js';
import {
  pointersOf,
  splitActions,
  splitImpressions,
  splitPeople,
  splitRequests,
} from './event-split.js';
import { changesOf } from './public-events.js';

/** Beyond them all are said again, which the joiner passes over. */
const aliasesMax = 100_000;
/** After so long too: the joiner may have been told to forget somebody, and we not have heard of it. */
const aliasesMs = 10 * 60_000;

export interface ForwarderPorts {
  readonly spec: ExampleSpec;
  /** Of JOIN. */
  readonly partitions: number;
  /** Longer messages are refused; what an event becomes may be longer than it was. */
  readonly payloadBytesMax: number;
  readonly subject: ClusterNames['subject'];
  /** Resolves when the stream of the subject has it, with its place there. */
  readonly append: (subject: string, bytes: Uint8Array) => Promise<number>;
  readonly nowMs: () => number;
  /** Tells who listens; may be lost. */
  readonly tell: (subject: string, bytes: Uint8Array) => void;
}

/** The processor's way out: checked events to the partition of their person, and features to FEATURES. */
export class EventForwarder {
  readonly counts = {
    impressions: 0,
    actions: 0,
    shown: 0,
    aliases: 0,
    merges: 0,
    features: 0,
    erasures: 0,
  };
  /** Users by visitor, of those that JOIN has. */
  readonly #told = new Map<string, string>();
  #toldSinceMs = -Infinity;
  /** Changes of features that are under way, by entity. */
  readonly #telling = new Map<string, Promise<void>>();
  readonly #ports: ForwarderPorts;

  constructor(ports: ForwarderPorts) {
    this.#ports = ports;
  }

  /**
   * @param cameIn the message that they came in, where that says just the same: it goes on as it is, if all are for one joiner, as
   * making it anew is most of what there is to do.
   */
  async impressions(batch: Impressions, cameIn?: Uint8Array): Promise<void> {
    this.counts.impressions += batch.items.length;
    const { partitions, payloadBytesMax, spec, subject, append } = this.#ports;
    const split = splitImpressions(batch, partitions);
    const only = split.findIndex((rows) => rows.length > 0 && isAll(rows, batch));
    const toRows =
      cameIn && only >= 0 && fitsInto(payloadBytesMax, cameIn)
        ? append(subject.join(only), cameIn)
        : this.#toJoiners(split, (rows) =>
            impressionsMessage(spec, isAll(rows, batch) ? batch : selectImpressions(batch, rows)),
          );
    const toPointers = [...pointersOf(batch, partitions)].map(([partition, pointer]) =>
      append(subject.join(partition), encode(pointersMessage(pointer))),
    );
    await Promise.all([toRows, ...toPointers]);
  }

  async actions(batch: Actions): Promise<void> {
    this.counts.actions += batch.items.length;
    await this.#toJoiners(splitActions(batch, this.#ports.partitions), (rows) =>
      actionsMessage(isAll(rows, batch) ? batch : selectActions(batch, rows), this.#ports.spec),
    );
  }

  async shown(batch: ShownBatch): Promise<void> {
    const { partitions } = this.#ports;
    this.counts.shown += batch.items.length;
    await this.#toJoiners(splitRequests(batch.requestIds, partitions), (rows) =>
      shownMessage(selectShown(batch, rows)),
    );
  }

  /** To where the visitor is; said again only to who may not have heard of it. Accepted at `atMs`. */
  async aliases(aliases: readonly PublicAlias[], atMs: number): Promise<void> {
    const nowMs = this.#ports.nowMs();
    if (nowMs - this.#toldSinceMs > aliasesMs) {
      this.#told.clear();
      this.#toldSinceMs = nowMs;
    }
    const before = new Map<string, string>();
    const fresh = aliases.filter(({ visitor, user }) => {
      const isKnown = (before.get(visitor) ?? this.#told.get(visitor)) === user;
      before.set(visitor, user);
      return !isKnown;
    });
    if (fresh.length === 0) return;
    const people = fresh.map(({ visitor }) => visitorPerson(visitor));
    await this.#becomes(
      people,
      fresh.map(({ user }) => user),
      atMs,
    );
    this.counts.aliases += fresh.length;
    if (this.#told.size + fresh.length > aliasesMax) this.#told.clear();
    for (const { visitor, user } of fresh) this.#told.set(visitor, user);
  }

  /** To where the account is that is given up. Who is told again passes over it. */
  async merges(merges: readonly PublicMerge[], atMs: number): Promise<void> {
    await this.#becomes(
      merges.map(({ from }) => from),
      merges.map(({ to }) => to),
      atMs,
    );
    this.counts.merges += merges.length;
  }

  /**
   * To all partitions, since events of anybody wait where the request is sought that they name; and to whoever keeps what is told of
   * users. What was accepted by then is forgotten wherever it is met.
   */
  async erasures(people: readonly string[], atMs: number): Promise<void> {
    const { partitions, subject, append } = this.#ports;
    const joins = Array.from({ length: partitions }, (_partition, partition) =>
      this.#fitting(people.keys(), {
        encoded: (rows) => {
          const persons = rows.map((i) => people[i]!);
          return encode(eraseMessage({ persons, atMs: Float64Array.of(atMs) }));
        },
        send: async (bytes) => void (await append(subject.join(partition), bytes)),
      }),
    );
    const gone = people.map((id): EntityChange => {
      return { entity: 'user', id, attributes: {}, mode: 'replace', deleted: true };
    });
    // Without a place in RAW: an erasure is put before nothing, and what was accepted before it is known by its time.
    await Promise.all([...joins, this.features(gone, atMs)]);
    this.counts.erasures += people.length;
    this.forgetAliases(people);
  }

  /** Whoever says again that he is one of them is told of again. */
  forgetAliases(people: readonly string[]): void {
    const gone = new Set(people);
    for (const [visitor, user] of this.#told)
      if (gone.has(user) || gone.has(visitorPerson(visitor))) this.#told.delete(visitor);
  }

  async #becomes(people: readonly string[], users: readonly string[], atMs: number): Promise<void> {
    const { partitions, subject, append } = this.#ports;
    const split = splitPeople(people, partitions);
    const sends = [...split.entries()].filter(([, rows]) => rows.length > 0);
    await Promise.all(
      sends.map(([partition, rows]) =>
        this.#fitting(rows, {
          encoded: (some) =>
            encode(
              aliasMessage({
                visitors: some.map((i) => people[i]!),
                users: some.map((i) => users[i]!),
                atMs: Float64Array.of(atMs),
              }),
            ),
          send: async (bytes) => void (await append(subject.join(partition), bytes)),
        }),
      ),
    );
  }

  /**
   * The last word on an entity must come last, also where several messages are worked on at once: one waits for those before it
   * that say something of the same. Called in the order of arrival, before anything is waited for. What another processor has in
   * hand is put in order by who reads it (replication/change-order.ts).
   */
  features(events: readonly EntityChange[], atMs: number, origin?: ChangeOrigin): Promise<void> {
    const names = events.map(({ entity, id }) => `${entity} ${id}`);
    const before = new Set(names.flatMap((name) => this.#telling.get(name) ?? []));
    const told = Promise.allSettled(before).then(() => this.#tellFeatures(events, atMs, origin));
    for (const name of names) this.#telling.set(name, told);
    const over = (): void => {
      for (const name of names) if (this.#telling.get(name) === told) this.#telling.delete(name);
    };
    void told.then(over, over);
    return told;
  }

  /** Who keeps features is told after the log has them, and where they are in it, so that he can tell a store that has not come as far. */
  async #tellFeatures(
    events: readonly EntityChange[],
    atMs: number,
    origin: ChangeOrigin | undefined,
  ): Promise<void> {
    this.counts.features += events.length;
    const { subject, append, tell } = this.#ports;
    for (const { entity, mode, ids, features, erased } of changesOf(events)) {
      await this.#fitting(ids.keys(), {
        encoded: (rows) =>
          encode(
            featureChangeMessage({
              ...{ entity, mode, origin, ids: rows.map((i) => ids[i]!) },
              features: rows.map((i) => features[i]!),
              erased: erased && rows.map((i) => erased[i]!),
              atMs,
            }),
          ),
        send: async (bytes, rows) => {
          const sequence = await append(subject.features(entity), bytes);
          const isErasure = rows.some((i) => erased?.[i] === true);
          const notice = { entity, ids: rows.map((i) => ids[i]!), sequence, isErasure };
          tell(subject.featuresChanged(entity), encode(featuresNotice(notice)));
        },
      });
    }
  }

  async #toJoiners(
    split: RowSplit,
    messageOf: (rows: readonly number[]) => unknown,
  ): Promise<void> {
    const { partitions, subject, append } = this.#ports;
    const sends = [...split.entries()].filter(([, rows]) => rows.length > 0 || partitions === 1);
    await Promise.all(
      sends.map(([partition, rows]) =>
        this.#fitting(rows, {
          encoded: (some) => encode(messageOf(some)),
          send: async (bytes) => void (await append(subject.join(partition), bytes)),
        }),
      ),
    );
  }

  #fitting(rows: Iterable<number>, message: FittingMessage): Promise<void> {
    const { payloadBytesMax } = this.#ports;
    return sendFitting([...rows], { payloadBytesMax, ...message });
  }
}

type FittingMessage = Omit<Parameters<typeof sendFitting<number>>[1], 'payloadBytesMax'>;

function isAll(rows: readonly number[], { items }: { readonly items: readonly string[] }): boolean {
  return rows.length === items.length;
}
