import { hashString } from '../base/hash.js';
import type { ChangeMode } from '../features/entity-change.js';
import type { RawFeatures } from '../features/raw-features.js';

/** What a row of a file would do to an item. */
export type RowOutcome = 'added' | 'changed' | 'unchanged';

/** Of an attribute: its name, and 64 bits of its value. */
const unit = 5;
const seeds = [0x51ab0e, 0x2f0c9d] as const;

/**
 * What is known of items, by hash: enough to tell whether a file says something new, and a tenth of the memory. Each item has a text
 * of five units of 16 bits for each attribute, as texts are what JavaScript holds most densely: one million items of
 * eight attributes take some 200 MB, with their ids.
 *
 *   | name | value, four units | name | …
 */
export class ItemPrints {
  readonly #prints = new Map<string, string>();
  readonly #names = new Map<string, string>();

  get size(): number {
    return this.#prints.size;
  }

  ids(): IterableIterator<string> {
    return this.#prints.keys();
  }

  has(id: string): boolean {
    return this.#prints.has(id);
  }

  /** Whether the item has a value of that name. */
  knows(id: string, name: string): boolean {
    const print = this.#prints.get(id);
    return print !== undefined && placeOf(print, this.#nameOf(name)) >= 0;
  }

  put(id: string, told: RawFeatures, mode: ChangeMode = 'replace'): void {
    const before = mode === 'patch' ? (this.#prints.get(id) ?? '') : '';
    this.#prints.set(id, this.#changed(before, told));
  }

  /** As `put` in mode `patch`; says what that did. */
  patch(id: string, told: RawFeatures): RowOutcome {
    const before = this.#prints.get(id);
    const after = this.#changed(before ?? '', told);
    if (after === before) return 'unchanged';
    this.#prints.set(id, after);
    return before === undefined ? 'added' : 'changed';
  }

  remove(id: string): void {
    this.#prints.delete(id);
  }

  clear(): void {
    this.#prints.clear();
  }

  /** Attributes stay where they stand, so that the same ones have the same print. */
  #changed(before: string, told: RawFeatures): string {
    let print = before;
    for (const [name, value] of Object.entries(told)) {
      const token = this.#nameOf(name);
      const at = placeOf(print, token);
      const isNothing = value === null || value === undefined;
      if (isNothing && at < 0) continue;
      const now = isNothing ? '' : token + hashOf(value);
      if (at < 0) print += now;
      else if (isNothing || !print.startsWith(now, at))
        print = print.slice(0, at) + now + print.slice(at + unit);
    }
    return print;
  }

  #nameOf(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    // Of more names than there are units some share one; an item has at most 500 of them.
    const token = String.fromCharCode(this.#names.size & 0xffff);
    this.#names.set(name, token);
    return token;
  }
}

function placeOf(print: string, token: string): number {
  for (let at = 0; at < print.length; at += unit) if (print[at] === token) return at;
  return -1;
}

function hashOf(value: unknown): string {
  const plain = ArrayBuffer.isView(value) ? [...(value as Float32Array)] : value;
  // 7 and "7" are not the same.
  const text = typeof plain === 'string' ? `"${plain}` : JSON.stringify(plain);
  const [a, b] = [hashString(text, seeds[0]), hashString(text, seeds[1])];
  return String.fromCharCode(a >>> 16, a & 0xffff, b >>> 16, b & 0xffff);
}
