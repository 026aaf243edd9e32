import { beforeEach, describe, expect, test } from '@jest/globals';
import type { JoinCounters } from '../../core/joining/types.js';
import { JoinHousekeeping } from './join-housekeeping.js';

const startMs = 1_700_000_000_000;
let nowMs: number;
let arrivedAtMs: number;
let open: number;
let undecided: number;
let watermarkMs: number;
let advanced: unknown[];
let warned: number;
let refuses: boolean;

beforeEach(() => {
  nowMs = arrivedAtMs = startMs;
  open = 1;
  undecided = 0;
  watermarkMs = -Infinity;
  advanced = [];
  warned = 0;
  refuses = false;
});

const keeper = () =>
  new JoinHousekeeping({
    window: {
      get counters() {
        return { open, heldActions: 0 } as JoinCounters;
      },
      get undecided() {
        return undecided;
      },
      eventMsMax: startMs - 10,
      get watermarkMs() {
        return watermarkMs;
      },
    },
    arrivedAtMs: () => arrivedAtMs,
    nowMs: () => nowMs,
    latenessMs: 100,
    idleMs: 1_000,
    advance: async (to) => {
      if (refuses) throw new Error('the stream is away');
      advanced.push(to);
    },
    log: { warn: () => void warned++ },
  });

describe('the housekeeping of a joiner', () => {
  test('moves the watermark of a live stream on which nothing comes any more', async () => {
    const house = keeper();
    await house.look();
    expect(advanced).toEqual([]);
    nowMs += 5_000;
    await house.look();
    expect(advanced).toEqual([{ watermarkMs: startMs - 10 + 5_000 - 100, lane: 0 }]);
  });

  test('moves it sooner where an event waits for what it may follow', async () => {
    const house = keeper();
    nowMs += 600;
    await house.look();
    expect(advanced).toEqual([]);
    undecided = 1;
    await house.look();
    expect(advanced).toEqual([{ watermarkMs: startMs - 10 + 600 - 100, lane: 0 }]);
  });

  test('leaves it where nothing waits for it, where it is already, and in a replay of old events', async () => {
    const house = keeper();
    nowMs += 5_000;
    open = 0;
    await house.look();
    open = 1;
    watermarkMs = nowMs;
    await house.look();
    watermarkMs = -Infinity;
    arrivedAtMs = startMs + 10 * 3_600_000;
    nowMs = arrivedAtMs + 5_000;
    await house.look();
    expect(advanced).toEqual([]);
  });

  test('says so when JOIN does not take it, and tries again at the next look', async () => {
    const house = keeper();
    nowMs += 5_000;
    refuses = true;
    await house.look();
    expect(warned).toBe(1);
    refuses = false;
    await house.look();
    expect(advanced).toHaveLength(1);
  });

  test('asks for one advance at a time', async () => {
    const house = keeper();
    nowMs += 5_000;
    await Promise.all([house.look(), house.look()]);
    expect(advanced).toHaveLength(1);
  });
});
