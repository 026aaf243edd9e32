import { wordsOf } from '../base/fingerprints.js';

/**
 * A map from texts to small numbers, each known until an event time of its lane, for tens of millions of them: a key is a fingerprint of
 * 96 bits. Two of n keys share one with odds of about n² / 2^97: one in forty trillion for sixty million; that would take one event for
 * a copy of another. It follows from the keys alone, so whoever makes the map anew has the same.
 *
 *   words  3 u32  | until  f64  | value  i32  | state  u8: 0 free, 1 gone, 2 + lane
 *
 * 25 bytes a place, 34 to 67 a key with the room of the table; a Map with strings took 150. What is over is not looked for: whoever asks
 * finds that it is, and its place is free for others when the table around it is made anew. There are many small tables, so that
 * none of these pauses is long.
 */
const tableCount = 256;
const tableBits = 8;
const placesMin = 16;
const free = 0;
const gone = 1;
const held = 2;

class Table {
  words = new Uint32Array(0);
  untils = new Float64Array(0);
  values = new Int32Array(0);
  states = new Uint8Array(0);
  /** Places that are not free. */
  used = 0;

  constructor() {
    this.empty(placesMin);
  }

  empty(places: number): void {
    this.words = new Uint32Array(3 * places);
    this.untils = new Float64Array(places);
    this.values = new Int32Array(places);
    this.states = new Uint8Array(places);
    this.used = 0;
  }

  /** Where it is, or −1. */
  find(a: number, b: number, c: number): number {
    const { words, states } = this;
    const mask = states.length - 1;
    for (let at = b & mask; states[at] !== free; at = (at + 1) & mask) {
      const word = 3 * at;
      if (words[word] !== a || words[word + 1] !== b || words[word + 2] !== c) continue;
      return states[at]! >= held ? at : -1;
    }
    return -1;
  }

  /** There is room, and it is not there; a place of its own that is gone is taken again. */
  add(a: number, b: number, c: number): number {
    const { words, states } = this;
    const mask = states.length - 1;
    let at = b & mask;
    for (; states[at] !== free; at = (at + 1) & mask) {
      const word = 3 * at;
      if (words[word] === a && words[word + 1] === b && words[word + 2] === c) return at;
    }
    words.set([a, b, c], 3 * at);
    this.used++;
    return at;
  }
}

/** What a key stands for, and until when it does. */
export interface KnownKey {
  readonly value: number;
  readonly untilMs: number;
}

export class CompactKeys {
  readonly #bucketMs: number;
  /** Made when something comes into it. */
  readonly #tables: (Table | undefined)[] = new Array<undefined>(tableCount).fill(undefined);
  /** By lane. */
  readonly #watermarksMs: number[];
  /** Told when they were over already: known until the next look at their lane. */
  readonly #late = new Map<string, KnownKey & { readonly lane: number }>();

  /** @param bucketMs times end on multiples of it. */
  constructor(bucketMs: number, lanes: number) {
    this.#bucketMs = bucketMs;
    this.#watermarksMs = Array.from({ length: lanes }, () => -Infinity);
  }

  get(key: string): number | undefined {
    const late = this.#late.size > 0 ? this.#late.get(key) : undefined;
    if (late) return late.value;
    const table = this.#tables[tableOf(key)];
    const at = table ? table.find(word0, word1, word2) : -1;
    return !table || at < 0 || this.#isOver(table, at) ? undefined : table.values[at];
  }

  /** With until when it is known; where it is not, as mostly, nothing is made. */
  entryOf(key: string): KnownKey | undefined {
    const late = this.#late.size > 0 ? this.#late.get(key) : undefined;
    if (late) return late;
    const table = this.#tables[tableOf(key)];
    const at = table ? table.find(word0, word1, word2) : -1;
    if (!table || at < 0 || this.#isOver(table, at)) return undefined;
    return { value: table.values[at]!, untilMs: table.untils[at]! };
  }

  /** @param untilMs whole milliseconds; from the end of the bucket behind it on the key is not known. */
  set(key: string, value: number, lane: number, untilMs: number): void {
    if (this.isPast(lane, untilMs)) {
      this.delete(key);
      this.#late.set(key, { value, lane, untilMs });
      return;
    }
    this.#late.delete(key);
    const table = (this.#tables[tableOf(key)] ??= new Table());
    let at = table.find(word0, word1, word2);
    if (at < 0) {
      if (4 * (table.used + 1) > 3 * table.states.length) this.#makeRoom(table);
      at = table.add(word0, word1, word2);
    }
    table.states[at] = held + lane;
    table.untils[at] = untilMs;
    table.values[at] = value;
  }

  /** @returns whether it was known. */
  delete(key: string): boolean {
    if (this.#late.delete(key)) return true;
    const table = this.#tables[tableOf(key)];
    const at = table ? table.find(word0, word1, word2) : -1;
    if (!table || at < 0) return false;
    const wasKnown = !this.#isOver(table, at);
    table.states[at] = gone;
    return wasKnown;
  }

  forget(lane: number, watermarkMs: number): void {
    this.#watermarksMs[lane] = Math.max(this.#watermarksMs[lane]!, watermarkMs);
    if (this.#late.size === 0) return;
    for (const [key, late] of this.#late) if (late.lane === lane) this.#late.delete(key);
  }

  /** Whether what is known until then is so no more. */
  isPast(lane: number, untilMs: number): boolean {
    // Times are whole: the first one behind.
    return Math.ceil((untilMs + 1) / this.#bucketMs) * this.#bucketMs <= this.#watermarksMs[lane]!;
  }

  #isOver({ untils, states }: Table, at: number): boolean {
    return this.isPast(states[at]! - held, untils[at]!);
  }

  /** Without what is over, and larger where what is left needs it. */
  #makeRoom(table: Table): void {
    const { words, untils, values, states } = table;
    const kept: number[] = [];
    for (let at = 0; at < states.length; at++)
      if (states[at]! >= held && !this.#isOver(table, at)) kept.push(at);
    let places = placesMin;
    while (places * 3 < kept.length * 8) places *= 2;
    table.empty(places);
    for (const from of kept) {
      const at = table.add(words[3 * from]!, words[3 * from + 1]!, words[3 * from + 2]!);
      table.states[at] = states[from]!;
      table.untils[at] = untils[from]!;
      table.values[at] = values[from]!;
    }
  }
}

/** Of the key that was asked for last: one is asked for in several maps, one after the other. */
let lastKey = '';
let [word0, word1, word2] = wordsOf('');

/** Its words are in `word0` to `word2` then. */
function tableOf(key: string): number {
  if (key !== lastKey) {
    lastKey = key;
    [word0, word1, word2] = wordsOf(key);
  }
  return word0 >>> (32 - tableBits);
}
