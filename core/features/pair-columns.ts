import type { DenseColumn, FeatureEntity } from './feature-spec.js';
import { keptOf, type KeptFeatures, type KeptPairs } from './kept-features.js';
import { type KeyWriter, keyNumbersOf, keyWriterOf, normalise } from './values.js';

/** One side of a pair column: numbers by key on the one, and keys on the other. */
export type PairSide = PairNumbers | Float64Array;

export interface PairNumbers {
  readonly byKey: ReadonlyMap<number, number>;
  readonly none: number;
}

interface PairColumn extends DenseColumn {
  readonly pair: NonNullable<DenseColumn['pair']>;
}

type ValueOf = (source: string) => unknown;

/**
 * Columns of pairs: what is kept of a user by the values of a feature of items, or the other way round. Each side is encoded
 * with its entity; a row takes the mean over the values of the other side.
 */
export class PairColumns {
  readonly #columns: readonly PairColumn[];
  readonly #writers: readonly KeyWriter[];

  constructor(dense: readonly DenseColumn[]) {
    this.#columns = dense.filter((column): column is PairColumn => column.pair !== undefined);
    this.#writers = this.#columns.map(({ pair: { by } }) => keyWriterOf(by.coding));
  }

  get count(): number {
    return this.#columns.length;
  }

  /** The sides of an entity, a column each. @param valueOf what is told of it, by source. */
  sidesOf(entity: FeatureEntity, valueOf: ValueOf, kept: KeptFeatures): readonly PairSide[] {
    return this.#columns.map(({ name, pair: { of, by } }, i) => {
      if (of === entity) return numbersOf(keptOf(kept, name) as KeptPairs | undefined);
      if (by.entity !== entity) return noKeys;
      return keyNumbersOf(this.#writers[i]!, valueOf(by.source), by);
    });
  }

  /** Writes the columns of a row to `target`, from `start` on. */
  write(
    user: readonly PairSide[],
    item: readonly PairSide[],
    target: Float32Array,
    start: number,
  ): void {
    for (let i = 0; i < this.#columns.length; i++) {
      const { pair, source, normalisation } = this.#columns[i]!;
      const [holder, other] = pair.of === 'user' ? [user[i], item[i]] : [item[i], user[i]];
      const number = meanOf(holder as PairNumbers, other as Float64Array);
      target[start + i] = normalise(number, source, normalisation);
    }
  }
}

const noKeys = new Float64Array(0);
const nothing: PairNumbers = { byKey: new Map(), none: 0 };

function numbersOf(kept: KeptPairs | undefined): PairNumbers {
  if (!kept) return nothing;
  const byKey = new Map<number, number>();
  kept.keys.forEach((key, i) => byKey.set(key, kept.values[i]!));
  return { byKey, none: kept.none };
}

function meanOf({ byKey, none }: PairNumbers, keys: Float64Array): number {
  if (keys.length === 0) return none;
  let sum = 0;
  for (let i = 0; i < keys.length; i++) sum += byKey.get(keys[i]!) ?? none;
  return sum / keys.length;
}
