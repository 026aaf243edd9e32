import { describe, expect, test } from '@jest/globals';
import { LagWindow } from './replay-window.js';

function admit(window: LagWindow, count: number): void {
  for (let i = 0; i < count; i++) window.admit(i, true);
}

describe('the window of a replay', () => {
  test('admits an event while fewer than lagMax are outstanding', () => {
    const window = new LagWindow({ lagMax: 3 });
    admit(window, 3);
    expect(window.room).toBe(0);
    window.learn(1);
    expect(window.room).toBe(1);
    admit(window, 1);
    expect(window.room).toBe(0);
    window.learn(4);
    expect(window.room).toBe(3);
    expect(window).toMatchObject({ admitted: 4, lag: 0 });
  });

  test.each([0, 1])('of lag %d has every event learned before the next', (lagMax) => {
    const window = new LagWindow({ lagMax });
    admit(window, 1);
    expect(window.room).toBe(0);
    window.learn(1);
    expect(window.room).toBe(1);
  });

  test('without a limit always has room', () => {
    const window = new LagWindow({ lagMax: Infinity });
    admit(window, 1000);
    expect(window.room).toBe(Infinity);
    expect(window.lag).toBe(1000);
  });

  test('does not go back when a restarted shard tells less than before', () => {
    const window = new LagWindow({ lagMax: 6 });
    admit(window, 6);
    window.learn(4);
    window.learn(2);
    expect(window.lag).toBe(2);
  });

  test('refuses an event without room', () => {
    const window = new LagWindow({ lagMax: 0 });
    admit(window, 1);
    expect(() => window.admit(1, true)).toThrow('room');
  });

  test('goes on when the pipeline is empty although an event was never learned', () => {
    const window = new LagWindow({ lagMax: 2 });
    admit(window, 2);
    window.learn(1); // The other one became a dead letter.
    expect(window.room).toBe(1);
    window.catchUp();
    expect(window.room).toBe(2);
  });

  test('does not wait for a negative whose window is open', () => {
    const window = new LagWindow({ lagMax: 2, implicitMs: 100 });
    for (let i = 0; i < 50; i++) window.admit(i, false);
    expect(window.lag).toBe(0);
    window.admit(60, true);
    expect(window.lag).toBe(1);
    window.admit(120, false); // Ends the windows of the events at 0 … 20.
    expect(window.lag).toBe(22);
    expect(window.room).toBe(0);
    window.learn(22);
    expect(window.room).toBe(2);
  });

  test('forgets settled negatives over a long stream', () => {
    const window = new LagWindow({ lagMax: 10, implicitMs: 10 });
    for (let i = 0; i < 20_000; i++) {
      window.admit(i, false);
      window.learn(Math.max(0, i - 9));
    }
    expect(window.lag).toBe(0);
    expect(window.admitted).toBe(20_000);
  });
});
