import { afterEach, describe, expect, test } from '@jest/globals';
import { StarlingError } from '../core/base/errors.js';
import { StorageGate, StorageGuard } from './storage-guard.js';

describe('the storage gate', () => {
  test('closes below what is kept back and opens only well above it', () => {
    const gate = new StorageGate(100);
    const seen = [200, 100, 99, 100, 124, 125, 101, 99].map((free) => {
      gate.observe(free);
      return gate.closed;
    });
    expect(seen).toEqual([false, false, true, true, true, false, false, true]);
  });
});

describe('the storage guard', () => {
  let guard: StorageGuard;
  afterEach(() => guard.stop());

  function guarded(setIngest: (open: boolean) => Promise<void>) {
    const lines: string[] = [];
    const disk = { free: 2 ** 30 };
    guard = new StorageGuard({
      folder: '.',
      freeBytesMin: 2 ** 20,
      setIngest,
      log: (line) => lines.push(line),
      freeBytes: async () => disk.free,
    });
    return { lines, disk };
  }

  test('refuses events when the disk fills up and accepts them again, and says so once each', async () => {
    const calls: boolean[] = [];
    const { disk, lines } = guarded(async (open) => void calls.push(open));
    for (const free of [2 ** 30, 100, 50, 2 ** 30, 2 ** 30]) {
      disk.free = free;
      await guard.look();
    }
    expect(calls).toEqual([true, false, false, true, true]);
    expect(lines).toEqual([
      expect.stringContaining('events are refused'),
      expect.stringContaining('events are accepted'),
    ]);
  });

  test('tries again when the servers could not be told', async () => {
    let fails = true;
    const { disk, lines } = guarded(async () => {
      if (fails) throw new StarlingError('UNAVAILABLE', 'no leader');
    });
    disk.free = 0;
    await guard.look();
    expect(guard.refusing).toBe(false);
    expect(lines[0]).toContain('UNAVAILABLE');
    fails = false;
    await guard.look();
    expect(guard.refusing).toBe(true);
  });

  test('knows before it tells anybody whether there is room, and tells what an earlier life may have left', async () => {
    const calls: boolean[] = [];
    const { disk, lines } = guarded(async (open) => void calls.push(open));
    disk.free = 0;
    await guard.measure();
    expect([guard.accepts, guard.refusing, calls]).toEqual([false, false, []]);
    await guard.start();
    expect([guard.refusing, calls]).toEqual([true, [false]]);
    expect(lines).toHaveLength(1);
  });

  test('says nothing while a server is away that has heard it', async () => {
    let fails = false;
    const { lines } = guarded(async () => {
      if (fails) throw new StarlingError('UNAVAILABLE', 'no leader');
    });
    await guard.look();
    fails = true;
    await guard.look();
    expect(lines).toEqual([]);
  });
});
