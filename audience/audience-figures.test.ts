import { describe, expect, test } from '@jest/globals';
import type { Served } from './audience-figures.js';
import { AudienceLedger } from './audience-figures.js';

const state = { introduced: true, inFlight: 0 };
const served = (changes: Partial<Served> = {}): Served => ({
  impressions: 10,
  clicks: 2,
  latencyMs: 8,
  degraded: false,
  reference: { oracle: 0.6, random: 0.1 },
  ...changes,
});

describe('AudienceLedger', () => {
  test('recent rates forget what is older than ten seconds; totals do not', () => {
    const ledger = new AudienceLedger();
    ledger.served(served({ clicks: 0 }), 100);
    ledger.served(served({ clicks: 8, reference: { oracle: 0.8, random: 0.3 } }), 12_000);
    const figures = ledger.figures(12_500, state);
    expect(figures.recent).toEqual({
      requests: 1,
      impressions: 10,
      clicks: 8,
      ctr: 0.8,
      oracle: 0.8,
      random: 0.3,
    });
    expect(figures.total.ctr).toBeCloseTo(0.4);
    expect(figures.total.oracle).toBeCloseTo(0.7);
    expect(figures.total.random).toBeCloseTo(0.2);
    expect(ledger.figures(60_000, state).recent.ctr).toBeNaN();
  });

  test('every five seconds become one point, also those without requests', () => {
    const ledger = new AudienceLedger();
    ledger.served(served(), 1_000);
    ledger.served(served({ clicks: 4 }), 4_999);
    ledger.served(served({ clicks: 10 }), 10_000);
    const { series } = ledger.figures(15_000, state);
    expect(series.map(({ endMs, requests, clicks }) => [endMs, requests, clicks])).toEqual([
      [5_000, 2, 6],
      [10_000, 0, 0],
      [15_000, 1, 10],
    ]);
    expect(series[0]!.ctr).toBeCloseTo(0.3);
    expect(series[1]!.ctr).toBeNaN();
  });

  test('the series keeps two hours, even after a long sleep', () => {
    const ledger = new AudienceLedger();
    ledger.served(served(), 0);
    const { series } = ledger.figures(30 * 24 * 3_600_000, state);
    expect(series.length).toBe(1440);
    expect(series.at(-1)!.endMs).toBe(30 * 24 * 3_600_000);
  });

  test('requests whose reference was not measured leave the reference rates alone', () => {
    const ledger = new AudienceLedger();
    ledger.served(served(), 0);
    ledger.served(served({ reference: undefined, clicks: 4 }), 1);
    expect(ledger.figures(2, state).total).toMatchObject({
      requests: 2,
      ctr: 0.3,
      oracle: 0.6,
      random: 0.1,
    });
  });

  test('errors are counted by code, slowness and degradation apart', () => {
    const ledger = new AudienceLedger();
    ledger.failed('TIMEOUT');
    ledger.failed('TIMEOUT');
    ledger.failed('OVERLOADED');
    ledger.served(served({ latencyMs: 100, degraded: true }), 5);
    const figures = ledger.figures(6, { introduced: false, inFlight: 3 });
    expect(figures).toMatchObject({
      errors: { TIMEOUT: 2, OVERLOADED: 1 },
      degraded: 1,
      inFlight: 3,
      introduced: false,
    });
    expect(figures.latencyMs.p99).toBeCloseTo(100, -1);
  });
});
