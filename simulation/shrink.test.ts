import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Fault } from './faults/fault.js';
import { faultKinds, isFault, rowOf } from './faults/fault.js';
import { phasesOf, scheduleOf, usualSchedule } from './faults/schedule.js';
import { shrink } from './shrink.js';
import { SeededRandom } from './time/seeded-random.js';

const faultAt = (atMs: number): Fault => ({
  ...{ kind: 'kill actor', forMs: 0, target: 0, other: 0 },
  atMs,
});

describe('shrinking', () => {
  test('finds the faults that matter, wherever they are', async () => {
    const places = fc.uniqueArray(fc.nat({ max: 39 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(places, async (matter) => {
        const all = Array.from({ length: 40 }, (_unused, i) => faultAt(i));
        const fails = async (some: readonly Fault[]): Promise<boolean> =>
          matter.every((atMs) => some.some((fault) => fault.atMs === atMs));
        const rest = await shrink(all, fails, 1_000);
        expect(rest.map(({ atMs }) => atMs)).toEqual([...matter].sort((a, b) => a - b));
      }),
      { numRuns: 50 },
    );
  });

  test('finds out that it fails without any fault', async () => {
    expect(await shrink([faultAt(1), faultAt(2)], async () => true, 100)).toEqual([]);
  });

  test('gives what it has when its tries are over', async () => {
    const all = Array.from({ length: 16 }, (_unused, i) => faultAt(i));
    let tries = 0;
    const fails = async (some: readonly Fault[]): Promise<boolean> => {
      tries++;
      return some.some(({ atMs }) => atMs === 3);
    };
    expect((await shrink(all, fails, 2)).length).toBe(8);
    expect(tries).toBe(2);
  });
});

describe('a schedule', () => {
  const options = { ...usualSchedule, endMs: 600_000 };

  test('is the same for the same seed, and has every kind of fault before long', () => {
    expect(scheduleOf(new SeededRandom(3), options)).toEqual(
      scheduleOf(new SeededRandom(3), options),
    );
    const kinds = [1, 2, 3, 4, 5].flatMap((seed) => scheduleOf(new SeededRandom(seed), options));
    expect([...new Set(kinds.map(({ kind }) => kind))].sort()).toEqual([...faultKinds].sort());
    expect(kinds.every(isFault)).toBe(true);
  });

  test('leaves every calm alone, and keeps to the lengths of its faults', () => {
    const phases = phasesOf(options);
    expect(phases).toHaveLength(5);
    for (const { kind, atMs, forMs } of scheduleOf(new SeededRandom(9), options)) {
      const phase = phases.find(({ fromMs, endMs }) => fromMs <= atMs && atMs < endMs)!;
      expect(atMs + forMs).toBeLessThanOrEqual(phase.calmFromMs);
      expect(forMs).toBeLessThanOrEqual(rowOf(kind).forMs?.[1] ?? 0);
    }
  });
});
