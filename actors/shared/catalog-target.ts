import type { Catalog } from '../../core/retrieval/catalog.js';
import type { EntityRows } from '../../messages/feature-snapshots.js';
import { modeOf, type FeatureChange } from '../../messages/features.js';
import type { EntityTarget } from '../../replication/entity-fold.js';

/** Fills a catalog from the log of features: its items, the newest last. */
export class CatalogTarget implements EntityTarget {
  readonly #catalog: Pick<Catalog, 'put' | 'remove' | 'clear'>;
  #sequence = 0;
  /** Of a snapshot, which has them by id; a catalog wants them by age. */
  #rows: EntityRows[] = [];

  constructor(catalog: Pick<Catalog, 'put' | 'remove' | 'clear'>) {
    this.#catalog = catalog;
  }

  get sequence(): number {
    return this.#sequence;
  }

  reset(): void {
    this.#catalog.clear();
    this.#rows = [];
    this.#sequence = 0;
  }

  add(rows: EntityRows): void {
    this.#rows.push(rows);
  }

  restored(sequence: number): void {
    const items = this.#rows.flatMap(({ ids, features, since }) =>
      ids.map((id, i) => ({ id, features: features[i]!, since: since[i]! })),
    );
    this.#rows = [];
    // Those of one record stay as the snapshot has them, by id: in the log they were told of at once.
    items.sort((a, b) => a.since - b.since);
    for (const { id, features } of items) this.#catalog.put(id, features);
    this.#sequence = sequence;
  }

  take(change: FeatureChange | undefined, sequence: number): void {
    change?.ids.forEach((id, i) => {
      if (change.erased?.[i]) this.#catalog.remove(id);
      else this.#catalog.put(id, change.features[i]!, modeOf(change, i));
    });
    this.#sequence = sequence;
  }
}
