import { describe, expect, test } from '@jest/globals';
import type { ActorStatus, ChildState } from '../../messages/actor-status.js';
import type { ActorHealth } from '../../messages/stats/common-figures.js';
import {
  haveLeft,
  healthOf,
  HealthWatch,
  judgmentOf,
  LagWatch,
  type DataCenterHealth,
  type Judgment,
} from './data-center-health.js';

function actor(dataCenter: string, health: ActorHealth, state: ChildState = 'ready'): ActorStatus {
  return {
    address: `${dataCenter}.ranker.0`,
    kind: 'ranker',
    dataCenter,
    host: 'here',
    pid: 1,
    state,
    epoch: 1,
    restarts: 0,
    stats: { health },
    sinceMs: 0,
  };
}

describe('the health of a data center', () => {
  test('is that of its slowest replica, and of the rows that know least', () => {
    const actors = [
      actor('east', { p99Ms: 20 }),
      actor('east', { p99Ms: 900 }),
      actor('east', { p99Ms: null }),
      actor('east', { through: 12, propagationP99Ms: 5 }),
      actor('east', { through: 7, propagationP99Ms: null }),
      { ...actor('east', {}), stats: {} },
    ];
    expect(healthOf(actors)).toEqual({ p99Ms: 900, through: 7, propagationP99Ms: 5 });
  });

  test('leaves out actors that are not ready', () => {
    const actors = [actor('east', { p99Ms: 9_000, through: 0 }, 'restarting')];
    expect(healthOf(actors)).toEqual({ p99Ms: null, through: null, propagationP99Ms: null });
  });

  test.each<[DataCenterHealth, Judgment]>([
    [{ p99Ms: 1_001, freshnessMs: 0 }, 'slow'],
    [{ p99Ms: 1_001, freshnessMs: null }, 'slow'],
    [{ p99Ms: 1_001, freshnessMs: 40_000 }, 'slow'],
    [{ p99Ms: 1_000, freshnessMs: 0 }, 'passable'],
    [{ p99Ms: 501, freshnessMs: 0 }, 'passable'],
    [{ p99Ms: 500, freshnessMs: 15_000 }, 'fine'],
    [{ p99Ms: null, freshnessMs: 0 }, 'fine'],
    [{ p99Ms: null, freshnessMs: 15_001 }, 'passable'],
    [{ p99Ms: null, freshnessMs: 30_001 }, 'stale'],
    [{ p99Ms: 1, freshnessMs: null }, 'passable'],
  ])('%j is %s', (health, judgment) => {
    const budgets = { p99BudgetMs: 1_000, freshnessBudgetMs: 30_000 };
    expect(judgmentOf(health, budgets)).toBe(judgment);
  });
});

describe('all data centers together', () => {
  test('show that one is cut off, whose last figures are as good as ever', () => {
    const watch = new HealthWatch();
    const look = (east: number, west: number, nowMs: number) =>
      watch.observe(
        [
          actor('train', {}),
          actor('east', { p99Ms: 30, through: east, propagationP99Ms: null }),
          actor('west', { p99Ms: 40, through: west, propagationP99Ms: 12 }),
        ],
        nowMs,
      );
    expect(Object.fromEntries(look(10, 10, 0))).toEqual({
      train: { p99Ms: null, freshnessMs: null },
      east: { p99Ms: 30, freshnessMs: 0 },
      west: { p99Ms: 40, freshnessMs: 12 },
    });
    look(10, 11, 1_000);
    look(10, 20, 2_000);
    expect(look(10, 20, 31_000).get('east')).toEqual({ p99Ms: 30, freshnessMs: 30_000 });
    expect(look(11, 20, 31_500).get('east')?.freshnessMs).toBe(29_500);
    expect(look(20, 20, 32_000).get('east')?.freshnessMs).toBe(0);
  });
});

describe('the lag of a data center', () => {
  const lags = (watch: LagWatch, throughs: Record<string, number>, nowMs: number) =>
    Object.fromEntries(watch.observe(new Map(Object.entries(throughs)), nowMs));

  test('is none when training stands still, for however long', () => {
    const watch = new LagWatch();
    lags(watch, { east: 5, west: 5 }, 0);
    expect(lags(watch, { east: 5, west: 5 }, 1e9)).toEqual({ east: 0, west: 0 });
  });

  test('after a long quiet time begins with what comes first', () => {
    const watch = new LagWatch();
    lags(watch, { east: 5, west: 5 }, 0);
    expect(lags(watch, { east: 5, west: 6 }, 1e9)).toEqual({ east: 0, west: 0 });
    expect(lags(watch, { east: 5, west: 6 }, 1e9 + 300)).toEqual({ east: 300, west: 0 });
  });

  test('is forgotten when rows go back to an earlier moment everywhere', () => {
    const watch = new LagWatch();
    lags(watch, { east: 5, west: 50 }, 0);
    expect(lags(watch, { east: 5, west: 5 }, 9_000)).toEqual({ east: 0, west: 0 });
  });

  test('is known to some seconds when it lasts for hours', () => {
    const watch = new LagWatch();
    for (let i = 0; i < 5_000; i++) lags(watch, { east: 0, west: i }, i * 2_000);
    expect(lags(watch, { east: 0, west: 5_000 }, 1e7)).toEqual({ east: 1e7 - 2_000, west: 0 });
    const { east } = lags(watch, { east: 2_500, west: 5_000 }, 1e7) as { east: number };
    expect(Math.abs(east - 5e6)).toBeLessThan(10_000);
  });

  test('of nobody is nothing', () => {
    expect(lags(new LagWatch(), {}, 0)).toEqual({});
  });
});

test.each<[boolean, ChildState, boolean | undefined]>([
  [false, 'ready', true],
  [false, 'suspect', true],
  [false, 'restoring', true],
  [true, 'ready', false],
  [true, 'ready', undefined],
  [true, 'restarting', true],
  [true, 'failed', true],
])('that all have left is %s when one is %s and says %s', (left, state, serving) => {
  const actors = [
    { state: 'ready' as const, stats: { serving: false } },
    { state, stats: serving === undefined ? {} : { serving } },
  ];
  expect(haveLeft(actors)).toBe(left);
});
