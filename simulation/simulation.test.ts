import { describe, expect, test } from '@jest/globals';
import type { Fault } from './faults/fault.js';
import { faultKinds } from './faults/fault.js';
import { Simulation } from './simulation.js';

describe('a simulation', () => {
  test('stands every kind of fault, and does the same twice', async () => {
    const faults = faultKinds.map((kind, i): Fault => ({
      ...{ kind, atMs: 5_000 + 900 * i, forMs: 2_000 },
      ...{ target: (0.37 * i) % 1, other: 0.5 },
    }));
    const reports = [];
    for (let i = 0; i < 2; i++)
      reports.push(await Simulation.run({ seed: 11, minutes: 1.2, schedule: faults }));
    const [first, again] = reports;
    expect(first!.violation).toBeUndefined();
    expect(first!.answered).toBeGreaterThan(40);
    expect(first!.faults).toEqual(Object.fromEntries(faultKinds.map((kind) => [kind, 1])));
    expect([again!.digest, again!.events]).toEqual([first!.digest, first!.events]);
  }, 180_000);
});
