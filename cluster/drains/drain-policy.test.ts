import { describe, expect, test } from '@jest/globals';
import { isCalm, mayDrain, relapsesAfter, type DrainView } from './drain-policy.js';

const patience = { drainAfterMs: 10, rejoinAfterMs: 100 };

const well = { p99Ms: 20, freshnessMs: 50 };
const train: DrainView = {
  name: 'train',
  role: 'training',
  drained: false,
  able: true,
  health: { p99Ms: null, freshnessMs: null },
  judgment: 'passable',
};
const east: DrainView = {
  ...train,
  name: 'east',
  role: 'inference',
  health: well,
  judgment: 'fine',
};
const west: DrainView = { ...east, name: 'west' };
const slow = { judgment: 'slow', health: { ...well, p99Ms: 2_000 } } as const;
const stale = { judgment: 'stale', health: { ...well, freshnessMs: 60_000 } } as const;

describe('a data center may be drained by hand', () => {
  test('while another one serves, however it does', () => {
    expect(mayDrain('east', [train, east, west], 'hand')).toEqual({ may: true });
    expect(mayDrain('east', [train, east, { ...west, ...slow }], 'hand')).toEqual({ may: true });
  });

  test.each<[string, Partial<DrainView>]>([
    ['is drained', { drained: true }],
    ['lacks a kind', { able: false }],
    ['is the training one', { role: 'training' }],
  ])('but not when the other one %s', (_, other) => {
    expect(mayDrain('east', [train, east, { ...west, ...other }], 'hand')).toMatchObject({
      may: false,
      why: expect.stringContaining('the last inference data center that serves'),
    });
  });

  test('but not the training one, nor one that is not there', () => {
    expect(mayDrain('train', [train, east, west], 'hand')).toMatchObject({
      why: expect.stringContaining('training'),
    });
    expect(mayDrain('north', [train, east], 'hand')).toMatchObject({
      why: 'there is no data center "north"; there are train, east.',
    });
  });
});

describe('a data center may be drained by itself', () => {
  test.each([
    ['slow', slow],
    ['stale', stale],
  ] as const)('when it is %s and another one is clearly better', (by, ill) => {
    expect(mayDrain('east', [train, { ...east, ...ill }, west], by)).toEqual({ may: true });
  });

  test.each([
    ['slow', slow],
    ['stale', stale],
  ] as const)('but not when all are %s alike: it would cure nothing', (by, ill) => {
    const all = [train, { ...east, ...ill }, { ...west, ...ill }];
    expect(mayDrain('east', all, by)).toMatchObject({ may: false });
    expect(mayDrain('west', all, by)).toMatchObject({ may: false });
  });

  test('but not when the other one is only a little better', () => {
    const all = [
      train,
      { ...east, ...slow, health: { ...well, p99Ms: 1_010 } },
      { ...west, health: { ...well, p99Ms: 990 } },
    ];
    expect(mayDrain('east', all, 'slow')).toMatchObject({ may: false });
  });

  test('nor into one that is ill in another way', () => {
    const all = [train, { ...east, ...slow }, { ...west, ...stale }];
    expect(mayDrain('east', all, 'slow')).toMatchObject({ may: false });
  });

  test('and into one that nobody has asked lately', () => {
    const quiet = { ...west, health: { p99Ms: null, freshnessMs: 0 } };
    expect(mayDrain('east', [train, { ...east, ...slow }, quiet], 'slow')).toEqual({ may: true });
  });

  test('but never the last one that serves', () => {
    const all = [train, { ...east, ...slow }, { ...west, drained: true }];
    expect(mayDrain('east', all, 'slow')).toMatchObject({ may: false });
  });
});

describe('trials', () => {
  test('that fail are counted, one that holds out ends the count', () => {
    expect(relapsesAfter(0, null, 1_000, patience)).toBe(0);
    expect(relapsesAfter(2, 1_000, 1_800, patience)).toBe(3);
    expect(relapsesAfter(2, 1_000, 1_801, patience)).toBe(0);
  });

  test('are further and further apart, up to a bound', () => {
    const fine = { ailing: null, fineSinceMs: 0 };
    expect(isCalm(fine, 400, patience, 2)).toBe(false);
    expect(isCalm(fine, 401, patience, 2)).toBe(true);
    expect(isCalm(fine, 1_601, patience, 1_000)).toBe(true);
    expect(isCalm({ ...fine, fineSinceMs: null }, 1_601, patience, 0)).toBe(false);
  });
});
