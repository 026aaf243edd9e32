import { describe, expect, test } from '@jest/globals';
import { continued, planOf } from '../config/plan/plan.js';
import type { ClusterConfig } from '../config/schema.js';
import { parseClusterConfig } from '../config/schema.js';
import { slotIdOf } from '../features/slot-id.js';
import type { Blueprint } from './blueprint.js';
import { blueprintOf, initialParameters, parameterCounts } from './blueprint.js';
import { keptRulesOf } from './kept-rules.js';
import { succeeding, versionOf } from './lineage.js';

const user = { entity: 'user', kind: 'id' };
const item = { entity: 'item', kind: 'id' };
const brand = { entity: 'item', kind: 'id' };
const price = { entity: 'item', kind: 'dense' };
const views = { entity: 'item', kind: 'count' };

const configOf = (features: object, model: object = {}) =>
  parseClusterConfig({ features, model, organic: { negatives: 0 } });

/** One after the other, as a cluster has them. */
function versions(first: ClusterConfig, ...next: readonly ClusterConfig[]): ClusterConfig[] {
  return next.reduce(
    (all, given) => {
      const before = all.at(-1)!;
      const after = continued(before, given);
      // What actors are told is what they read.
      const told: unknown = JSON.parse(
        JSON.stringify(succeeding(before, after, planOf(before, after))),
      );
      return [...all, parseClusterConfig(told)];
    },
    [first],
  );
}

/** Names of slots of `then` whose rows are read by `now`. */
function rowsRead(now: Blueprint, then: Blueprint): string[] {
  if (now.hash === then.hash) return then.spec.slots.map(({ name }) => name);
  const { keptSlots } = now.earlier.get(then.hash)!;
  return then.spec.slots.map(({ name }) => name).filter((name) => keptSlots.has(slotIdOf(name)));
}

describe('a configuration that follows another one', () => {
  test('reads what those before have learned, and passes over what is gone', () => {
    const all = versions(
      configOf({ user, item, brand, price }),
      configOf({ item, user, price, views, city: user }),
      configOf({ user, item, city: user }),
    );
    expect(all.map(versionOf)).toEqual([1, 2, 3]);
    const [first, second, third] = all.map(blueprintOf) as [Blueprint, Blueprint, Blueprint];
    expect(rowsRead(second, first)).toEqual(['user', 'item']);
    expect(rowsRead(third, first)).toEqual(['user', 'item']);
    expect(rowsRead(third, second)).toEqual(['city', 'user', 'item']);
    for (const then of [first, second]) {
      const { parameterCount, parameters, optimizerState } = third.earlier.get(then.hash)!;
      expect(parameterCount).toBe(parameterCounts(then).all);
      expect(parameters(initialParameters(then))).toHaveLength(parameterCounts(third).all);
      expect(optimizerState(new Float32Array(2 * parameterCount))).toHaveLength(
        2 * parameterCounts(third).all,
      );
      expect(third.spec.earlier.has(then.spec.hash)).toBe(true);
    }
  });

  test('knows one that comes back under its name for another', () => {
    const withBrand = configOf({ user, item, brand });
    const all = versions(withBrand, configOf({ user, item }), withBrand);
    const [first, second, third] = all.map(blueprintOf) as [Blueprint, Blueprint, Blueprint];
    expect(third.hash).not.toBe(first.hash);
    expect(third.spec.hash).not.toBe(first.spec.hash);
    expect(rowsRead(third, first)).toEqual(['user', 'item']);
    expect(rowsRead(third, second)).toEqual(['user', 'item']);
    // And goes on with it from then on.
    const fourth = blueprintOf(
      versions(...(all as [ClusterConfig]), configOf({ user, item, brand, price })).at(-1)!,
    );
    expect(rowsRead(fourth, third)).toEqual(['user', 'brand', 'item'].toSorted(byPlace(third)));
    expect(rowsRead(fourth, first)).toEqual(['user', 'item']);
  });

  test('is as the one before where what came goes again', () => {
    const plain = configOf({ user, item });
    const all = versions(plain, configOf({ user, item, brand }), plain);
    const [first, second, third] = all.map(blueprintOf) as [Blueprint, Blueprint, Blueprint];
    expect(third.hash).toBe(first.hash);
    expect(third.earlier.has(first.hash)).toBe(false);
    expect(rowsRead(third, second)).toEqual(['user', 'item']);
  });

  test('keeps nothing of what is kept of people under a name that began anew', () => {
    const all = versions(
      configOf({ user, item, views }),
      configOf({ user, item }),
      configOf({ user, item, views }),
    );
    const keys = [all[0]!, all[2]!].map((config) => keptRulesOf(config).aggregates[0]!.key);
    expect(keys[0]).not.toBe(keys[1]);
  });

  test('begins the network, or all rows, anew where it must', () => {
    const first = configOf({ user, item });
    const hidden = versions(first, configOf({ user, item }, { hidden: [8] })).map(blueprintOf);
    expect(rowsRead(hidden[1]!, hidden[0]!)).toEqual(['user', 'item']);
    const wide = versions(first, configOf({ user, item }, { factorDim: 4 })).map(blueprintOf);
    expect(rowsRead(wide[1]!, wide[0]!)).toEqual([]);
    // And back: what was dropped stays dropped.
    const back = versions(first, configOf({ user, item }, { factorDim: 4 }), first).map(
      blueprintOf,
    );
    expect(back[2]!.hash).not.toBe(back[0]!.hash);
    expect(rowsRead(back[2]!, back[0]!)).toEqual([]);
  });

  test('says of a change that touches nothing learned that nothing is to be read otherwise', () => {
    const [, second] = versions(configOf({ user, item }), {
      ...configOf({ user, item }),
      standby: 1,
    });
    expect(second!.lineage).toEqual({ version: 2, born: { features: {} }, earlier: [] });
  });
});

function byPlace({ spec }: Blueprint): (a: string, b: string) => number {
  const place = (name: string): number => spec.slots.findIndex((slot) => slot.name === name);
  return (a, b) => place(a) - place(b);
}
