import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { Inbox } from './inbox.js';

/** An inbox, with what of it was delivered, and a turn of the event loop when the test says so. */
function opened() {
  const clock = new ManualClock();
  const turns: (() => void)[] = [];
  clock.soon = (run) => void turns.push(run);
  const delivered: number[] = [];
  const inbox = new Inbox(clock);
  const put = (number: number, act: () => void = () => undefined): void =>
    inbox.put({
      deliver: () => {
        delivered.push(number);
        act();
      },
    });
  const turn = (): void => {
    for (const run of turns.splice(0)) run();
  };
  return { clock, inbox, delivered, put, turn };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_unused, i) => i);
/** All microtasks. */
const rest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an inbox', () => {
  test('delivers nothing before the sender has returned, and then in order', async () => {
    const { delivered, put } = opened();
    for (const i of upTo(5)) put(i);
    expect(delivered).toEqual([]);
    await rest();
    expect(delivered).toEqual(upTo(5));
  });

  test('delivers so many in a turn, and goes on in the next', async () => {
    const { delivered, put, turn, inbox } = opened();
    for (const i of upTo(150)) put(i);
    await rest();
    expect([delivered.length, inbox.length]).toEqual([64, 86]);
    turn();
    await rest();
    expect(delivered.length).toBe(128);
    turn();
    await rest();
    expect(delivered).toEqual(upTo(150));
  });

  test('ends its turn when handlers work for long', async () => {
    const { clock, delivered, put, turn } = opened();
    for (const i of upTo(10)) put(i, () => clock.jump(3));
    await rest();
    expect(delivered.length).toBe(3);
    turn();
    await rest();
    expect(delivered.length).toBe(6);
  });

  test('is emptied at once before what comes from elsewhere', async () => {
    const { delivered, put, inbox, turn } = opened();
    for (const i of upTo(100)) put(i);
    await rest();
    put(100);
    inbox.drain();
    expect(delivered).toEqual(upTo(101));
    turn();
    await rest();
    expect(delivered).toEqual(upTo(101));
  });

  test('goes on behind a letter that throws', async () => {
    const { delivered, put, inbox } = opened();
    put(0, () => {
      throw new Error('a defect');
    });
    put(1);
    expect(() => inbox.drain()).toThrow('a defect');
    await rest();
    expect(delivered).toEqual([0, 1]);
  });
});
