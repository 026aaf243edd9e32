import { preview } from '../../core/features/preview.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import { modeOf } from '../../messages/features.js';
import type { EntityRecord, EntityStore } from '../../runtime/stores/entity-store.js';
import type { GroupTarget } from './grouped-target.js';

/** So many are remembered; how many more there are is not known then. */
const remembered = 1_000;
/** Items that the others are judged by. */
const sampleMax = 500;
/** Fewer items say nothing of what is usual. */
const sampleMin = 20;
/** Of what items have in the mean; who has less is thin. Too high: plain goods are told of. Too low: two numbers pass for an item. */
const share = 1 / 2;
/** Candidates until it is looked anew what is usual. */
const looksEvery = 1_000;

/**
 * Items that a patch made of nearly nothing: a file of prices that names an item which the catalog does not have makes one that has
 * only a price. It is kept, as what is missing may come later; but not without a word.
 */
export class ThinItems {
  readonly #store: Pick<EntityStore, 'get' | 'view'>;
  readonly #thin = new Map<string, readonly string[]>();
  #usual = 0;
  /** Since the last look. */
  #judged = 0;
  /** At these records. */
  #hasLooked = false;

  constructor(store: Pick<EntityStore, 'get' | 'view'>) {
    this.#store = store;
  }

  get stats() {
    const last = [...this.#thin].at(-1);
    return {
      thinItems: this.#thin.size,
      thinItemsExample: last ? `item ${preview(last[0])}: ${last[1].join(', ') || 'nothing'}` : '',
    };
  }

  /** What fills the store, which looks at each record first. */
  before(target: GroupTarget): GroupTarget {
    return {
      get sequence() {
        return target.sequence;
      },
      reset: () => target.reset(),
      add: (rows) => target.add(rows),
      restored: (sequence) => target.restored(sequence),
      takeAll: (records) => {
        this.note(records);
        return target.takeAll(records);
      },
    };
  }

  /** Records that are about to be written. */
  note(records: readonly EntityRecord[]): void {
    this.#hasLooked = false;
    for (const { change } of records) {
      if (change?.entity !== 'item') continue;
      change.ids.forEach((id, i) => {
        const isPatch = modeOf(change, i) === 'patch' && change.erased?.[i] !== true;
        const before = isPatch ? this.#before(id) : undefined;
        const isMade = isPatch && before === undefined;
        this.#thin.delete(id);
        if (isMade || before) this.#judge(id, [...(before ?? []), ...namesOf(change.features[i]!)]);
      });
    }
  }

  /** Of one that is thin what it had; undefined where there is no such item, null where it is no matter. */
  #before(id: string): readonly string[] | null | undefined {
    const thin = this.#thin.get(id);
    if (thin) return thin;
    return this.#store.get('item', id) === undefined ? undefined : null;
  }

  #judge(id: string, told: readonly string[]): void {
    const names = [...new Set(told)];
    this.#look();
    if (names.length >= share * this.#usual || this.#thin.size >= remembered) return;
    this.#thin.set(id, names);
  }

  /** Anew now and then, and with each group of records as long as there is too little to go by. */
  #look(): void {
    if (this.#judged++ < looksEvery && (this.#usual > 0 || this.#hasLooked)) return;
    this.#hasLooked = true;
    this.#judged = 0;
    this.#usual = this.#usualCount();
  }

  /** Attributes of an item, in the mean; 0: too few are known. */
  #usualCount(): number {
    const view = this.#store.view();
    let [items, attributes] = [0, 0];
    try {
      for (const { features } of view.rows('item')) {
        attributes += Object.keys(features).length;
        if (++items >= sampleMax) break;
      }
    } finally {
      view.close();
    }
    return items < sampleMin ? 0 : attributes / items;
  }
}

function namesOf(told: RawFeatures): string[] {
  return Object.keys(told).filter((name) => told[name] !== null);
}
