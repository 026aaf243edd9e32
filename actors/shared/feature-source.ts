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
import { FeatureFetches, type Ids } from './feature-fetches.js';
import { NoticedCache } from './noticed-cache.js';
import type { Hedges } from './replica-hedges.js';

export type SourceBus = Pick<Bus, 'names' | 'clock' | 'random' | 'request' | 'subscribe'>;

/** Of the time of whoever waits for scores, and at most. Too low: a busy store counts as gone. */
const servedShare = 1 / 3;
const servedMsMax = 250;
/** What is fetched is kept also where nobody waits for it any more. Too low: a busy store answers for nothing. */
const fetchMsMax = 2_000;

export interface FoundFeatures {
  readonly users: EncodedEntity[];
  readonly items: EncodedEntity[];
  /** Of some entities older features are used, or the id alone. */
  readonly degraded: boolean;
}

/** Of who rather does with older features than wait beyond his time, and asks elsewhere too. */
export interface Hurry {
  readonly hedges: Pick<Hedges, 'call'>;
  readonly deadline: Pick<Deadline, 'share'>;
  /**
   * So long after a change of an item was told of, its features of before are used, and fetched behind. With many items there is
   * always one that has just been shown, and who waited for each would always wait. Default: not at all. Users are waited for.
   */
  readonly lackMsMax?: number;
}

/** Those that hurry, by whom they ask: each by ways of its own. */
type Asking = Hurry['hedges'];

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
  readonly #fetches = new Map<Asking, FeatureFetches>();
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
    const lackMsMax = hurry?.lackMsMax ?? 0;
    const ofUsers = this.#standings('user', users, nowMs, 0);
    const ofItems = this.#standings('item', items, nowMs, lackMsMax);
    const missing = { users: ofUsers.missing, items: ofItems.missing };
    const missingCount = missing.users.length + missing.items.length;
    this.hits += users.length + items.length - missingCount;
    this.misses += missingCount;
    if (hurry && ofItems.old.length > 0)
      this.#fetchesBy(hurry.hedges).refresh({ users: [], items: ofItems.old });
    let degraded = false;
    if (missingCount > 0) degraded = !(await this.#fetched(missing, nowMs, hurry));
    return {
      degraded,
      users: this.#encodedOf('user', users),
      items: this.#encodedOf('item', items),
    };
  }

  /** Of one that was got a moment ago: whether nobody has told anything of it. */
  isStranger(entity: Entity, id: string): boolean {
    const known = this.#caches[entity].newest(id);
    return known !== undefined && this.#strangers.has(known);
  }

  #standings(entity: Entity, ids: readonly string[], nowMs: number, lackMsMax: number) {
    const cache = this.#caches[entity];
    const missing: string[] = [];
    const old: string[] = [];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (i > 0 && id === ids[i - 1]) continue;
      const standing = cache.standing(id, nowMs, lackMsMax);
      if (standing === 'fetch') missing.push(id);
      else if (standing === 'refresh') old.push(id);
    }
    return { missing: missing.length > 1 ? [...new Set(missing)] : missing, old };
  }

  /** @returns whether all that is missing has come. */
  #fetched(missing: Ids, nowMs: number, hurry: Hurry | undefined): Promise<boolean> {
    if (!hurry) return this.#fetch(missing, nowMs, undefined);
    const waitMs = hurry.deadline.share(servedShare, servedMsMax);
    return this.#fetchesBy(hurry.hedges).get(missing, waitMs);
  }

  #fetchesBy(hedges: Asking): FeatureFetches {
    const known = this.#fetches.get(hedges);
    if (known) return known;
    const { clock } = this.#bus;
    const fetch = (ids: Ids): Promise<boolean> => this.#fetch(ids, clock.nowMs(), hedges);
    // Those who ask have ended by then; what has not is lost.
    const fetches = new FeatureFetches({ clock, fetch, msMax: 2 * fetchMsMax });
    this.#fetches.set(hedges, fetches);
    return fetches;
  }

  /** @returns false where nobody answered in time: then what was known before has to do, or the ids alone. */
  async #fetch(missing: Ids, nowMs: number, hedges: Asking | undefined): Promise<boolean> {
    let reply: unknown;
    try {
      reply = await this.#ask(featuresRequest(missing), hedges);
    } catch (error) {
      const halves = halvesOf(missing);
      if (codeOf(error) !== 'PAYLOAD_TOO_LARGE' || !halves) throw error;
      // Only who answers knows how much is stored of each.
      const found = await Promise.all(halves.map((some) => this.#fetch(some, nowMs, hedges)));
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
  async #ask(request: unknown, hedges: Asking | undefined): Promise<unknown> {
    const { featuresGet, featuresGetAt } = this.#bus.names.subject;
    if (!hedges) {
      const options = { deadlineMs: 5_000, attemptMs: 1_000 };
      return call(this.#bus, featuresGet, request, options);
    }
    const options = { deadlineMs: fetchMsMax, retry: 'none' as const };
    try {
      return await hedges.call(featuresGet, featuresGetAt, request, options);
    } catch (error) {
      if (!errorCodes[codeOf(error)].retryable) throw error;
      return undefined;
    }
  }

  /** An entry may have been dropped between fetch and use; its id alone then stands for it. */
  #encodedOf(entity: Entity, ids: readonly string[]): EncodedEntity[] {
    const cache = this.#caches[entity];
    const encoded = new Array<EncodedEntity>(ids.length);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const isSame = i > 0 && id === ids[i - 1];
      encoded[i] = isSame
        ? encoded[i - 1]!
        : (cache.newest(id) ?? this.#transform.encodeEntity(entity, id, {}));
    }
    return encoded;
  }

  #hear({ entity, ids }: ChangeNotice, log: number, sequence: number): void {
    const nowMs = this.#bus.clock.nowMs();
    for (const id of ids) {
      this.#caches[entity].notice(id, sequence, log, nowMs);
      for (const fetches of this.#fetches.values()) fetches.changed(entity, id);
    }
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
