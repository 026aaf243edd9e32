import type { Clock } from '../../core/base/clock.js';
import type { Entity } from '../../messages/subjects.js';
import { inTime } from '../../runtime/time-limit.js';

export interface Ids {
  readonly users: readonly string[];
  readonly items: readonly string[];
}

export interface FeatureFetchesOptions {
  readonly clock: Pick<Clock, 'nowMs' | 'after'>;
  /** Keeps what it gets. @returns false where nobody answered in time. */
  readonly fetch: (ids: Ids) => Promise<boolean>;
  /** Of a fetch; one that has not ended by then is given up. */
  readonly msMax: number;
}

/** Ids of a request to a store. Too many: all of them come too late for whoever asked, where some would have come. */
const idsMax = 256;
/**
 * Ids on their way at once, and not pieces: of a hundred requests each has a piece for its user alone. Too few: a cold cache takes long to fill. Too
 * many: a busy store has a queue that nobody waits for any more.
 */
const comingMax = 16 * idsMax;
/** Between two fetches behind. Too short: each request makes one. Too long: what is used is so much older. */
const behindMs = 50;

/**
 * Features that are on their way. Of thousands of items that nobody has asked for yet, some come too late: whoever asks next has
 * them. Were they fetched for each request anew, and thrown away where it is over, a busy store would never be done. So a fetch
 * belongs to nobody: it goes on when who began it does not wait any more, others join it, and it ends by a time of its own,
 * whatever becomes of the request that it is.
 */
export class FeatureFetches {
  readonly #options: FeatureFetchesOptions;
  readonly #coming: Readonly<Record<Entity, Map<string, Promise<boolean>>>> = {
    user: new Map(),
    item: new Map(),
  };
  readonly #behind: Readonly<Record<Entity, Set<string>>> = { user: new Set(), item: new Set() };
  #isBehindDue = false;
  /** Ids of pieces that have not ended. */
  #asked = 0;

  constructor(options: FeatureFetchesOptions) {
    this.#options = options;
  }

  /**
   * Waits for all of them, those that are on their way already included.
   *
   * @returns false where some have not come after `ms`; they may yet.
   * @throws StarlingError what a store says that no other would.
   */
  async get(missing: Ids, ms: number): Promise<boolean> {
    const coming = new Set<Promise<boolean>>();
    const fresh = {
      users: this.#others('user', missing.users, coming),
      items: this.#others('item', missing.items, coming),
    };
    for (const piece of piecesOf(fresh)) coming.add(this.#begin(piece));
    const all = await inTime(this.#options.clock, ms, Promise.all(coming));
    return all?.every(Boolean) ?? false;
  }

  /** Fetches them soon, for who does without them now. */
  refresh({ users, items }: Ids): void {
    for (const id of users) this.#behind.user.add(id);
    for (const id of items) this.#behind.item.add(id);
    if (this.#isBehindDue) return;
    this.#isBehindDue = true;
    this.#options.clock.after(behindMs, () => this.#fetchBehind());
  }

  /** It has changed: what is on its way may be without that. */
  changed(entity: Entity, id: string): void {
    this.#coming[entity].delete(id);
  }

  #fetchBehind(): void {
    this.#isBehindDue = false;
    const joined = new Set<Promise<boolean>>();
    const fresh = {
      users: this.#others('user', [...this.#behind.user], joined),
      items: this.#others('item', [...this.#behind.item], joined),
    };
    this.#behind.user.clear();
    this.#behind.item.clear();
    for (const piece of piecesOf(fresh)) void this.#begin(piece);
  }

  #others(entity: Entity, ids: readonly string[], coming: Set<Promise<boolean>>): string[] {
    const known = this.#coming[entity];
    return ids.filter((id) => {
      const fetching = known.get(id);
      if (fetching) coming.add(fetching);
      return !fetching;
    });
  }

  #begin(piece: Ids): Promise<boolean> {
    // Who comes next begins it.
    if (this.#asked >= comingMax) return Promise.resolve(false);
    const idCount = piece.users.length + piece.items.length;
    this.#asked += idCount;
    const { clock, fetch, msMax } = this.#options;
    const fetching = inTime(clock, msMax, fetch(piece))
      .then((isThere) => isThere ?? false)
      .finally(() => {
        this.#asked -= idCount;
        this.#end('user', piece.users, fetching);
        this.#end('item', piece.items, fetching);
      });
    // Whoever waits for it hears of it.
    fetching.catch(() => undefined);
    for (const id of piece.users) this.#coming.user.set(id, fetching);
    for (const id of piece.items) this.#coming.item.set(id, fetching);
    return fetching;
  }

  #end(entity: Entity, ids: readonly string[], fetching: Promise<boolean>): void {
    const coming = this.#coming[entity];
    for (const id of ids) if (coming.get(id) === fetching) coming.delete(id);
  }
}

/** Users first: there are few, and each counts for all items. */
function* piecesOf({ users, items }: Ids): Generator<Ids> {
  for (let start = 0; start < users.length + items.length; start += idsMax) {
    const rest = Math.max(0, start - users.length);
    const some = users.slice(start, start + idsMax);
    yield { users: some, items: items.slice(rest, rest + idsMax - some.length) };
  }
}
