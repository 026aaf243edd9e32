import { describe, expect, test } from '@jest/globals';
import { sleep } from '../../core/base/clock.js';
import { SeededRandom } from './seeded-random.js';
import { SimulatedProcess } from './simulated-process.js';
import { VirtualTime } from './virtual-time.js';

function processes(...rates: number[]) {
  const time = new VirtualTime();
  const all = rates.map(
    (rate, i) =>
      new SimulatedProcess(time, {
        ...{ name: `p${i}`, random: new SeededRandom(i), machine: { rate, aheadMs: 0 } },
        onCrash: (error) => {
          throw error;
        },
      }),
  );
  return { time, all };
}

describe('virtual time', () => {
  test('goes from one thing to the next, each with all that follows from it', async () => {
    const { time, all } = processes(1);
    const { clock } = all[0]!;
    const seen: string[] = [];
    const wait = async (ms: number, name: string): Promise<void> => {
      await sleep(clock, ms);
      for (let i = 0; i < 50; i++) await Promise.resolve();
      seen.push(`${name} at ${clock.nowMs()}`);
    };
    await time.run(Promise.all([wait(30, 'c'), wait(10, 'a'), wait(10, 'b')]));
    expect(seen).toEqual(['a at 10', 'b at 10', 'c at 30']);
  });

  test('says that nothing is left that could happen', async () => {
    const { time } = processes(1);
    await expect(time.run(new Promise(() => undefined))).rejects.toThrow(/nothing is left/);
  });

  test('passes faster for a clock that is fast', async () => {
    const { time, all } = processes(1, 1.25);
    const [right, fast] = all;
    let rang = 0;
    fast!.clock.after(100, () => (rang = right!.clock.nowMs()));
    await time.pass(1_000);
    expect(rang).toBeCloseTo(80);
    expect([right!.clock.nowMs(), fast!.clock.nowMs()]).toEqual([1_000, 1_250]);
  });

  test('of a process that is paused waits, and of one that is dead never comes', async () => {
    const { time, all } = processes(1, 1);
    const [paused, dead] = all;
    const seen: string[] = [];
    for (const { name, clock } of all)
      for (const ms of [10, 20]) clock.after(ms, () => seen.push(`${name}: ${ms}`));
    const cancel = paused!.clock.after(15, () => seen.push('called off'));
    paused!.clock.after(12, cancel);
    await time.pass(5);
    paused!.pause();
    dead!.kill();
    await time.pass(100);
    expect(seen).toEqual([]);
    paused!.resume();
    await time.pass(1);
    expect(seen).toEqual(['p0: 10', 'p0: 20']);
  });
});

describe('chance from a seed', () => {
  test('is the same for the same seed, and spread over the whole', () => {
    const draws = (seed: number): number[] => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 2_000 }, () => random.next());
    };
    expect(draws(5)).toEqual(draws(5));
    expect(draws(5)).not.toEqual(draws(6));
    const counts = [0, 0, 0, 0];
    for (const draw of draws(7)) counts[Math.floor(draw * 4)]!++;
    for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(100);
  });

  test('makes ids that are UUIDs and differ', () => {
    const random = new SeededRandom(1);
    const ids = Array.from({ length: 1_000 }, () => random.id());
    expect(new Set(ids).size).toBe(1_000);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
