import type { DenseColumn, FeatureEntity } from './feature-spec.js';
import { keptOf, type KeptFeatures, type KeptPairs } from './kept-features.js';
import { type KeyWriter, keyNumbersOf, keyWriterOf, normalise } from './values.js';

/** One side of a pair column: numbers by key on the one, and keys on the other. */
export type PairSide = PairNumbers | KeyList;

/** One list of keys for all entities that have it in a column. */
export interface KeyList {
  readonly keys: Float64Array;
  /** What `ofUser` made of it last, and in which of its rounds: of the few lists that there are, each is looked at once. */
  round: number;
  value: number;
}

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
  /** By column, of entities that it is not by. */
  readonly #none: readonly KeyList[];
  /** One list of what many entities have: two that are the same list have the same mean. */
  readonly #lists = new Map<string, KeyList>();

  constructor(dense: readonly DenseColumn[]) {
    this.#columns = dense.filter((column): column is PairColumn => column.pair !== undefined);
    this.#none = this.#columns.map(() => listOf(new Float64Array(0)));
    this.#writers = this.#columns.map(({ pair: { by } }) => keyWriterOf(by.coding));
  }

  get count(): number {
    return this.#columns.length;
  }

  /** The sides of an entity, a column each. @param valueOf what is told of it, by source. */
  sidesOf(entity: FeatureEntity, valueOf: ValueOf, kept: KeptFeatures): readonly PairSide[] {
    return this.#columns.map(({ name, pair: { of, by } }, i) => {
      if (of === entity) return numbersOf(keptOf(kept, name) as KeptPairs | undefined);
      if (by.entity !== entity) return this.#none[i]!;
      return this.#sharedList(i, keyNumbersOf(this.#writers[i]!, valueOf(by.source), by));
    });
  }

  #sharedList(column: number, keys: Float64Array): KeyList {
    const name = `${column} ${keys.join()}`;
    const known = this.#lists.get(name);
    if (known) return known;
    if (this.#lists.size >= listsMax) this.#lists.clear();
    const list = listOf(keys);
    this.#lists.set(name, list);
    return list;
  }

  /** f32 [items × count] */
  ofUser(user: WithSides, items: readonly WithSides[]): Float32Array {
    const { count } = this;
    const columns = new Float32Array(items.length * count);
    if (count === 0) return columns;
    const own = user.pairs ?? noSides;
    const round = ++rounds;
    // Item by item, as each is somewhere else in memory.
    for (let row = 0; row < items.length; row++) {
      const sides = items[row]!.pairs ?? noSides;
      for (let i = 0; i < count; i++)
        columns[row * count + i] = this.#ofUserAt(i, own[i], sides[i], round);
    }
    return columns;
  }

  #ofUserAt(
    i: number,
    own: PairSide | undefined,
    side: PairSide | undefined,
    round: number,
  ): number {
    const { pair, source, normalisation } = this.#columns[i]!;
    if (pair.of === 'item')
      return normalise(meanOf(side as PairNumbers, own as KeyList), source, normalisation);
    const list = side as KeyList;
    if (list.round !== round) {
      list.value = normalise(meanOf(own as PairNumbers, list), source, normalisation);
      list.round = round;
    }
    return list.value;
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
      const number = meanOf(holder as PairNumbers, other as KeyList);
      target[start + i] = normalise(number, source, normalisation);
    }
  }
}

/** Of entities without sides there is nothing. */
interface WithSides {
  readonly pairs?: readonly PairSide[];
}

const noSides: readonly PairSide[] = [];
/** Lists that are remembered. */
const listsMax = 10_000;
/** Of all there are, as lists are of nobody in particular. */
let rounds = 0;
const nothing: PairNumbers = { byKey: new Map(), none: 0 };

function numbersOf(kept: KeptPairs | undefined): PairNumbers {
  if (!kept) return nothing;
  const byKey = new Map<number, number>();
  kept.keys.forEach((key, i) => byKey.set(key, kept.values[i]!));
  return { byKey, none: kept.none };
}

function listOf(keys: Float64Array): KeyList {
  return { keys, round: 0, value: 0.5 };
}

function meanOf({ byKey, none }: PairNumbers, { keys }: KeyList): number {
  if (keys.length === 0) return none;
  let sum = 0;
  for (let i = 0; i < keys.length; i++) sum += byKey.get(keys[i]!) ?? none;
  return sum / keys.length;
}
