import type { KeptFeatures } from '../../core/features/kept-features.js';
import type { EncodedEntity, Transform } from '../../core/features/transform.js';
import { codeOf, errorCodes } from '../../core/base/errors.js';
import { decode } from '../../messages/codec.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import { parseActivityNotice } from '../../messages/activity.js';
import type { ChangeNotice } from '../../messages/features.js';
import {
  featuresRequest,
  parseFeaturesNotice,
  parseFeaturesReply,
} from '../../messages/features.js';
import type { Entity } from '../../messages/subjects.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { call } from '../../runtime/idempotent-call.js';
import type { Deadline } from '../../runtime/deadline.js';
import { NoticedCache } from './noticed-cache.js';
import type { Hedges } from './replica-hedges.js';

export type SourceBus = Pick<Bus, 'names' | 'clock' | 'random' | 'request' | 'subscribe'>;

/** Of the time of whoever waits for scores, and at most. Too low: a busy store counts as gone. */
const servedShare = 1 / 3;
const servedMsMax = 250;

export interface FoundFeatures {
  readonly users: EncodedEntity[];
  readonly items: EncodedEntity[];
  /** Of some entities older features are used, or the id alone. */
  readonly degraded: boolean;
}

interface Ids {
  readonly users: readonly string[];
  readonly items: readonly string[];
}

/** Of who rather does with older features than wait beyond his time, and asks elsewhere too. */
export interface Hurry {
  readonly hedges: Pick<Hedges, 'call'>;
  readonly deadline: Pick<Deadline, 'share'>;
}

/** An entry older than this is fetched again, in case a change notice was lost. */
const ageMsMax = 60_000;
const noticesMax = 50_000;

/**
 * Encoded features of users and items, kept until they change. Who writes a change says so with its place in the log, and
 * a reply of a store that has not come as far is used and not kept (noticed-cache.ts). An entity that nobody told us about
 * still has its id.
 */
export class FeatureSource {
  readonly #bus: SourceBus;
  readonly #transform: Pick<Transform, 'encodeEntity'>;
  readonly #caches: Readonly<Record<Entity, NoticedCache<EncodedEntity>>>;
  readonly #dataCenter: string;
  /** Those that nobody has told anything of. */
  readonly #strangers = new WeakSet<EncodedEntity>();
  #subscriptions: Stoppable[] = [];
  hits = 0;
  misses = 0;

  /** @param dataCenter whose stores tell of what they keep. */
  constructor(
    bus: SourceBus,
    transform: Pick<Transform, 'encodeEntity'>,
    dataCenter: string,
    entriesMax = 200_000,
  ) {
    this.#bus = bus;
    this.#transform = transform;
    this.#dataCenter = dataCenter;
    const cache = () =>
      new NoticedCache<EncodedEntity>({
        ...{ entriesMax, ageMsMax, noticesMax },
        ...{ logs: 3, exactLogs: 2 },
      });
    this.#caches = { user: cache(), item: cache() };
  }

  start(): void {
    const { names } = this.#bus;
    const kept = names.pattern('keptChanged', { dc: this.#dataCenter });
    this.#subscriptions = [
      this.#bus.subscribe(names.pattern('featuresChanged'), (bytes) =>
        this.#notice(() => {
          const notice = parseFeaturesNotice(decode(bytes));
          this.#hear(notice, logs.features, notice.sequence);
        }),
      ),
      this.#bus.subscribe(kept, (bytes) =>
        this.#notice(() => {
          const notice = parseActivityNotice(decode(bytes));
          this.#hear(notice, logs.activity, notice.sequence);
          if (notice.own > 0) this.#hear(notice, logs.own, notice.own);
        }),
      ),
    ];
  }

  async stop(): Promise<void> {
    await Promise.all(this.#subscriptions.map((each) => each.stop()));
  }

  /**
   * Encoded entities in the order asked for; repeated ids cost nothing.
   *
   * @param hurry absent for who needs the newest features, and can wait for them.
   */
  async get(
    users: readonly string[],
    items: readonly string[],
    hurry?: Hurry,
  ): Promise<FoundFeatures> {
    const nowMs = this.#bus.clock.nowMs();
    const missing = {
      users: this.#missing('user', users, nowMs),
      items: this.#missing('item', items, nowMs),
    };
    this.hits += users.length + items.length - missing.users.length - missing.items.length;
    this.misses += missing.users.length + missing.items.length;
    let degraded = false;
    if (missing.users.length > 0 || missing.items.length > 0)
      degraded = !(await this.#fetch(missing, nowMs, hurry));
    return {
      degraded,
      users: users.map((id) => this.#encoded('user', id)),
      items: items.map((id) => this.#encoded('item', id)),
    };
  }

  /** Of one that was got a moment ago: whether nobody has told anything of it. */
  isStranger(entity: Entity, id: string): boolean {
    const known = this.#caches[entity].newest(id);
    return known !== undefined && this.#strangers.has(known);
  }

  #missing(entity: Entity, ids: readonly string[], nowMs: number): string[] {
    const cache = this.#caches[entity];
    return [...new Set(ids)].filter((id) => !cache.isCurrent(id, nowMs));
  }

  /** @returns false where nobody answered in time: then what was known before has to do, or the ids alone. */
  async #fetch(missing: Ids, nowMs: number, hurry: Hurry | undefined): Promise<boolean> {
    let reply: unknown;
    try {
      reply = await this.#ask(featuresRequest(missing), hurry);
    } catch (error) {
      const halves = halvesOf(missing);
      if (codeOf(error) !== 'PAYLOAD_TOO_LARGE' || !halves) throw error;
      // Only who answers knows how much is stored of each.
      const found = await Promise.all(halves.map((some) => this.#fetch(some, nowMs, hurry)));
      return found.every(Boolean);
    }
    if (reply === undefined) return false;
    const { users, items, sequence, kept } = parseFeaturesReply(reply, missing);
    const sequences = [sequence, kept.sequence, kept.own];
    const keep = (entity: Entity, id: string, known: Known): void => {
      const encoded = this.#transform.encodeEntity(entity, id, known.told ?? {}, known.kept);
      if (known.told === null) this.#strangers.add(encoded);
      this.#caches[entity].keep(id, encoded, sequences, nowMs);
    };
    missing.users.forEach((id, i) => keep('user', id, { told: users[i], kept: kept.users[i] }));
    missing.items.forEach((id, i) => keep('item', id, { told: items[i], kept: kept.items[i] }));
    return true;
  }

  /** @returns undefined where nobody answered who is in a hurry. */
  async #ask(request: unknown, hurry: Hurry | undefined): Promise<unknown> {
    const { featuresGet, featuresGetAt } = this.#bus.names.subject;
    if (!hurry) {
      const options = { deadlineMs: 5_000, attemptMs: 1_000 };
      return call(this.#bus, featuresGet, request, options);
    }
    const deadlineMs = hurry.deadline.share(servedShare, servedMsMax);
    const options = { deadlineMs, retry: 'none' as const };
    try {
      return await hurry.hedges.call(featuresGet, featuresGetAt, request, options);
    } catch (error) {
      if (!errorCodes[codeOf(error)].retryable) throw error;
      return undefined;
    }
  }

  /** An entry may have been dropped between fetch and use; its id alone then stands for it. */
  #encoded(entity: Entity, id: string): EncodedEntity {
    return this.#caches[entity].newest(id) ?? this.#transform.encodeEntity(entity, id, {});
  }

  #hear({ entity, ids }: ChangeNotice, log: number, sequence: number): void {
    for (const id of ids) this.#caches[entity].notice(id, sequence, log);
  }

  #notice(read: () => void): void {
    try {
      read();
    } catch {
      // Processors and stores write these; should one be unreadable, the age limit refreshes the entry anyway.
    }
  }
}

/** What entries come of, by their place among its sequences. */
const logs = { features: 0, activity: 1, own: 2 } as const;

interface Known {
  readonly told: RawFeatures | null | undefined;
  readonly kept: KeptFeatures | undefined;
}

/** Undefined where there is one id, or none. */
function halvesOf({ users, items }: Ids): [Ids, Ids] | undefined {
  if (users.length + items.length < 2) return undefined;
  const [u, i] = [Math.ceil(users.length / 2), items.length >> 1];
  return [
    { users: users.slice(0, u), items: items.slice(0, i) },
    { users: users.slice(u), items: items.slice(i) },
  ];
}
