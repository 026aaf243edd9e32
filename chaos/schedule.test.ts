import { describe, expect, test } from '@jest/globals';
import { actorKinds } from '../messages/actor-kinds.js';
import { scheduleFaults } from './schedule.js';

const options = { seed: 5, durationMs: 600_000, everyMs: 1_000 };

describe('a schedule of faults', () => {
  test('is the same for the same seed, and another for another', () => {
    expect(scheduleFaults(options)).toEqual(scheduleFaults(options));
    expect(scheduleFaults({ ...options, seed: 6 })).not.toEqual(scheduleFaults(options));
  });

  test('has about as many faults as asked for, in order, within the run', () => {
    const faults = scheduleFaults(options);
    expect(faults.length).toBeGreaterThan(500);
    expect(faults.length).toBeLessThan(700);
    const times = faults.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBeLessThan(options.durationMs);
  });

  test('kills and pauses everything that there is', () => {
    const faults = scheduleFaults(options);
    for (const target of [...actorKinds, 'nats-server', 'host', 'leader'] as const)
      for (const what of ['kill', 'pause'] as const)
        expect(faults).toContainEqual(expect.objectContaining({ target, what }));
    const lost = faults.filter(({ target }) => target === 'data-center');
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.every(({ what }) => what === 'loss')).toBe(true);
  });
});

test('a schedule without a pause between faults is one without faults', () => {
  expect(scheduleFaults({ ...options, everyMs: 0 })).toEqual([]);
});
