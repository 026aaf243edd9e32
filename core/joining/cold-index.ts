import { hashString } from '../base/hash.js';
import { wordsOf } from '../base/fingerprints.js';
import { IdTable } from './id-table.js';

/** Any constants will do. */
const personSeed = 0x9e3779b1;
const itemSeed = 0x85ebca6b;

const pageBits = 12;
const pageEntries = 1 << pageBits;
const pageMask = pageEntries - 1;

/** Of so many entries one column each; a page that is there is never copied. */
class Page {
  /** Of the record in the store; 0: the entry is free. */
  readonly numbers = new Float64Array(pageEntries);
  readonly keys0 = new Uint32Array(pageEntries);
  readonly keys1 = new Uint32Array(pageEntries);
  readonly people = new Uint32Array(pageEntries);
  readonly items = new Uint32Array(pageEntries);
  /** Other entries of people of the same hash; 0: none. */
  readonly next = new Uint32Array(pageEntries);
  readonly previous = new Uint32Array(pageEntries);
  /** When it is due: the number of the bucket, as much of it as there is room for. */
  readonly buckets = new Uint32Array(pageEntries);
  readonly lanes = new Uint8Array(pageEntries);
}

export interface ColdRow {
  readonly key: string;
  readonly person: string;
  readonly item: string;
  readonly lane: number;
  /** Of its record in the store; from 1 on. */
  readonly number: number;
}

/** Ids in the order they came. */
interface IdList {
  ids: Uint32Array;
  length: number;
}

/**
 * Where rows are that are on disk alone: by key, by person and item, and by when they are due. An entry is 37 bytes and some 20 in the tables about it,
 * whatever the ids of a shop look like; texts in maps took 421. It knows hashes: whoever asks reads the row, and sees whether it is
 * the one that was meant.
 */
export class ColdIndex {
  readonly #bucketMs: number;
  readonly #pages: Page[] = [];
  readonly #byKey = new IdTable((id) => this.#page(id).keys0[id & pageMask]!);
  /** The first of each list of people of one hash. */
  readonly #byPerson = new IdTable((id) => this.#page(id).people[id & pageMask]!);
  readonly #due: readonly Map<number, IdList>[];
  /** By lane, no bucket before it is there. */
  readonly #firstDue: number[];
  readonly #freed: number[] = [];
  #nextId = 1;
  #size = 0;

  /** @param bucketMs see due-buckets.ts. */
  constructor(bucketMs: number, lanes: number) {
    this.#bucketMs = bucketMs;
    this.#due = Array.from({ length: lanes }, () => new Map<number, IdList>());
    this.#firstDue = this.#due.map(() => Infinity);
  }

  get size(): number {
    return this.#size;
  }

  add({ key, person, item, lane, number }: ColdRow, dueMs: number): void {
    const id = this.#freed.pop() ?? this.#nextId++;
    if (id >>> pageBits === this.#pages.length) this.#pages.push(new Page());
    const page = this.#page(id);
    const at = id & pageMask;
    const [key0, key1] = wordsOf(key);
    const bucket = Math.ceil(dueMs / this.#bucketMs);
    page.numbers[at] = number;
    page.keys0[at] = key0;
    page.keys1[at] = key1;
    page.items[at] = hashString(item, itemSeed);
    page.buckets[at] = bucket;
    page.lanes[at] = lane;
    this.#byKey.add(key0, id);
    this.#link(page, at, id, hashString(person, personSeed) >>> 0);
    this.#schedule(lane, bucket, id);
    this.#size++;
  }

  /** Ids of rows that are likely to have this key. */
  withKey(key: string): number[] {
    if (this.#size === 0) return [];
    const [key0, key1] = wordsOf(key);
    const found: number[] = [];
    this.#byKey.find(key0, (id) => {
      const { keys0, keys1 } = this.#page(id);
      const at = id & pageMask;
      if (keys0[at] === key0 && keys1[at] === key1) found.push(id);
      return false;
    });
    return found;
  }

  /** Ids of rows that are likely to be of this person, and of this item if one is named. */
  of(person: string, item?: string): number[] {
    if (this.#size === 0) return [];
    const itemHash = item === undefined ? undefined : hashString(item, itemSeed) >>> 0;
    const found: number[] = [];
    let id = this.#firstOf(hashString(person, personSeed) >>> 0);
    while (id !== 0) {
      const { items, next } = this.#page(id);
      if (itemHash === undefined || items[id & pageMask] === itemHash) found.push(id);
      id = next[id & pageMask]!;
    }
    return found;
  }

  numberOf(id: number): number {
    return this.#page(id).numbers[id & pageMask]!;
  }

  /** Where it is due there remains a trace of it, which is known as such by then. */
  remove(id: number): void {
    const page = this.#page(id);
    const at = id & pageMask;
    this.#byKey.replace(page.keys0[at]!, id, 0);
    this.#unlink(page, at, id);
    page.numbers[at] = 0;
    this.#freed.push(id);
    this.#size--;
  }

  /** Ids of rows that are due; buckets that are further apart than there are numbers for are taken for one another. */
  dueIn(lane: number, watermarkMs: number): number[] {
    if (this.#firstDue[lane]! * this.#bucketMs > watermarkMs) return [];
    const due = this.#due[lane]!;
    const found = new Set<number>();
    let first = Infinity;
    for (const [bucket, { ids, length }] of due) {
      if (bucket * this.#bucketMs > watermarkMs) {
        first = Math.min(first, bucket);
        continue;
      }
      due.delete(bucket);
      for (let i = 0; i < length; i++) {
        const id = ids[i]!;
        const { numbers, buckets, lanes } = this.#page(id);
        const at = id & pageMask;
        // The place may be another row's by now.
        const isIt = numbers[at] !== 0 && buckets[at] === bucket >>> 0 && lanes[at] === lane;
        if (isIt) found.add(id);
      }
    }
    this.#firstDue[lane] = first;
    return [...found];
  }

  #page(id: number): Page {
    return this.#pages[id >>> pageBits]!;
  }

  #firstOf(hash: number): number {
    return this.#byPerson.find(hash, (id) => this.#page(id).people[id & pageMask] === hash);
  }

  #link(page: Page, at: number, id: number, hash: number): void {
    const first = this.#firstOf(hash);
    page.people[at] = hash;
    page.next[at] = first;
    page.previous[at] = 0;
    if (first === 0) this.#byPerson.add(hash, id);
    else {
      this.#page(first).previous[first & pageMask] = id;
      this.#byPerson.replace(hash, first, id);
    }
  }

  #unlink(page: Page, at: number, id: number): void {
    const next = page.next[at]!;
    const previous = page.previous[at]!;
    if (next !== 0) this.#page(next).previous[next & pageMask] = previous;
    if (previous !== 0) this.#page(previous).next[previous & pageMask] = next;
    else this.#byPerson.replace(page.people[at]!, id, next);
  }

  #schedule(lane: number, bucket: number, id: number): void {
    const due = this.#due[lane]!;
    let list = due.get(bucket);
    if (!list) due.set(bucket, (list = { ids: new Uint32Array(8), length: 0 }));
    if (list.length === list.ids.length) {
      const larger = new Uint32Array(Math.ceil(list.length * 1.5));
      larger.set(list.ids);
      list.ids = larger;
    }
    list.ids[list.length++] = id;
    if (bucket < this.#firstDue[lane]!) this.#firstDue[lane] = bucket;
  }
}
