import type { OpenRow } from './open-rows.js';

/** Rows of which something may be said, by what they are and by whose they are. */
export class RowIndex {
  readonly #byKey = new Map<string, OpenRow>();
  /** Many people have one at a time, and a set of one costs more than all else that is done with a row. */
  readonly #byPerson = new Map<string, OpenRow | Set<OpenRow>>();

  get(key: string): OpenRow | undefined {
    return this.#byKey.get(key);
  }

  of(person: string): Iterable<OpenRow> {
    const rows = this.#byPerson.get(person);
    if (rows === undefined) return [];
    return rows instanceof Set ? rows : [rows];
  }

  add(row: OpenRow): void {
    this.#byKey.set(row.key, row);
    const rows = this.#byPerson.get(row.person);
    if (rows === undefined) this.#byPerson.set(row.person, row);
    else if (rows instanceof Set) rows.add(row);
    else this.#byPerson.set(row.person, new Set([rows, row]));
  }

  delete(row: OpenRow): void {
    if (this.#byKey.get(row.key) === row) this.#byKey.delete(row.key);
    const rows = this.#byPerson.get(row.person);
    if (rows instanceof Set) {
      rows.delete(row);
      if (rows.size === 0) this.#byPerson.delete(row.person);
    } else if (rows === row) this.#byPerson.delete(row.person);
  }
}
