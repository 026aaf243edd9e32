import { describe, expect, test } from '@jest/globals';
import { LatencyHistogram } from '../core/base/histogram.js';
import { acknowledgedLaws } from './acknowledged.js';

function holds(
  told: { actions: number; actionsUnsure?: number; impressions?: number },
  has: { actions: number; impressions?: number },
): boolean[] {
  const none = { missing: 0, surplus: 0, refused: 0, joined: 0, joinedAgain: 0 };
  return acknowledgedLaws(
    {
      ...{ requests: 0, failed: 0, degraded: 0, rerouted: 0, failures: {} },
      latency: new LatencyHistogram(),
      ...{ actionsUnsure: 0, impressions: 0, ...told },
    },
    {
      actions: { ...none, accepted: has.actions },
      impressions: { ...none, accepted: has.impressions ?? 0 },
    },
  ).map(({ verdict }) => verdict === 'holds');
}

describe('what people were told', () => {
  test('is in the log, action by action', () => {
    expect(holds({ actions: 3 }, { actions: 3 })).toEqual([true, true]);
    expect(holds({ actions: 3 }, { actions: 2 })).toEqual([false, true]);
    expect(holds({ actions: 3 }, { actions: 4 })).toEqual([false, true]);
  });

  test('leaves open what was offered and not answered', () => {
    const told = { actions: 3, actionsUnsure: 1 };
    expect(holds(told, { actions: 4 })[0]).toBe(true);
    expect(holds(told, { actions: 5 })[0]).toBe(false);
  });

  test('says how many impressions there are at least', () => {
    const impressions = 5;
    expect(holds({ actions: 0, impressions }, { actions: 0, impressions: 9 })[1]).toBe(true);
    expect(holds({ actions: 0, impressions }, { actions: 0, impressions: 4 })[1]).toBe(false);
  });
});
