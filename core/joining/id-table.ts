/**
 * Small numbers, ids, by a hash of what they stand for, for tens of millions of them: four bytes a place. What an id stands for is its
 * owner's to know, who says its hash where the table is made anew. There are many small tables, so that no pause for that is long.
 */
const partCount = 256;
const partBits = 8;
const placesMin = 16;
const free = 0;
const gone = 0xffff_ffff;

interface Part {
  /** Ids; `free` and `gone` are none. */
  places: Uint32Array;
  /** Places that are not free. */
  used: number;
}

export class IdTable {
  readonly #hashOf: (id: number) => number;
  readonly #parts: Part[];

  /** @param hashOf u32, of an id that is there. */
  constructor(hashOf: (id: number) => number) {
    this.#hashOf = hashOf;
    this.#parts = Array.from({ length: partCount }, () => ({
      places: new Uint32Array(placesMin),
      used: 0,
    }));
  }

  /**
   * Asks of those that may be of this hash; of others, too, since only a part of it decides on the place.
   * @returns the first that is wanted; 0: none is.
   */
  find(hash: number, isWanted: (id: number) => boolean): number {
    const { places } = this.#parts[hash >>> (32 - partBits)]!;
    const mask = places.length - 1;
    for (let at = hash & mask; places[at] !== free; at = (at + 1) & mask) {
      const id = places[at]!;
      if (id !== gone && isWanted(id)) return id;
    }
    return 0;
  }

  /** @param id from 1 on, and not there. */
  add(hash: number, id: number): void {
    const part = this.#parts[hash >>> (32 - partBits)]!;
    if (4 * (part.used + 1) > 3 * part.places.length) this.#makeRoom(part);
    put(part, hash, id);
  }

  /** @param next takes its place; 0: nothing does. */
  replace(hash: number, id: number, next: number): void {
    const { places } = this.#parts[hash >>> (32 - partBits)]!;
    const mask = places.length - 1;
    let at = hash & mask;
    while (places[at] !== id) at = (at + 1) & mask;
    places[at] = next === 0 ? gone : next;
  }

  /** Without what is gone, and larger where what is left needs it. */
  #makeRoom(part: Part): void {
    const kept = part.places.filter((id) => id !== free && id !== gone);
    let places = placesMin;
    while (places * 3 < kept.length * 6) places *= 2;
    part.places = new Uint32Array(places);
    part.used = 0;
    for (const id of kept) put(part, this.#hashOf(id), id);
  }
}

function put(part: Part, hash: number, id: number): void {
  const { places } = part;
  const mask = places.length - 1;
  let at = hash & mask;
  while (places[at] !== free) at = (at + 1) & mask;
  places[at] = id;
  part.used++;
}
