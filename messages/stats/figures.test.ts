import { describe, expect, test } from '@jest/globals';
import { health } from './common-figures.js';
import { endpoint } from './endpoint-figures.js';
import {
  byPartition,
  counter,
  flag,
  gauge,
  hear,
  histogram,
  measure,
  partitions,
  text,
} from './figures.js';
import { totalsOf, untold } from './totals.js';

const endpointSaid = { requests: 3, errors: 0, inFlight: 1, p50Ms: 2, p99Ms: 4, recentP99Ms: null };
const table = {
  rows: gauge('count', 'Rows.'),
  pushed: counter('Pushes.'),
  p50Ms: measure('ms', 'Median.'),
  backend: text('Backend.'),
  serving: flag('Serving.'),
  owned: partitions('Owned.'),
  applied: byPartition('Applied.'),
  ages: histogram('ms', 'Ages.'),
  push: endpoint('Pushes.'),
};
const said = {
  rows: -1.5,
  pushed: 7,
  p50Ms: 3,
  backend: 'wasm',
  serving: false,
  owned: [0, 2],
  applied: { 0: 4, 2: 4 },
  ages: [1, 2.5],
  push: endpointSaid,
};

describe('figures', () => {
  test('are heard as they were said, on both sides of a channel', () => {
    expect(hear(table, said)).toEqual(said);
    expect(hear(table, JSON.parse(JSON.stringify(said)))).toEqual(said);
  });

  test('that measured nothing are null, whether they were said as NaN or came as JSON', () => {
    const nothing = { p50Ms: NaN, push: null };
    const heard = { p50Ms: null, push: null };
    expect(hear(table, nothing)).toEqual(heard);
    expect(hear(table, JSON.parse(JSON.stringify(nothing)))).toEqual(heard);
    expect(hear(table, { push: { ...endpointSaid, p50Ms: NaN } })).toEqual({
      push: { ...endpointSaid, p50Ms: null },
    });
  });

  test.each<[keyof typeof table, readonly unknown[]]>([
    ['rows', ['many', null, NaN, Infinity, undefined, [1]]],
    ['pushed', [-1, 1.5, '7', null]],
    ['p50Ms', ['fast', undefined, {}]],
    ['backend', [1, null]],
    ['serving', ['yes', 1, null]],
    ['owned', [[-1], [0.5], 'all', null]],
    ['applied', [{ 0: 'all' }, [4], null]],
    ['ages', [[1, null], 'old', null]],
    ['push', [{ ...endpointSaid, requests: 'many' }, { requests: 1 }, 5]],
  ])('of another shape are absent, never 0, and take no others with them: %s', (name, shapes) => {
    const others = Object.fromEntries(Object.entries(said).filter(([each]) => each !== name));
    for (const shape of shapes) expect(hear(table, { ...said, [name]: shape })).toEqual(others);
    expect(hear(table, others)).toEqual(others);
  });

  test('that are not known are left out', () => {
    expect(hear(table, { rows: 1, later: 2 })).toEqual({ rows: 1 });
  });

  test.each([undefined, null, 'well', [1]])('that are no map are all absent: %j', (value) => {
    expect(hear(table, value)).toEqual({});
  });
});

describe('totals', () => {
  const names = ['open', 'late'] as const;
  const one = { address: 'train.joiner.0', stats: { open: 1, late: 2 } };

  test('are sums', () => {
    expect(totalsOf([one, { ...one, stats: { open: 3, late: 0 } }], names)).toEqual({
      open: 4,
      late: 2,
    });
  });

  test('are not to be had where one has not told, or nobody could', () => {
    const silent = { address: 'train.joiner.1', stats: { open: 3 } };
    expect(totalsOf([one, silent], names)).toBeUndefined();
    expect(untold([one, silent], names)).toEqual(['train.joiner.1 has not told late']);
    expect(totalsOf([], names)).toBeUndefined();
  });
});

describe('the health in the figures of an actor', () => {
  test('is read, and what it does not tell is absent', () => {
    expect(health.read({ p99Ms: 12, later: 1 })).toEqual({ p99Ms: 12 });
    expect(health.read({ through: 7, propagationP99Ms: 3 })).toEqual({
      through: 7,
      propagationP99Ms: 3,
    });
  });

  test('the figure of nothing is null, on this side of the channel and on the other', () => {
    const none = { p99Ms: NaN, propagationP99Ms: NaN };
    const read = { p99Ms: null, propagationP99Ms: null };
    expect(health.read(none)).toEqual(read);
    expect(health.read(JSON.parse(JSON.stringify(none)))).toEqual(read);
  });

  test.each([undefined, null, 'well', [1], { through: 'all' }, { through: -1 }])(
    'of another shape says nothing: %j',
    (value) => expect(health.read(value) ?? {}).toEqual({}),
  );
});
