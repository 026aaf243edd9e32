import { describe, expect, test } from '@jest/globals';
import { codeOf, messageOf } from '../../base/errors.js';
import { mix32 } from '../../base/hash.js';
import { createAdmission, type AdmissionSpec } from './admission.js';

const day = 86_400;

function admissionsOf(spec: AdmissionSpec, atSeconds: readonly number[], low = 7): boolean[] {
  const admission = createAdmission(spec, 1);
  return atSeconds.map((at) => admission.admit(low, 0, at));
}

/** The share of first occurrences of `count` distinct fids that are admitted. */
function admittedShare(spec: AdmissionSpec, count: number, atSeconds: number): number {
  const admission = createAdmission(spec, 3);
  let admitted = 0;
  for (let i = 0; i < count; i++) if (admission.admit(mix32(i), i, atSeconds)) admitted++;
  return admitted / count;
}

describe('createAdmission', () => {
  test('always admits the first occurrence and takes no memory', () => {
    const admission = createAdmission({ kind: 'always' }, 1);
    expect(admission.admit(0, 0, 0)).toBe(true);
    expect(admission.bytes).toBe(0);
  });

  test.each<[string, AdmissionSpec]>([
    ['occurrences', { kind: 'exact', occurrences: 0 }],
    ['occurrences', { kind: 'exact', occurrences: 1.5 }],
    ['keysMax', { kind: 'exact', occurrences: 2, keysMax: 1 }],
    ['occurrences', { kind: 'sketch', occurrences: 16, windowSeconds: day, bytes: 4096 }],
    ['windowSeconds', { kind: 'sketch', occurrences: 2, windowSeconds: 0, bytes: 4096 }],
    ['bytes', { kind: 'sketch', occurrences: 2, windowSeconds: day, bytes: 1000 }],
    ['bytes', { kind: 'sketch', occurrences: 2, windowSeconds: day, bytes: NaN }],
    ['probability', { kind: 'probability', probability: 0 }],
    ['probability', { kind: 'probability', probability: 1.1 }],
    ['probability', { kind: 'probability', probability: NaN }],
    ['kind', { kind: 'never' } as unknown as AdmissionSpec],
  ])('a wrong %s is refused by name', (field, spec) => {
    let error: unknown;
    try {
      createAdmission(spec, 1);
    } catch (thrown) {
      error = thrown;
    }
    expect(codeOf(error)).toBe('CONFIG_INVALID');
    expect(messageOf(error)).toContain(`admission.${field}: expected `);
  });
});

describe('exact admission', () => {
  test('admits the n-th occurrence, then counts from 0 again', () => {
    expect(admissionsOf({ kind: 'exact', occurrences: 3 }, [1, 2, 3, 4, 5, 6])).toEqual([
      false,
      false,
      true,
      false,
      false,
      true,
    ]);
    expect(admissionsOf({ kind: 'exact', occurrences: 1 }, [1, 2])).toEqual([true, true]);
  });

  test('event time does not matter, not even backwards', () => {
    expect(admissionsOf({ kind: 'exact', occurrences: 2 }, [day, 0])).toEqual([false, true]);
  });

  test('at the bound the fids unseen for longest are forgotten, and no others', () => {
    const spec: AdmissionSpec = { kind: 'exact', occurrences: 2, keysMax: 1000 };
    const remembers = (others: number): boolean => {
      const admission = createAdmission(spec, 1);
      // Fills half a generation first, so that 7 is not the first of its generation.
      for (let i = 0; i < 250; i++) admission.admit(mix32(i), 1, 0);
      admission.admit(7, 0, 0);
      for (let i = 0; i < others; i++) admission.admit(mix32(i), 2, 0);
      return admission.admit(7, 0, 0);
    };
    expect(remembers(499)).toBe(true);
    expect(remembers(1001)).toBe(false);
  });

  test('memory stays bounded under many more distinct fids than it keeps', () => {
    const keysMax = 50_000;
    const admission = createAdmission({ kind: 'exact', occurrences: 2, keysMax }, 1);
    let admitted = 0;
    let bytesMax = 0;
    for (let i = 0; i < 10 * keysMax; i++) {
      if (admission.admit(i, 1, i)) admitted++;
      if (i % 1000 === 0) bytesMax = Math.max(bytesMax, admission.bytes);
    }
    expect(admitted).toBe(0);
    expect(bytesMax).toBeLessThanOrEqual(25.5 * keysMax);
  });
});

describe('sketch admission', () => {
  const spec: AdmissionSpec = { kind: 'sketch', occurrences: 3, windowSeconds: day, bytes: 65_536 };

  test('admits the n-th occurrence within the window', () => {
    expect(admissionsOf(spec, [0, 10, day - 1])).toEqual([false, false, true]);
  });

  test('forgets occurrences after four thirds of the window at the latest', () => {
    expect(admissionsOf(spec, [0, 10, (day * 4) / 3, (day * 4) / 3 + 1])).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(admissionsOf(spec, [0, 0, 100 * day, 100 * day, 100 * day])).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  test('a late occurrence counts, within the window or before it', () => {
    expect(admissionsOf(spec, [day, day / 2, 5])).toEqual([false, false, true]);
    expect(admissionsOf(spec, [9 * day, 0, 0])).toEqual([false, false, true]);
  });

  test('a late occurrence leaves the window with its own time, not with the newest', () => {
    const start = 6 * day;
    const late = start - day * 0.9;
    expect(admissionsOf(spec, [start, late, start + day / 2])).toEqual([false, false, false]);
    expect(admissionsOf(spec, [start, start, start + day / 2])).toEqual([false, false, true]);
  });

  test('memory is fixed, however many fids come', () => {
    const admission = createAdmission(spec, 1);
    for (let i = 0; i < 100_000; i++) admission.admit(mix32(i), i, i);
    expect(admission.bytes).toBe(65_536);
    const odd = createAdmission({ ...spec, bytes: 65_543 }, 1);
    expect(odd.bytes).toBe(65_536);
  });

  test('a sketch that is far too small admits early, and never late', () => {
    const admission = createAdmission({ ...spec, bytes: 1024 }, 1);
    for (let i = 0; i < 10_000; i++) admission.admit(mix32(i), i, 0);
    expect(admission.admit(7, 7, 0)).toBe(true);
  });
});

describe('probability admission', () => {
  test.each([0.001, 0.2, 0.9, 1])('admits a share of %d of all occurrences', (probability) => {
    const count = 100_000;
    const share = admittedShare({ kind: 'probability', probability }, count, 5);
    const deviation = Math.sqrt((probability * (1 - probability)) / count);
    expect(Math.abs(share - probability)).toBeLessThanOrEqual(4 * deviation);
  });

  test('a replay decides alike, whatever came before', () => {
    const spec: AdmissionSpec = { kind: 'probability', probability: 0.5 };
    const times = Array.from({ length: 64 }, (_, i) => 1_700_000_000 + 60 * i);
    const once = admissionsOf(spec, times);
    const backwards = admissionsOf(spec, [...times].reverse()).reverse();
    expect(backwards).toEqual(once);
    expect(new Set(once).size).toBe(2);
    expect(admissionsOf(spec, times, 8)).not.toEqual(once);
    expect(admissionsOf(spec, [1.25, 1.75])).toEqual(admissionsOf(spec, [1, 1]));
  });

  test('words as int32 or u32 are the same fid', () => {
    const spec: AdmissionSpec = { kind: 'probability', probability: 0.5 };
    const times = Array.from({ length: 32 }, (_, i) => i);
    expect(admissionsOf(spec, times, -5)).toEqual(admissionsOf(spec, times, -5 >>> 0));
  });
});
