import { assert } from '../base/assert.js';
import type { KeptPairs } from '../features/kept-features.js';
import type { RawFeatures } from '../features/raw-features.js';
import type { Sums } from './cell.js';
import { sumsOf } from './cell.js';
import type { AggregateRule, KeptRules } from './kept-rules.js';
import { isPair } from './kept-rules.js';
import type { StateCache } from './state-cache.js';
import { allKey, sharedKey, stateKey } from './state-keys.js';

type Entity = 'user' | 'item';

interface Happened {
  readonly person: string;
  readonly item: string;
  readonly atMs: number;
  readonly value: number;
}

/** Counts, rates and means as features. */
export class KeptNumbers {
  readonly #rules: KeptRules;
  readonly #byName: ReadonlyMap<string, AggregateRule>;
  readonly #states: Pick<StateCache, 'get'>;
  readonly #features: (entity: Entity, id: string) => RawFeatures | undefined;

  constructor(
    rules: KeptRules,
    states: Pick<StateCache, 'get'>,
    features: (entity: Entity, id: string) => RawFeatures | undefined,
  ) {
    this.#rules = rules;
    this.#byName = new Map(rules.aggregates.map((rule) => [rule.name, rule]));
    this.#states = states;
    this.#features = features;
  }

  of(entity: Entity, id: string, nowMs: number): Record<string, number | KeptPairs> {
    const numbers: Record<string, number | KeptPairs> = {};
    for (const rule of this.#rules.aggregates) {
      if (rule.entity !== entity) continue;
      numbers[rule.name] = isPair(rule)
        ? this.#pairs(rule, id, nowMs)
        : this.#number(rule, id, nowMs);
    }
    return numbers;
  }

  /** What an event is worth to a rule; NaN: nothing. */
  valueOf(rule: AggregateRule, happened: Happened): number {
    const value = this.#plainValue(rule, happened);
    const { beside } = rule;
    if (beside === undefined || Number.isNaN(value)) return value;
    const other = this.#ruleOf(beside);
    const id = other.entity === 'user' ? happened.person : happened.item;
    return value - this.#number(other, id, happened.atMs);
  }

  /** What is told of an entity under a name; undefined names the id. */
  toldOf(entity: Entity, id: string, source: string | undefined): unknown {
    if (source === undefined) return id;
    const told = this.#features(entity, id);
    return told && Object.hasOwn(told, source) ? told[source] : undefined;
  }

  #plainValue({ of }: AggregateRule, { item, atMs, value }: Happened): number {
    switch (of.kind) {
      case 'one':
      case 'known':
        return 1;
      case 'value':
      case 'outcome':
        return value;
      case 'told': {
        const told = this.toldOf('item', item, of.source);
        return told === undefined || told === null || told === '' ? NaN : Number(told);
      }
      case 'kept':
        return this.#number(this.#ruleOf(of.name), item, atMs);
    }
  }

  #ruleOf(name: string): AggregateRule {
    const rule = this.#byName.get(name);
    assert(rule !== undefined, `${name} is kept`);
    return rule;
  }

  #number(rule: AggregateRule, id: string, nowMs: number): number {
    const { entity, key, memory, by } = rule;
    const none = this.#none(rule, nowMs);
    const smoothed = (at: string): number =>
      smooth(rule, sumsOf(memory, this.#states.get(at)?.cells[key], nowMs), none);
    if (!by) return smoothed(stateKey(entity, id));
    const keys = by.keysOf(this.toldOf(entity, id, by.source));
    if (keys.length === 0) return none;
    return keys.reduce((sum, each) => sum + smoothed(sharedKey(rule, each)), 0) / keys.length;
  }

  #pairs(rule: AggregateRule, id: string, nowMs: number): KeptPairs {
    const { entity, key, memory } = rule;
    const none = this.#none(rule, nowMs);
    const pairs = this.#states.get(stateKey(entity, id))?.pairs[key] ?? {};
    const names = Object.keys(pairs);
    const keys = new Float64Array(names.length);
    const values = new Float32Array(names.length);
    for (let i = 0; i < names.length; i++) {
      keys[i] = Number(names[i]);
      values[i] = smooth(rule, sumsOf(memory, pairs[names[i]!], nowMs), none);
    }
    return { none, keys, values };
  }

  /** Of who never did anything. */
  #none({ key, scale, beside, memory }: AggregateRule, nowMs: number): number {
    if (scale === 'count' || beside !== undefined) return 0;
    const all = this.#states.get(allKey)?.cells[key];
    const { n, sum } = sumsOf(memory.kind === 'last' ? { kind: 'ever' } : memory, all, nowMs);
    if (scale === 'chance') return (0.5 + sum) / (1 + n);
    return n > 0 ? sum / n : 0;
  }
}

function smooth({ scale, smoothing }: AggregateRule, { n, sum }: Sums, none: number): number {
  if (scale === 'count') return n;
  return (sum + smoothing * none) / (n + smoothing);
}
