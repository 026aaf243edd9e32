import { hashString } from '../base/hash.js';

/** Any constant will do. */
const seed = 0x27d4eb2f;

/**
 * Of settled rows that are over, but that the store keeps in a record with some that are not: whose they are, by record. Who is to be forgotten
 * must not stay there for as long as his neighbours, and the window does not know these rows any more. Eight bytes or so a row, as
 * there may be as many as a window has clicks.
 */
export class OverRows {
  /** Hashes of people, by number of the record. */
  readonly #people = new Map<number, number[]>();
  #erased = new Map<number, Set<string>>();

  add(number: number, person: string): void {
    const hash = hashString(person, seed);
    const people = this.#people.get(number);
    if (people) people.push(hash);
    else this.#people.set(number, [hash]);
  }

  /** Who is erased, is so in all records that are there by now. */
  erase(person: string): void {
    const hash = hashString(person, seed);
    for (const [number, people] of this.#people)
      if (people.includes(hash))
        this.#erased.set(number, (this.#erased.get(number) ?? new Set<string>()).add(person));
  }

  /** The store has these records no more. */
  forget(numbers: readonly number[]): void {
    for (const number of numbers) this.#people.delete(number);
  }

  /** By record, those whose rows are to go from it; of some there are none, as a hash is not a name. */
  takeErased(): ReadonlyMap<number, ReadonlySet<string>> {
    const erased = this.#erased;
    this.#erased = new Map();
    return erased;
  }
}
