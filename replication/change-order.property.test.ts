import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { changedBy } from '../core/features/entity-change.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import type { FeatureChange } from '../messages/features.js';
import { modeOf } from '../messages/features.js';
import { ChangeOrder } from './change-order.js';

const told = fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.constantFrom(1, 2, null));
const act = fc.constantFrom('patch', 'replace', 'erase');
const row = fc.record({ id: fc.constantFrom('x', 'y', '__proto__'), told });
const accepted = fc.record({ act, rows: fc.array(row, { minLength: 1, maxLength: 3 }) });
/** Of each record of the log, how many places too late it is, and whether it comes twice. */
const late = fc.record({ places: fc.integer({ min: 0, max: 4 }), twice: fc.boolean() });

type Items = Map<string, RawFeatures>;

function apply(items: Items, change: FeatureChange | undefined): void {
  change?.ids.forEach((id, i) => {
    if (change.erased?.[i]) items.delete(id);
    else items.set(id, changedBy(items.get(id), change.features[i]!, modeOf(change, i)));
  });
}

function changeOf(
  { act, rows }: { act: string; rows: { id: string; told: RawFeatures }[] },
  dataCenter: string,
  sequence: number,
): FeatureChange {
  return {
    ...{
      entity: 'item',
      mode: act === 'patch' ? 'patch' : 'replace',
      origin: { dataCenter, sequence },
    },
    ids: rows.map(({ id }) => id),
    features: rows.map(({ told }) => told),
    ...(act === 'erase' ? { erased: rows.map(() => true) } : {}),
  };
}

/** As processors wrote them: some late, some once more. */
function logOf(changes: readonly FeatureChange[], lates: { places: number; twice: boolean }[]) {
  const placed = changes.flatMap((change, i) => {
    const { places, twice } = lates[i % lates.length]!;
    return [{ change, at: i + places }, ...(twice ? [{ change, at: i + places + 2.5 }] : [])];
  });
  return placed.sort((a, b) => a.at - b.at).map(({ change }) => change);
}

describe('changes that two processors wrote in another order', () => {
  const lates = fc.array(late, { minLength: 1, maxLength: 8 });

  test('come to what they are in the order of their acceptance', () => {
    fc.assert(
      fc.property(fc.array(accepted, { maxLength: 12 }), lates, (list, lates) => {
        const changes = list.map((each, i) => changeOf(each, 'east', i + 1));
        const expected: Items = new Map();
        const items: Items = new Map();
        for (const change of changes) apply(expected, change);
        const order = new ChangeOrder();
        logOf(changes, lates).forEach((change, i) => apply(items, order.next(change, i + 1)));
        expect(items).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test('are the same to who begins later, also those of two data centers', () => {
    const dataCenters = fc.array(fc.constantFrom('east', 'west'), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(
        fc.array(accepted, { maxLength: 12 }),
        lates,
        dataCenters,
        fc.nat(12), // prettier-ignore
        (list, lates, dataCenters, from) => {
          const changes = list.map((each, i) =>
            changeOf(each, dataCenters[i % dataCenters.length]!, i + 1),
          );
          const log = logOf(changes, lates);
          const start = Math.min(from, log.length);
          const all: Items = new Map();
          const later: Items = new Map();
          const [one, other] = [new ChangeOrder(), new ChangeOrder()];
          log.forEach((change, i) => {
            apply(all, one.next(change, i + 1));
            if (i + 1 === start) for (const [id, known] of all) later.set(id, known);
          });
          // It has a snapshot up to there, and is told again of what came before.
          log.forEach((change, i) => {
            const effective = other.next(change, i + 1);
            if (i + 1 > start) apply(later, effective);
          });
          expect(later).toEqual(all);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('are forgotten in the same records by all', () => {
    const order = new ChangeOrder();
    const patch = (sequence: number, a: number): FeatureChange => ({
      ...{ entity: 'item', mode: 'patch', ids: ['x'], features: [{ a }] },
      origin: { dataCenter: 'east', sequence },
    });
    expect(order.next(patch(9, 1), 1)).toEqual(patch(9, 1));
    expect(order.next(patch(8, 2), 1000)).toMatchObject({ features: [{ a: 1 }] });
    // The record of the newer one is too long ago.
    expect(order.next(patch(7, 3), 1025)).toMatchObject({ features: [{ a: 2 }] });
    expect(order.next(patch(6, 4), 5000)).toEqual(patch(6, 4));
    expect(order.next(undefined, 5001)).toBeUndefined();
    expect(order.sequence).toBe(5001);
    order.clear();
    expect(order.sequence).toBe(0);
  });
});
