import type { OpenRow } from './open-rows.js';

/** Rows of which something may be said, by what they are and by whose they are. */
export class RowIndex {
  readonly #byKey = new Map<string, OpenRow>();
  /** Most people have few, and some have one. */
  readonly #byPerson = new Map<string, Set<OpenRow>>();

  get(key: string): OpenRow | undefined {
    return this.#byKey.get(key);
  }

  of(person: string): Iterable<OpenRow> {
    return this.#byPerson.get(person) ?? [];
  }

  add(row: OpenRow): void {
    this.#byKey.set(row.key, row);
    const rows = this.#byPerson.get(row.person);
    if (rows) rows.add(row);
    else this.#byPerson.set(row.person, new Set([row]));
  }

  delete(row: OpenRow): void {
    this.#byKey.delete(row.key);
    const rows = this.#byPerson.get(row.person);
    rows?.delete(row);
    if (rows?.size === 0) this.#byPerson.delete(row.person);
  }
}
