import type { EncodedEntity, Transform } from '../../core/features/transform.js';
import { codeOf, errorCodes } from '../../core/base/errors.js';
import { decode } from '../../messages/codec.js';
import {
  featuresRequest,
  parseFeatureChange,
  parseFeaturesReply,
} from '../../messages/features.js';
import type { Entity } from '../../messages/subjects.js';
import type { Bus, Stoppable } from '../../runtime/bus.js';
import { call } from '../../runtime/idempotent-call.js';
import type { Deadline } from '../../runtime/deadline.js';
import type { Hedges } from './replica-hedges.js';

/** Of the time of whoever waits for scores, and at most. Too low: a busy store counts as gone. */
const servedShare = 1 / 3;
const servedMsMax = 250;

export interface FoundFeatures {
  readonly users: EncodedEntity[];
  readonly items: EncodedEntity[];
  /** Of some entities older features are used, or the id alone. */
  readonly degraded: boolean;
}

/** Of who rather does with older features than wait beyond his time, and asks elsewhere too. */
export interface Hurry {
  readonly hedges: Hedges;
  readonly deadline: Deadline;
}

interface Entry {
  readonly encoded: EncodedEntity;
  readonly fetchedAtMs: number;
}

/** An entry older than this is fetched again, in case a change notice was lost. */
const ageMsMax = 60_000;

/**
 * Encoded features of users and items, kept until they change. The store's stream is heard as plain notices, so a
 * change reaches every cache at once; the age limit makes good for a notice that was lost. An entity that nobody told
 * us about still has its id.
 */
export class FeatureSource {
  readonly #bus: Bus;
  readonly #transform: Transform;
  readonly #entriesMax: number;
  readonly #entries: Record<Entity, Map<string, Entry>> = { user: new Map(), item: new Map() };
  #subscription: Stoppable | undefined;
  hits = 0;
  misses = 0;

  constructor(bus: Bus, transform: Transform, entriesMax = 200_000) {
    this.#bus = bus;
    this.#transform = transform;
    this.#entriesMax = entriesMax;
  }

  start(): void {
    this.#subscription = this.#bus.subscribe(this.#bus.names.pattern('features'), (bytes) =>
      this.#forget(bytes),
    );
  }

  async stop(): Promise<void> {
    await this.#subscription?.stop();
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
    const nowMs = Date.now();
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

  #missing(entity: Entity, ids: readonly string[], nowMs: number): string[] {
    const entries = this.#entries[entity];
    const missing = new Set<string>();
    for (const id of ids) {
      const entry = entries.get(id);
      if (!entry || nowMs - entry.fetchedAtMs > ageMsMax) missing.add(id);
    }
    return [...missing];
  }

  /** @returns false where nobody answered in time: then what was known before has to do, or the ids alone. */
  async #fetch(
    missing: { users: string[]; items: string[] },
    nowMs: number,
    hurry: Hurry | undefined,
  ): Promise<boolean> {
    const request = featuresRequest(missing);
    let reply: unknown;
    if (!hurry) {
      const options = { deadlineMs: 5_000, attemptMs: 1_000 };
      reply = await call(this.#bus, this.#bus.names.subject.featuresGet, request, options);
    } else {
      const deadlineMs = hurry.deadline.share(servedShare, servedMsMax);
      const options = { deadlineMs, retry: 'none' as const };
      try {
        reply = await hurry.hedges.call(
          this.#bus.names.subject.featuresGet,
          this.#bus.names.subject.featuresGetAt,
          request,
          options,
        );
      } catch (error) {
        if (!errorCodes[codeOf(error)].retryable) throw error;
        return false;
      }
    }
    const { users, items } = parseFeaturesReply(reply, missing);
    missing.users.forEach((id, i) => this.#keep('user', id, users[i] ?? {}, nowMs));
    missing.items.forEach((id, i) => this.#keep('item', id, items[i] ?? {}, nowMs));
    return true;
  }

  #keep(
    entity: Entity,
    id: string,
    raw: Readonly<Record<string, unknown>>,
    fetchedAtMs: number,
  ): void {
    const entries = this.#entries[entity];
    // The oldest insertion goes first: cheap, and good enough for a cache whose misses are cheap too.
    if (entries.size >= this.#entriesMax) entries.delete(entries.keys().next().value!);
    entries.set(id, { encoded: this.#transform.encodeEntity(entity, id, raw), fetchedAtMs });
  }

  /** An entry may have been forgotten between fetch and use; its id alone then stands for it. */
  #encoded(entity: Entity, id: string): EncodedEntity {
    return this.#entries[entity].get(id)?.encoded ?? this.#transform.encodeEntity(entity, id, {});
  }

  #forget(bytes: Uint8Array): void {
    try {
      const { entity, ids } = parseFeatureChange(decode(bytes));
      for (const id of ids) this.#entries[entity].delete(id);
    } catch {
      // The processor writes these; should one be unreadable, the age limit refreshes the entry anyway.
    }
  }
}
