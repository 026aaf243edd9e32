import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/base/clock.js';
import type { Random, TimeAndChance } from '../core/base/random.js';

/** The clock of this machine. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  soon: (run) => void setImmediate(run),
};

export const systemRandom: Random = { next: () => Math.random(), id: () => randomUUID() };

/** Those of this machine. */
export const system: TimeAndChance = { clock: systemClock, random: systemRandom };
