import type { ItemPlaces, RankBatch } from '../../messages/ranking.js';

/** Recommenders that a ranker hears of, each with the catalogs of its lives. Too few: they take turns to tell all ids. Too many: memory, as many references as items. */
const catalogsMax = 8;
/** Beyond it a place is not remembered: whoever asks by it tells ids. */
const placesMax = 2 ** 20;

/** Ids of items by their places in the catalogs of recommenders, as far as they were told. */
export class KnownItems {
  /** The one that was used last is the last. */
  readonly #catalogs = new Map<string, (string | undefined)[]>();

  /** With ids; undefined where one of them was never told. */
  whole(batch: RankBatch): RankBatch | undefined {
    const { places, items } = batch;
    if (!places) return batch;
    // Nobody of ours says so; who does is answered by ids alone.
    if (places.rows.some((place) => place >= placesMax))
      return items.length > 0 ? { ...batch, places: undefined } : undefined;
    if (items.length > 0) {
      this.#learn(places, items);
      return batch;
    }
    const found = this.#find(places);
    return found && { ...batch, items: found };
  }

  #find({ catalog, rows }: ItemPlaces): string[] | undefined {
    const known = this.#used(catalog);
    if (!known) return undefined;
    const items = new Array<string>(rows.length);
    for (let i = 0; i < rows.length; i++) {
      const id = known[rows[i]!];
      if (id === undefined) return undefined;
      items[i] = id;
    }
    return items;
  }

  #learn({ catalog, rows }: ItemPlaces, items: readonly string[]): void {
    const known = this.#used(catalog) ?? this.#add(catalog);
    for (let i = 0; i < rows.length; i++) {
      const place = rows[i]!;
      // No holes: it stays a plain list.
      while (known.length <= place) known.push(undefined);
      known[place] = items[i]!;
    }
  }

  #used(catalog: string): (string | undefined)[] | undefined {
    const known = this.#catalogs.get(catalog);
    if (!known) return undefined;
    this.#catalogs.delete(catalog);
    this.#catalogs.set(catalog, known);
    return known;
  }

  #add(catalog: string): (string | undefined)[] {
    if (this.#catalogs.size >= catalogsMax)
      this.#catalogs.delete(this.#catalogs.keys().next().value!);
    const known: (string | undefined)[] = [];
    this.#catalogs.set(catalog, known);
    return known;
  }
}
