import type { RawFeatures } from '../../core/features/raw-features.js';
import { changedBy } from '../../core/features/entity-change.js';
import { featuresRequest, parseFeaturesReply } from '../../messages/features.js';
import type { Entity } from '../../messages/subjects.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';

/** Asked for at once. Too many: a store that also answers what people ask for stands still meanwhile. Too few: each costs a round trip. */
const idsMax = 128;
/** Questions on their way. Too few: stores wait for who asks. Too many: all of them are answered before what somebody else asks. */
const askingMax = 2;
/** Beyond it who has not done anything for the longest is asked for again. Items stay: histories look at them. */
const usersMaxDefault = 200_000;
const deadlineMs = 30_000;
const attemptMs = 2_000;

export interface Ids {
  readonly users: Iterable<string>;
  readonly items: Iterable<string>;
}

/** What is told of users and items, as the feature stores of training have it; read once, and changed by what the files say of a moment. */
export class ToldFeatures {
  readonly #bus: Pick<Bus, 'names' | 'request' | 'clock' | 'random'>;
  readonly #usersMax: number;
  /** Null: nothing is. */
  readonly #told = {
    user: new Map<string, RawFeatures | null>(),
    item: new Map<string, RawFeatures | null>(),
  };

  constructor(
    bus: Pick<Bus, 'names' | 'request' | 'clock' | 'random'>,
    usersMax = usersMaxDefault,
  ) {
    this.#bus = bus;
    this.#usersMax = usersMax;
  }

  get(entity: Entity, id: string): RawFeatures | undefined {
    return this.#told[entity].get(id) ?? undefined;
  }

  patch(entity: Entity, id: string, attributes: RawFeatures): void {
    const known = this.#told[entity].get(id) ?? {};
    this.#told[entity].set(id, changedBy(known, attributes, 'patch'));
  }

  /** Reads what is told of those that are met for the first time. */
  async read(ids: Ids): Promise<void> {
    if (this.#told.user.size > this.#usersMax) this.#told.user.clear();
    const missing = {
      user: this.#missing('user', ids.users),
      item: this.#missing('item', ids.items),
    };
    const pages = [...pagesOf('user', missing.user), ...pagesOf('item', missing.item)];
    const left = pages.values();
    const asking = async (): Promise<void> => {
      for (const [entity, page] of left) await this.#ask(entity, page);
    };
    await Promise.all(Array.from({ length: askingMax }, asking));
  }

  #missing(entity: Entity, ids: Iterable<string>): string[] {
    return [...new Set(ids)].filter((id) => id !== '' && !this.#told[entity].has(id));
  }

  async #ask(entity: Entity, ids: readonly string[]): Promise<void> {
    const request = { users: entity === 'user' ? ids : [], items: entity === 'item' ? ids : [] };
    const subject = this.#bus.names.subject.featuresGet;
    const reply = await call(this.#bus, subject, featuresRequest(request), {
      deadlineMs,
      attemptMs,
    });
    const { users, items } = parseFeaturesReply(reply, request);
    const found = entity === 'user' ? users : items;
    ids.forEach((id, i) => this.#told[entity].set(id, found[i] ?? null));
  }
}

function pagesOf(entity: Entity, ids: readonly string[]): (readonly [Entity, readonly string[]])[] {
  const pages: [Entity, string[]][] = [];
  for (let start = 0; start < ids.length; start += idsMax)
    pages.push([entity, ids.slice(start, start + idsMax)]);
  return pages;
}
