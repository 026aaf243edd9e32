import type { ActivityWanted } from '../base/activity.js';

/** What is kept of people and items, as the configuration declares it. */
export interface KeptRules {
  readonly histories: readonly HistoryRule[];
  readonly aggregates: readonly AggregateRule[];
  /** Of events, in the order of the configuration: histories number them from 1. */
  readonly types: readonly string[];
  /** The type that a type takes back. */
  readonly undoes: ReadonlyMap<string, string>;
  /** So many of the last events of a type are listed by person. */
  readonly listed: ReadonlyMap<string, number>;
  /** Of a visitor who becomes a user, events move that are no older than this before the newest. */
  readonly lookbackMs: number;
  /** Whether somebody is known by no account; all are if left out. */
  readonly isVisitor?: (person: string) => boolean;
  readonly wanted: ActivityWanted;
}

export interface HistoryRule {
  readonly name: string;
  /** Of items; undefined: their ids. */
  readonly source: string | undefined;
  readonly events: ReadonlySet<string>;
  readonly length: number;
}

/** What a number is of. */
export type AggregateOf =
  | { readonly kind: 'one' }
  | { readonly kind: 'value' }
  | { readonly kind: 'outcome'; readonly name: string }
  /** One of each that is known. */
  | { readonly kind: 'known'; readonly name: string }
  /** Of the item of the event. */
  | { readonly kind: 'told'; readonly source: string }
  | { readonly kind: 'kept'; readonly name: string };

/** How long what happened counts. */
export type Memory =
  | { readonly kind: 'ever' }
  | { readonly kind: 'last'; readonly count: number }
  | { readonly kind: 'halfLife'; readonly ms: number }
  | { readonly kind: 'window'; readonly ms: number };

export interface AggregateRule {
  readonly name: string;
  /** Of its name and definition: what was kept by another definition is not read as this one. */
  readonly key: string;
  readonly entity: 'user' | 'item';
  readonly of: AggregateOf;
  /** Types of events, `shown` among them; none where it is of an outcome. */
  readonly events: ReadonlySet<string>;
  readonly by: KeptBy | undefined;
  /** Another rule: values are those beyond what it says. */
  readonly beside: string | undefined;
  /**
   * count: the sum of ones. chance, number: a mean of values y, s of them added as they are on the whole, m:
   * (Σy + s·m)/(n + s), where m of a chance is (½ + Σy)/(1 + n) over all; beside another one Σ(y − other)/(n + s).
   */
  readonly scale: 'count' | 'chance' | 'number';
  readonly smoothing: number;
  readonly memory: Memory;
}

/** Values that an aggregate is kept by. */
export interface KeptBy {
  readonly entity: 'user' | 'item';
  /** Undefined: the id. */
  readonly source: string | undefined;
  readonly keysOf: (value: unknown) => Float64Array;
}

/** An aggregate of both: kept of one entity by values of the other. */
export function isPair({ entity, by }: AggregateRule): boolean {
  return by !== undefined && by.entity !== entity;
}
