import type { Catalog } from '../../core/retrieval/catalog.js';
import type { ItemPlaces } from '../../messages/ranking.js';

/** Beyond it, ids are told: a ranker keeps a list as long as the largest place. */
const placesMax = 2 ** 20;

/** Items by where they are in the catalog of this recommender, for rankers that have been told their ids before. */
export class CatalogPlaces {
  readonly #catalog: Pick<Catalog, 'placeOf' | 'moves'>;
  readonly #id: string;

  /** @param id of this life of the recommender. */
  constructor(catalog: Pick<Catalog, 'placeOf' | 'moves'>, id: string) {
    this.#catalog = catalog;
    this.#id = id;
  }

  /** Undefined where one has none. */
  of(ids: readonly string[]): ItemPlaces | undefined {
    const rows = new Uint32Array(ids.length);
    for (let i = 0; i < ids.length; i++) {
      const place = this.#catalog.placeOf(ids[i]!);
      if (place === undefined || place >= placesMax) return undefined;
      rows[i] = place;
    }
    return { catalog: `${this.#id}.${this.#catalog.moves}`, rows };
  }
}
