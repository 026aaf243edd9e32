import type { PaperEvents } from './person-join-events.testkit.js';
import type { PaperOutcomes } from './person-join-outcomes.testkit.js';
import { isBefore, keyOf, type Paper } from './person-join-paper.testkit.js';
import type { Alias, Erase, Moved } from './person-join-records.testkit.js';

/** Of the join on paper, who is who: visitors who become users, accounts that are merged, and who is to be forgotten. */
export class PaperPeople {
  readonly #paper: Paper;
  readonly #outcomes: PaperOutcomes;
  readonly #events: PaperEvents;

  constructor(paper: Paper, outcomes: PaperOutcomes, events: PaperEvents) {
    this.#paper = paper;
    this.#outcomes = outcomes;
    this.#events = events;
  }

  /**
   * The visitor, or the user whose account is merged, is the user from now on: what he has open goes to where the user is, also if
   * that is here.
   */
  becomes({ lane, visitor, user, atMs }: Alias): void {
    const { rows, moved, held, owners, ownedSinceMs } = this.#paper.state;
    if (visitor === user) return;
    // A file tells of what was, and not of what is.
    if (lane === 'import' && owners.has(visitor) && ownedSinceMs.get(visitor)! > atMs) return;
    if (owners.get(visitor) === user) return void ownedSinceMs.set(visitor, atMs);
    if (this.#paper.isForgotten(visitor, atMs)) return;
    owners.set(visitor, user);
    ownedSinceMs.set(visitor, atMs);
    const to = this.#paper.options.homeOf(user);
    // Rows of which nothing came stay where they are: nobody but who names them asks for them.
    const leaving = [...rows]
      .filter(([, row]) => row.person === visitor && this.#outcomes.isTelling(row))
      .sort(([, a], [, b]) => a.sinceMs - b.sinceMs || (isBefore(a, b) ? -1 : 1));
    const going = leaving.map(([, row]) => structuredClone(row));
    for (const [key, row] of leaving) {
      for (const { name } of this.#paper.options.outcomes)
        if (row.fates[name] === 'open') this.#outcomes.end(row, name, 'moved');
      rows.delete(key);
      moved.set(key, { partition: to, lane: row.lane, untilMs: row.sinceMs + this.#paper.keepMs });
    }
    this.#paper.send(to, { kind: 'moved', visitor, user, atMs, rows: going });
    const waiting = held.filter((event) => event.person === visitor);
    this.#paper.state.held = held.filter((event) => event.person !== visitor);
    for (const event of waiting) this.#events.pass(to, { ...event, person: user }, true);
  }

  moveIn(from: Moved): void {
    const { visitor, user, rows: coming } = from;
    const { rows, visitors, owners, books } = this.#paper.state;
    if (this.#paper.isForgotten(user, from.atMs)) return this.#forgetMoved(from);
    const owner = owners.get(user);
    // A circle: who was merged into him counts for himself again, and he for who was merged last.
    if (owner === visitor) owners.delete(user);
    else if (owner !== undefined) return this.#moveOn(from, owner);
    visitors.set(user, (visitors.get(user) ?? new Set()).add(visitor));
    this.#paper.activity.push(`${user} was ${visitor}`);
    for (const row of coming) {
      const key = keyOf(row.requestId, row.item);
      for (const { name } of this.#paper.options.outcomes)
        if (row.fates[name] === 'open') books.outcomes[name]!.rowsIn++;
      // Our own request ids are made once.
      rows.set(key, { ...structuredClone(row), person: user });
      this.#paper.state.moved.delete(key);
      this.#events.retry(key);
    }
  }

  /** All that came before it, and all that comes later of a time before it; of everybody who was this person too. */
  erase({ person, atMs, isUp }: Erase): void {
    const { rows, held, owners, visitors, erased, books } = this.#paper.state;
    // Said again it must not meet who came since.
    if (this.#paper.isForgotten(person, atMs)) return;
    const owner = owners.get(person);
    const names = [...(visitors.get(person) ?? [])].sort();
    owners.delete(person);
    visitors.delete(person);
    erased.set(person, atMs);
    this.#paper.activity.push(`${person} is erased`);
    for (const row of rows.values()) if (row.person === person) this.#outcomes.eraseRow(row);
    books.eventsErased += held.filter((event) => event.person === person).length;
    this.#paper.state.held = held.filter((event) => event.person !== person);
    if (isUp && owner !== undefined) this.#sendErase(owner, atMs, true);
    for (const name of names) this.#sendErase(name, atMs, false);
  }

  /** Who became him before he was to be forgotten is forgotten with him. */
  #forgetMoved({ visitor, user, rows: coming }: Moved): void {
    const { rows, moved, erased, books } = this.#paper.state;
    for (const row of coming) {
      const key = keyOf(row.requestId, row.item);
      moved.delete(key);
      const its = structuredClone(row);
      rows.set(key, its);
      for (const outcome of this.#paper.options.outcomes) {
        if (row.fates[outcome.name] === 'open') books.outcomes[outcome.name]!.rowsIn++;
      }
      this.#outcomes.eraseRow(its);
    }
    const atMs = erased.get(user)!;
    this.#sendErase(visitor, atMs, false);
  }

  /** He is somebody else himself by now. */
  #moveOn(from: Moved, owner: string): void {
    const to = this.#paper.options.homeOf(owner);
    for (const row of from.rows)
      this.#paper.state.moved.set(keyOf(row.requestId, row.item), {
        ...{ partition: to, lane: row.lane, untilMs: row.sinceMs + this.#paper.keepMs },
      });
    this.#paper.send(to, { ...from, user: owner });
  }

  /** Events of anybody wait where the request is sought that they name. */
  #sendErase(person: string, atMs: number, isUp: boolean): void {
    for (let to = 0; to < this.#paper.options.partitions; to++)
      this.#paper.send(to, { kind: 'erase', person, atMs, isUp });
  }
}
