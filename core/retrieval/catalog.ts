import type { AttributeTypes } from '../features/attributes.js';
import type { ChangeMode } from '../features/entity-change.js';
import type { RawFeatures } from '../features/raw-features.js';
import type { Fits } from './item-filter.js';
import { ItemRows, valueOf, type ItemRow } from './item-row.js';

export interface Wanted {
  readonly exclude: ReadonlySet<string>;
  /** Undefined: all do. */
  readonly fits: Fits | undefined;
  /** Since 1970: items are available from a time on, and until one. */
  readonly nowMs: number;
}

export interface CandidateLimits {
  readonly max: number;
  readonly popular: number;
  readonly recent: number;
  /** In [0, 1): where the walk over all others begins; drawn anew for each request, so that a large catalog gets its turn too. */
  readonly start: number;
}

export interface FoundCandidates {
  readonly items: string[];
  /** False: it was told to stop before all were looked at. */
  readonly isWhole: boolean;
}

/** Items looked at in one go: about a millisecond of expressions. Too few: time goes into turns. Too many: other requests wait. */
export const sliceMax = 2_048;

/** Of a place: whether its item may be offered. */
const states = { offered: 0, hidden: 1, absent: 2, gone: 4 } as const;

/** Places of items that are gone, before those that are left move together; and then only if they are the most. */
const goneMax = 1024;

/**
 * The items there are, with what filters look at, in the order in which they were first told of. No I/O. Who is only clicked is not
 * among them, and who is hidden, or not available at the time, is offered to nobody.
 *
 * An item keeps its place, an index into columns, so that picking candidates touches as many items as it needs and makes
 * little but the answer. (A copy of all keys per request took 7 ms with 50,000 items.)
 */
export class Catalog {
  readonly #places = new Map<string, number>();
  readonly #rowsOf: ItemRows;
  #ids: string[] = [];
  #rows: ItemRow[] = [];
  #states = new Uint8Array(1024);
  /** Milliseconds; NaN: no limit. Only where an item has one. */
  #spans = new Map<number, { readonly fromMs: number; readonly untilMs: number }>();
  /** How often places became others. */
  #moves = 0;
  #popularIds: readonly string[] = [];
  #popular: Uint32Array = new Uint32Array(0);

  /** @param types of the attributes that filters may look at. */
  constructor(types: AttributeTypes) {
    this.#rowsOf = new ItemRows(types);
  }

  get size(): number {
    return this.#places.size;
  }

  /** How often places became those of other items. */
  get moves(): number {
    return this.#moves;
  }

  placeOf(id: string): number | undefined {
    return this.#places.get(id);
  }

  /** Places, some of which may be of items that are gone. */
  get placeCount(): number {
    return this.#ids.length;
  }

  /** In the order in which they were first told of; undefined where it is gone. */
  idAt(place: number): string | undefined {
    return this.#states[place] === states.gone ? undefined : this.#ids[place];
  }

  put(id: string, told: RawFeatures, mode: ChangeMode = 'replace'): void {
    const known = this.#places.get(id);
    const place = known ?? this.#add(id);
    const before = known === undefined ? undefined : this.#rows[place];
    this.#rows[place] = this.#rowsOf.changed(before, told, mode);
    this.#offer(place, told, known === undefined ? 'replace' : mode);
  }

  remove(id: string): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#places.delete(id);
    this.#spans.delete(place);
    this.#states[place] = states.gone;
    this.#rows[place] = {};
    const gone = this.#ids.length - this.#places.size;
    if (gone > goneMax && gone > this.#places.size) this.#moveTogether();
  }

  /** Best first. Those that are not in the catalog may come to it later. */
  setPopular(items: readonly string[]): void {
    this.#popularIds = items;
    const places = items.map((id) => this.#places.get(id)).filter((place) => place !== undefined);
    this.#popular = Uint32Array.from(places);
  }

  clear(): void {
    this.#places.clear();
    this.#spans.clear();
    this.#states.fill(states.offered);
    this.#ids = [];
    this.#rows = [];
    this.#moves++;
    this.setPopular([]);
  }

  /** Popular, then recent, then all others, until `limits.max` candidates are found. */
  candidates(wanted: Wanted, limits: CandidateLimits): string[] {
    const walk = this.walk(wanted, limits);
    for (;;) {
      const { done, value } = walk.next(false);
      if (done) return value.items;
    }
  }

  /**
   * The same in slices: it waits after each `sliceMax` items to be told whether to stop, as a filter that nearly nothing fits is asked
   * about all of them. The catalog may change meanwhile: what comes or goes then may be missed, and nothing is chosen twice.
   */
  *walk(
    { exclude, fits, nowMs }: Wanted,
    limits: CandidateLimits,
  ): Generator<undefined, FoundCandidates, boolean> {
    const chosen: string[] = [];
    const seen = [...exclude];
    let places = this.#placesOf(seen);
    const take = (place: number): void => {
      if (chosen.length >= limits.max || !this.#isOffered(place, nowMs) || places.has(place))
        return;
      const id = this.#ids[place]!;
      if (!fits || fits(id, this.#rows[place]!)) chosen.push(id);
    };
    const takeFirst = (place: number): void => {
      take(place);
      // Whatever came of it, it need not be looked at again.
      places.add(place);
      seen.push(this.#ids[place]!);
    };
    const popular = Math.min(limits.popular, this.#popular.length);
    for (let i = 0; i < popular; i++) takeFirst(this.#popular[i]!);
    for (let i = this.#ids.length - 1, left = limits.recent; i >= 0 && left > 0; i--) {
      if (this.#states[i] !== states.offered) continue;
      takeFirst(i);
      left--;
    }
    let moves = this.#moves;
    const offset = Math.floor(limits.start * this.#ids.length);
    for (let i = 0; i < this.#ids.length && chosen.length < limits.max; i++) {
      if (i > 0 && i % sliceMax === 0) {
        if (yield undefined) return { items: chosen, isWhole: false };
        if (moves !== this.#moves) {
          places = this.#placesOf([...seen, ...chosen]);
          moves = this.#moves;
        }
      }
      if (this.#ids.length > 0) take((offset + i) % this.#ids.length);
    }
    return { items: chosen, isWhole: true };
  }

  /** Whether it may be offered to who names it. */
  offers(id: string, { exclude, fits, nowMs }: Wanted): boolean {
    const place = this.#places.get(id);
    if (place === undefined || exclude.has(id) || !this.#isOffered(place, nowMs)) return false;
    return !fits || fits(id, this.#rows[place]!);
  }

  #isOffered(place: number, nowMs: number): boolean {
    if (this.#states[place] !== states.offered) return false;
    if (this.#spans.size === 0) return true;
    const span = this.#spans.get(place);
    return !span || !(nowMs < span.fromMs || nowMs >= span.untilMs);
  }

  #offer(place: number, told: RawFeatures, mode: ChangeMode): void {
    const says = (name: string): boolean => mode === 'replace' || Object.hasOwn(told, name);
    if (says('hidden'))
      this.#set(place, states.hidden, valueOf(told['hidden'], 'boolean') === true);
    if (says('absentSince'))
      this.#set(place, states.absent, valueOf(told['absentSince'], 'time') !== undefined);
    if (!says('availableFrom') && !says('availableUntil')) return;
    const before = this.#spans.get(place);
    const timeOf = (name: string, known: number | undefined): number => {
      if (!says(name)) return known ?? NaN;
      const at = valueOf(told[name], 'time');
      return at instanceof Date ? at.getTime() : NaN;
    };
    const fromMs = timeOf('availableFrom', before?.fromMs);
    const untilMs = timeOf('availableUntil', before?.untilMs);
    if (Number.isNaN(fromMs) && Number.isNaN(untilMs)) this.#spans.delete(place);
    else this.#spans.set(place, { fromMs, untilMs });
  }

  /** Both may be true of one place. */
  #set(place: number, state: number, is: boolean): void {
    const others = this.#states[place]! & ~state;
    this.#states[place] = is ? others | state : others;
  }

  #add(id: string): number {
    const place = this.#ids.push(id) - 1;
    this.#places.set(id, place);
    if (place < this.#states.length) return place;
    const all = this.#states;
    this.#states = new Uint8Array(2 * all.length);
    this.#states.set(all);
    return place;
  }

  /** In their order, without those that are gone. */
  #moveTogether(): void {
    let next = 0;
    const spans = new Map<number, { readonly fromMs: number; readonly untilMs: number }>();
    for (let place = 0; place < this.#ids.length; place++) {
      if (this.#states[place] === states.gone) continue;
      const id = this.#ids[place]!;
      const span = this.#spans.get(place);
      if (span) spans.set(next, span);
      this.#ids[next] = id;
      this.#rows[next] = this.#rows[place]!;
      this.#states[next] = this.#states[place]!;
      this.#places.set(id, next++);
    }
    this.#ids.length = next;
    this.#rows.length = next;
    this.#states.fill(states.offered, next);
    this.#moves++;
    this.#spans = spans;
    this.setPopular(this.#popularIds);
  }

  #placesOf(ids: readonly string[]): Set<number> {
    const places = ids.map((id) => this.#places.get(id));
    return new Set(places.filter((place) => place !== undefined));
  }
}
