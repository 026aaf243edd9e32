import { assert } from '../../core/base/assert.js';
import type { SomeFids } from '../../core/features/side-rows.js';
import type { EncodedEntity } from '../../core/features/transform.js';
import type { Pooling } from '../../core/model/row-gather.js';
import type { ItemPlaces } from '../../messages/ranking.js';
import type { KeptRows } from './kept-rows.js';

export interface ItemBoardOptions {
  readonly kept: KeptRows;
  /** Values per row. */
  readonly dim: number;
  /** Of items, in their order: how the rows of a slot become one, and the slot whose rows they are. */
  readonly slots: readonly { readonly pooling: Pooling; readonly rowsOf: number }[];
}

/** Of features that were looked at so long ago it is looked whether there are newer ones. Too short: each request looks for all items. Too long: they are older by that. */
const checkedMs = 100;
/** Catalogs of recommenders whose places are remembered. */
const catalogsMax = 8;

/**
 * Items as a ranker has them between requests, by place: features as they were encoded, and rows pooled. A request touches
 * typed arrays alone unless something changed, which is told by numbers:
 *
 *   checkedAt   f64   when it was looked whether there are newer features
 *   seenAt      f64   `changes` of the rows that are kept, when those of the item were looked at last
 *   rowsAt      f64   Σ of the versions of its rows, which only grow; NaN: some are not known as they are now
 *   serial      u32   raised whenever what is pooled here becomes another one
 *   pooled      f32 [capacity × slots × dim]
 *
 * No I/O: who has a board fetches what it says is missing.
 */
export class ItemBoard {
  readonly #options: ItemBoardOptions;
  readonly #width: number;
  readonly #placeOf = new Map<string, number>();
  readonly #ids: string[] = [];
  readonly #entities: (EncodedEntity | undefined)[] = [];
  /** What is pooled is of these. */
  readonly #pooledOf: (EncodedEntity | undefined)[] = [];
  /** Of each item, where its rows are among those that are kept; −1: nowhere. */
  readonly #rowPlaces: Int32Array[] = [];
  /** By catalog, and the place there. */
  readonly #catalogs = new Map<string, Int32Array>();
  #checkedAt = new Float64Array(0);
  #seenAt = new Float64Array(0);
  #rowsAt = new Float64Array(0);
  #serials = new Uint32Array(0);
  #pooled = new Float32Array(0);
  #life: number;

  constructor(options: ItemBoardOptions) {
    this.#options = options;
    this.#width = options.slots.length * options.dim;
    this.#life = options.kept.life;
  }

  get count(): number {
    return this.#ids.length;
  }

  idAt(place: number): string {
    return this.#ids[place]!;
  }

  entityAt(place: number): EncodedEntity {
    const entity = this.#entities[place];
    assert(entity !== undefined, 'features come before all else');
    return entity;
  }

  /** Whether what is pooled at a place is another one than before. */
  serialAt(place: number): number {
    return this.#serials[place]!;
  }

  /** Copies what is pooled, f32 [slots × dim], to `target` from `at` on. */
  copyPooled(place: number, target: Float32Array, at: number): void {
    const width = this.#width;
    const from = place * width;
    for (let i = 0; i < width; i++) target[at + i] = this.#pooled[from + i]!;
  }

  /**
   * The rows that they lack, each once where it is kept and has changed.
   * @returns counts by slot of items, and u32 pairs (low, high), slot after slot.
   */
  lackingRows(places: Uint32Array): Pick<SomeFids, 'counts' | 'fids'> {
    const { kept, slots } = this.#options;
    const asked = new Set<number>();
    const bySlot = slots.map((): number[] => []);
    for (let p = 0; p < places.length; p++) {
      const place = places[p]!;
      const rows = this.#rowPlaces[place]!;
      const { counts, fids } = this.entityAt(place);
      let i = 0;
      for (let s = 0; s < slots.length; s++)
        for (let n = counts[s]!; n > 0; n--, i++) {
          const row = rows[i]!;
          if (row >= 0) {
            if (kept.isCurrentAt(row) || asked.has(row)) continue;
            asked.add(row);
          }
          bySlot[s]!.push(fids[2 * i]!, fids[2 * i + 1]!);
        }
    }
    return {
      counts: bySlot.map((words) => words.length / 2),
      fids: Uint32Array.from(bySlot.flat()),
    };
  }

  /**
   * Features of some may have come after their rows were fetched: they are pooled of what is there.
   * @returns how many lack rows so.
   */
  settle(places: Uint32Array): number {
    let lacking = 0;
    for (let i = 0; i < places.length; i++) {
      const place = places[i]!;
      if (this.#pooledOf[place] === this.#entities[place] || this.#pool(place)) continue;
      this.poolAnyway(place);
      lacking++;
    }
    return lacking;
  }

  /** With rows as they were, and without those that are not there: of shards that don't answer. */
  poolAnyway(place: number): void {
    this.#sum(place);
    this.#rowsAt[place] = NaN;
    this.#seenAt[place] = NaN;
    this.#serials[place]!++;
  }

  /**
   * Places of items, new ones for those that have none.
   *
   * @param at where they are in a catalog: of those that came from there before, nothing is looked up by name.
   */
  placesOf(ids: readonly string[], at?: ItemPlaces): Uint32Array {
    const places = new Uint32Array(ids.length);
    const known = at && this.#placesIn(at);
    for (let i = 0; i < ids.length; i++) {
      const row = at?.rows[i] ?? 0;
      let place = known?.[row] ?? -1;
      if (place < 0) {
        const id = ids[i]!;
        place = this.#placeOf.get(id) ?? this.#add(id);
        if (known) known[row] = place;
      }
      places[i] = place;
    }
    return places;
  }

  /** By the place in the catalog, the one here; −1: not known yet. */
  #placesIn({ catalog, rows }: ItemPlaces): Int32Array {
    let most = 0;
    for (let i = 0; i < rows.length; i++) if (rows[i]! > most) most = rows[i]!;
    const before = this.#catalogs.get(catalog);
    if (before && most < before.length) return before;
    const places = new Int32Array(Math.max(1024, 2 * (most + 1))).fill(-1);
    if (before) places.set(before);
    else if (this.#catalogs.size >= catalogsMax)
      this.#catalogs.delete(this.#catalogs.keys().next().value!);
    this.#catalogs.set(catalog, places);
    return places;
  }

  /** Those whose features have to be looked for. */
  unchecked(places: Uint32Array, nowMs: number): Uint32Array {
    const checkedAt = this.#checkedAt;
    return places.filter((place) => !(nowMs - checkedAt[place]! <= checkedMs));
  }

  /** @param checkedAtMs NaN: they are looked for again by the next one. */
  putFeatures(place: number, entity: EncodedEntity, checkedAtMs: number): void {
    this.#checkedAt[place] = checkedAtMs;
    if (this.#entities[place] === entity) return;
    this.#entities[place] = entity;
    this.#rowPlaces[place] = this.#find(entity);
    this.#seenAt[place] = NaN;
    this.#rowsAt[place] = NaN;
    this.#serials[place]!++;
  }

  /** Those of which rows have to be fetched: they have changed, or are not known. What has come meanwhile is pooled at once. */
  lacking(places: Uint32Array): Uint32Array {
    this.#followLife();
    const { kept } = this.#options;
    const { changes } = kept;
    const seenAt = this.#seenAt;
    return places.filter((place) => {
      if (seenAt[place] === changes) return false;
      if (!this.#pool(place)) return true;
      seenAt[place] = changes;
      return false;
    });
  }

  /** Rows as they were found, of an item some of whose rows are not kept: to be used once. */
  putPooled(place: number, pooled: Float32Array): void {
    this.#pooled.set(pooled, place * this.#width);
    this.#pooledOf[place] = this.#entities[place];
    this.#rowsAt[place] = NaN;
    this.#seenAt[place] = NaN;
    this.#serials[place]!++;
  }

  /** @returns false where a row is not kept, or not as it is now. */
  #pool(place: number): boolean {
    const { kept } = this.#options;
    const rows = this.#rowPlaces[place]!;
    let sum = 0;
    let isWhole = true;
    for (let i = 0; i < rows.length; i++) {
      let row = rows[i]!;
      if (row < 0) row = rows[i] = this.#placeOfFid(place, i);
      if (row < 0 || !kept.isCurrentAt(row)) isWhole = false;
      else sum += kept.versionAt(row);
    }
    if (!isWhole) return false;
    if (sum === this.#rowsAt[place]) return true;
    this.#sum(place);
    this.#rowsAt[place] = sum;
    this.#serials[place]!++;
    return true;
  }

  #sum(place: number): void {
    const { kept, dim, slots } = this.#options;
    const rows = this.#rowPlaces[place]!;
    const entity = this.#entities[place]!;
    const { counts } = entity;
    const pooled = this.#pooled;
    this.#pooledOf[place] = entity;
    const start = place * this.#width;
    pooled.fill(0, start, start + this.#width);
    let next = 0;
    for (let s = 0; s < slots.length; s++) {
      const count = counts[s]!;
      const at = start + s * dim;
      for (let n = 0; n < count; n++) {
        const row = rows[next++]!;
        if (row >= 0) kept.addTo(row, pooled, at);
      }
      if (count > 1 && slots[s]!.pooling === 'mean') {
        const scale = 1 / count;
        for (let d = at; d < at + dim; d++) pooled[d]! *= scale;
      }
    }
  }

  /** All rows have moved, or are gone. */
  #followLife(): void {
    const { life } = this.#options.kept;
    if (life === this.#life) return;
    this.#life = life;
    for (const rows of this.#rowPlaces) rows.fill(-1);
    this.#rowsAt.fill(NaN);
    this.#seenAt.fill(NaN);
  }

  #find({ fids }: EncodedEntity): Int32Array {
    return new Int32Array(fids.length / 2).fill(-1);
  }

  #placeOfFid(place: number, fid: number): number {
    const { kept, slots } = this.#options;
    const { counts, fids } = this.#entities[place]!;
    let slot = 0;
    for (let end = counts[0]!; fid >= end; end += counts[slot]!) slot++;
    return kept.placeOf(slots[slot]!.rowsOf, fids[2 * fid]!, fids[2 * fid + 1]!);
  }

  #add(id: string): number {
    const place = this.#ids.push(id) - 1;
    this.#placeOf.set(id, place);
    this.#entities.push(undefined);
    this.#pooledOf.push(undefined);
    this.#rowPlaces.push(new Int32Array(0));
    if (place >= this.#serials.length) this.#grow();
    this.#checkedAt[place] = NaN;
    return place;
  }

  #grow(): void {
    const capacity = Math.max(1024, 2 * this.#serials.length);
    this.#checkedAt = larger(Float64Array, this.#checkedAt, capacity);
    this.#seenAt = larger(Float64Array, this.#seenAt, capacity);
    this.#rowsAt = larger(Float64Array, this.#rowsAt, capacity);
    this.#serials = larger(Uint32Array, this.#serials, capacity);
    this.#pooled = larger(Float32Array, this.#pooled, capacity * this.#width);
  }
}

function larger<T extends { set(values: T): void }>(
  type: new (length: number) => T,
  values: T,
  length: number,
): T {
  const copy = new type(length);
  copy.set(values);
  return copy;
}
