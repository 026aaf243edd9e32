import { describe, expect, test } from '@jest/globals';
import { parseClusterConfig } from '../core/config/schema.js';
import {
  backoffMs,
  childPolicy,
  isPermanent,
  noCrashes,
  policyOf,
  recordCrash,
  withinIntensity,
  type CrashHistory,
} from './restart-policy.js';

const policy = childPolicy({
  restartsMax: 3,
  restartWindowMs: 1_000,
  backoffMsMin: 10,
  backoffMsMax: 100,
});

function crashesAt(...timesMs: number[]): CrashHistory {
  return timesMs.reduce<CrashHistory>(
    (history, atMs) => recordCrash(history, atMs, policy.restartWindowMs),
    noCrashes,
  );
}

describe('restart intensity', () => {
  test('grants N restarts in the window and refuses the next', () => {
    expect(withinIntensity(crashesAt(0, 1), 2, policy)).toBe(true);
    expect(withinIntensity(crashesAt(0, 1, 2), 3, policy)).toBe(false);
  });

  test('forgets crashes that left the window', () => {
    const history = { ...crashesAt(0, 1, 2), crashesSinceReady: 0 };
    expect(withinIntensity(history, 999, policy)).toBe(false);
    expect(withinIntensity(history, 1_000, policy)).toBe(true);
    expect(recordCrash(history, 1_001, policy.restartWindowMs).crashesAtMs).toEqual([2, 1_001]);
  });

  test('gives up on an actor that never gets ready, however slowly it dies', () => {
    expect(withinIntensity(crashesAt(0, 5_000, 10_000), 15_000, policy)).toBe(false);
  });
});

describe('backoff', () => {
  test('doubles with every crash up to the maximum', () => {
    const pauses = [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5]];
    const whole = pauses.map((times) => backoffMs(crashesAt(...times), policy, 1));
    expect(whole).toEqual([10, 20, 40, 80, 100, 100]);
  });

  test('takes between a half and the whole of the pause', () => {
    expect(backoffMs(crashesAt(0), policy, 0)).toBe(5);
    expect(backoffMs(crashesAt(0), policy, 0.5)).toBe(7.5);
  });

  test('stays finite after very many crashes', () => {
    expect(backoffMs({ crashesAtMs: [], crashesSinceReady: 5_000 }, policy, 1)).toBe(100);
  });
});

test('only what a restart can not change is permanent', () => {
  expect(isPermanent('CONFIG_INVALID')).toBe(true);
  expect(isPermanent('STORAGE_FULL')).toBe(false);
  expect(isPermanent('BAD_MESSAGE')).toBe(false);
  // Of a configuration that this process does not have yet.
  expect(isPermanent('SPEC_MISMATCH')).toBe(false);
  expect(isPermanent(undefined)).toBe(false);
});

test('what is not said is what a configuration that says nothing has', () => {
  const { supervision } = parseClusterConfig({
    features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
  });
  expect(childPolicy()).toEqual(policyOf(supervision));
  expect(childPolicy({ drainMs: 1 })).toEqual({ ...policyOf(supervision), drainMs: 1 });
});

test('a policy that makes no sense is refused by field', () => {
  const invalid = { code: 'CONFIG_INVALID' };
  expect(() => childPolicy({ drainMs: 0 })).toThrow(expect.objectContaining(invalid));
  expect(() => childPolicy({ backoffMsMin: 9_000 })).toThrow(expect.objectContaining(invalid));
});
