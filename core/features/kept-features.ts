/**
 * What the cluster keeps of an entity itself, by the name of the feature: a number, a history, or numbers by value of the other
 * entity. It stands beside what is told, so that nobody can tell it.
 */
export type KeptFeatures = Readonly<Record<string, KeptValue>>;

export type KeptValue = number | KeptHistory | KeptPairs;

/** Newest first; all have the same length. */
export interface KeptHistory {
  /** Of the feature that the history is of, as told of each item; null where nothing was. */
  readonly values: readonly unknown[];
  /** Types of events, numbered from 1 in the order of the configuration. */
  readonly types: Uint8Array;
  readonly agesSeconds: Float32Array;
}

export interface KeptPairs {
  /** Keys of values (`keyNumberOf`), with what is kept of each. */
  readonly keys: Float64Array;
  readonly values: Float32Array;
  /** Of all others. */
  readonly none: number;
}

export const nothingKept: KeptFeatures = {};

/** A feature may be called like something that every object has. */
export function keptOf(kept: KeptFeatures, name: string): KeptValue | undefined {
  return Object.hasOwn(kept, name) ? kept[name] : undefined;
}
