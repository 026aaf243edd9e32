import { describe, expect, test } from '@jest/globals';
import { featureSpecOf, type FeatureDeclaration } from './feature-spec.js';
import { columnIdOf, requireDistinctIds, slotIdOf } from './slot-id.js';

const id = (entity: 'user' | 'item', source: string): FeatureDeclaration => ({
  kind: 'id',
  entity,
  source,
});
const features = { user: id('user', 'user'), item: id('item', 'item'), brand: id('item', 'brand') };

describe('the id of a slot', () => {
  test('is the same for ever', () => {
    expect(slotIdOf('user')).toBe(0x64282ebc);
    expect(slotIdOf('item')).toBe(0x770ce459);
    expect(columnIdOf('price')).not.toBe(slotIdOf('price'));
  });

  test('stays when features are added, removed and reordered', () => {
    const idsOf = (declared: Readonly<Record<string, FeatureDeclaration>>) => {
      const { slots, slotIds } = featureSpecOf(declared);
      expect([...slotIds]).toEqual(slots.map((slot) => slot.id));
      return Object.fromEntries(slots.map((slot) => [slot.name, slot.id]));
    };
    const before = idsOf(features);
    const fewer = { user: features.user, item: features.item };
    expect(before).toMatchObject(idsOf(fewer));
    expect(idsOf({ age: id('user', 'age'), ...features })).toMatchObject(before);
    expect(idsOf(Object.fromEntries(Object.entries(features).reverse()))).toEqual(before);
  });

  test('of two names is refused where it is one, by both names', () => {
    const named = [
      { name: 'brand', id: 7 },
      { name: 'shelf', id: 8 },
      { name: 'colour', id: 7 },
    ];
    expect(() => requireDistinctIds(named)).toThrow(/"brand" and "colour"/);
    expect(() => requireDistinctIds(named.slice(0, 2))).not.toThrow();
  });
});
