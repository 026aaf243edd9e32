import { lanes } from './event-facts.js';
import type { EventsInWindow } from './events-in-window.js';
import { keyOf } from './kept-rows.js';
import type { OffersInWindow } from './offers-in-window.js';
import { OpenRow } from './open-rows.js';
import type { RowOutcomes } from './row-outcomes.js';
import type { MovedRow, SentContent } from './sent-contents.js';
import type { PersonInWindow } from './types.js';
import type { WindowParts } from './window-parts.js';

/** What else a window is made of. */
export interface PeopleNeighbours {
  readonly rows: RowOutcomes;
  readonly events: EventsInWindow;
  readonly offers: OffersInWindow;
}

type Erasure = Omit<Extract<SentContent, { kind: 'erase' }>, 'kind'>;
type Move = Extract<SentContent, { kind: 'moved' }>;

/** In one record: it must fit into a message. */
const movedRowsMax = 1_000;

/**
 * Of a window, who is who: visitors who become users and take along what is open of them, to the partition of the user; and people who
 * are to be forgotten, with all who became them.
 */
export class PeopleInWindow {
  readonly #parts: WindowParts;
  readonly #neighbours: PeopleNeighbours;

  constructor(parts: WindowParts, neighbours: PeopleNeighbours) {
    this.#parts = parts;
    this.#neighbours = neighbours;
  }

  /** See `observeAlias` of the window. */
  becomes(visitor: string, user: string, atMs: number, lane: number): void {
    const { options, identities, kept, held, out } = this.#parts;
    if (visitor === user) return;
    const owner = identities.ownerOf(visitor);
    // A file tells of what was, and not of what is.
    if (lane === lanes.import && identities.ownedSinceMs(visitor) > atMs) return;
    if (owner === user) return identities.own(visitor, user, atMs);
    if (identities.isForgotten(visitor, atMs)) return;
    identities.own(visitor, user, atMs);
    const to = options.homeOf(user);
    // Rows of which nothing came stay where they are: nobody but who names them asks for them.
    const leaving = [...kept.of(visitor)].sort(bySince);
    const rows = leaving.map((row) => this.#leave(row, to));
    for (let start = 0; start === 0 || start < rows.length; start += movedRowsMax)
      out.send(to, {
        ...{ kind: 'moved', visitor, user, atMs },
        rows: rows.slice(start, start + movedRowsMax),
      });
    for (const each of [...held.of(visitor)]) {
      held.release(each);
      // Followers have heard of it.
      this.#neighbours.events.pass(to, { ...each.event, person: user }, true);
    }
  }

  /** What has left the partition of a visitor. */
  arrive(move: Move): void {
    const { options, identities, moved, out, keepMs } = this.#parts;
    const { visitor, user, atMs, rows } = move;
    if (identities.isForgotten(user, atMs)) return this.#forgetMoved(move);
    const owner = identities.ownerOf(user);
    // A circle: who was merged into him counts for himself again, and he for who was merged last.
    if (owner === visitor) identities.disown(user);
    else if (owner !== undefined) {
      // He is somebody else himself by now.
      const to = options.homeOf(owner);
      for (const { requestId, item, state } of rows)
        moved.set(keyOf(requestId, item), to, state.lane, state.sinceMs + keepMs);
      return out.send(to, { ...move, user: owner });
    }
    this.#moveIn(visitor, user, rows);
  }

  /** See `observeErase` of the window. */
  erase({ person, atMs, isUp }: Erasure): void {
    const { identities, kept, held, out, books } = this.#parts;
    const { rows, offers } = this.#neighbours;
    // Said again it must not meet who came since.
    if (identities.isForgotten(person, atMs)) return;
    const owner = identities.ownerOf(person);
    const names = identities.visitorsOf(person);
    identities.forget(person, atMs);
    out.tell({ kind: 'erased', person });
    for (const row of [...kept.of(person)]) {
      row.reached = 0;
      if (row.open === 0) offers.closed(row);
      else rows.end(row, row.open, 'erased');
    }
    kept.erase(person);
    for (const each of [...held.of(person)]) {
      held.release(each);
      books.count('erasedActions', each.event);
    }
    if (isUp && owner !== undefined) this.#sendErase(owner, atMs, true);
    for (const name of names) this.#sendErase(name, atMs, false);
  }

  /** What there is of somebody, under this name. */
  about(person: string): PersonInWindow {
    const { identities, kept, held } = this.#parts;
    const untilMs = identities.forgottenUntilMs(person);
    return {
      owner: identities.ownerOf(person) ?? null,
      names: identities.visitorsOf(person),
      forgottenUntilMs: untilMs === -Infinity ? null : untilMs,
      rows: [...kept.of(person)].map(({ requestId, item, sinceMs: atMs, open }) => {
        return { requestId, item, atMs, isOpen: open !== 0 };
      }),
      events: held.of(person).map(({ event }) => {
        const { id, type, item, requestId, atMs, order } = event;
        return { id, type, item, requestId, atMs, order };
      }),
    };
  }

  #leave(row: OpenRow, to: number): MovedRow {
    const { books, kept, moved, keepMs } = this.#parts;
    const { requestId, item, lane, sinceMs, isShown, open, reached, told, values } = row;
    const state = { lane, sinceMs, isShown, open, reached, told, values };
    const packed = open === 0 ? undefined : kept.packed(row);
    books.outcomes.forEach((counts, i) => {
      if (!(open & (1 << i))) return;
      counts.open--;
      counts.passed++;
    });
    kept.drop(row);
    moved.set(row.key, to, lane, sinceMs + keepMs);
    return { requestId, item, state, packed };
  }

  #moveIn(visitor: string, user: string, rows: readonly MovedRow[]): void {
    const { identities, books, moved, contents, out } = this.#parts;
    identities.visit(user, visitor);
    out.tell({ kind: 'merged', user, visitor });
    for (const { requestId, item, state, packed } of rows) {
      const identity = { key: keyOf(requestId, item), requestId, item };
      const source = packed && contents.unpack(packed);
      const row = new OpenRow(identity, { ...state, person: user }, source, 0);
      books.outcomes.forEach((counts, i) => {
        if (!(row.open & (1 << i))) return;
        counts.open++;
        counts.passedIn++;
      });
      moved.delete(row.key, row.lane);
      this.#neighbours.offers.admit(row);
    }
  }

  /** Who became him before he was to be forgotten is forgotten with him. */
  #forgetMoved({ visitor, user, rows }: Move): void {
    const { identities, books, closed, moved, keepMs } = this.#parts;
    for (const { requestId, item, state } of rows) {
      const { lane, sinceMs, open } = state;
      const key = keyOf(requestId, item);
      books.outcomes.forEach((counts, i) => {
        if (!(open & (1 << i))) return;
        counts.passedIn++;
        counts.erased++;
      });
      moved.delete(key, lane);
      closed.set(key, 0, lane, sinceMs + keepMs);
    }
    this.#sendErase(visitor, identities.forgottenUntilMs(user), false);
  }

  /** Events of anybody wait where the request is sought that they name. */
  #sendErase(person: string, atMs: number, isUp: boolean): void {
    for (let to = 0; to < this.#parts.options.partitions; to++)
      this.#parts.out.send(to, { kind: 'erase', person, atMs, isUp });
  }
}

function bySince(a: OpenRow, b: OpenRow): number {
  return a.sinceMs - b.sinceMs || (a.key < b.key ? -1 : 1);
}
