import type { DenseVersion } from './executor.js';
import type { ModelSpec, NetworkName } from './network.js';

/**
 * Scores many items for one request when most of what a network computes of an item is the same for everybody: its sums, and its part of
 * the first layer, which are kept in a table. What is left for each candidate is a sum of two rows, the layers behind it, and one product
 * of two vectors.
 *
 *   first layer     relu(own·W_own + item·W_item + pairs·W_pairs + b)       kept: item·W_item
 *   all pairs       ½(|Σv|² − Σ|v|²) = own's + item's + Σv_own · Σv_item    kept: item's, Σv_item
 *   first order     Σw + dense·linear, of each side
 *
 * It is the same function as that of the whole network, with sums in another order: logits differ in the last bits (checked by
 * split-scorer.property.test.ts).
 */
export interface SplitScorer {
  /** @returns whether the parameters are others than before: then nothing is kept of any item. */
  load(parameters: DenseVersion): boolean;
  /** Keeps what the network makes of items, at their places. */
  derive(places: Uint32Array, items: SideRows): void;
  /**
   * Logits [candidates × heads].
   *
   * @param places of items that were derived since the parameters came.
   * @param own one row.
   * @param pairs f32 [candidates × columns of pairs]
   */
  score(own: SideRows, places: Uint32Array, pairs: Float32Array): Float32Array;
}

/** Rows of one side: its slots and its dense columns alone. */
export interface SideRows {
  /** f32 [rows × slots of the side × (1 + factorDim)] */
  readonly pooled: Float32Array;
  /** f32 [rows × dense columns of the side], as they were told */
  readonly dense: Float32Array;
}

/** What a network is made of, where it can be split. */
export interface SplitParts {
  readonly interactions: boolean;
  readonly tower: boolean;
}

/** Undefined: it can't be, as its layers are normalised, or mixed, or it is no sum of two sides. */
export function splitParts({ network, layerNorm, experts }: ModelSpec): SplitParts | undefined {
  const found = Object.hasOwn(parts, network) ? parts[network as NetworkName] : undefined;
  return (layerNorm || experts !== undefined) && found?.tower ? undefined : found;
}

const parts: Readonly<Record<NetworkName, SplitParts | undefined>> = {
  'dcn-v2': undefined,
  // What a candidate attends to is neither's alone.
  din: undefined,
  deepfm: { interactions: true, tower: true },
  dlrm: undefined,
  fm: { interactions: true, tower: false },
  transformer: undefined,
  mlp: { interactions: false, tower: true },
  // Its parts are kept by retrieval (two-towers.ts); each candidate here is computed whole.
  'two-tower': undefined,
  'wide-and-deep': { interactions: false, tower: true },
};
