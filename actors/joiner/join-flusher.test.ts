import { beforeEach, describe, expect, test } from '@jest/globals';
import type { JoinOutput } from '../../core/joining/types.js';
import { JoinFlusher, undrainedRowsMax } from './join-flusher.js';

let committed: number[];
let published: number;
let crashes: unknown[];
/** Ends the commit that is under way; undefined: commits end at once. */
let hold: (() => void) | undefined;
let holds: boolean;
let refuse: Error | undefined;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const turns = async () => {
  for (let i = 0; i < 5; i++) await turn();
};

function newFlusher(): JoinFlusher {
  const ports = {
    drain: () => ({}) as JoinOutput,
    commit: async (_output: JoinOutput, consumed: number) => {
      if (refuse) throw refuse;
      committed.push(consumed);
      if (holds) await new Promise<void>((resolve) => (hold = resolve));
    },
    publish: async () => void published++,
    turn,
    crash: (error: unknown) => void crashes.push(error),
  };
  return new JoinFlusher(ports, 0);
}

beforeEach(() => {
  committed = [];
  published = 0;
  crashes = [];
  holds = false;
  hold = refuse = undefined;
});

describe('a flusher', () => {
  test('commits what was observed in one turn at once, and publishes it then', async () => {
    const flusher = newFlusher();
    await flusher.observed(1, 5);
    await flusher.observed(2, 5);
    await flusher.settled();
    expect(committed).toEqual([2]);
    expect(published).toBe(1);
  });

  test('takes what comes during a flush into the next one', async () => {
    holds = true;
    const flusher = newFlusher();
    await flusher.observed(1, 5);
    await turns();
    for (const sequence of [2, 3, 4]) await flusher.observed(sequence, 5);
    expect(committed).toEqual([1]);
    holds = false;
    hold!();
    await flusher.settled();
    expect(committed).toEqual([1, 4]);
  });

  test('makes reading wait where more is waiting than a transaction should hold', async () => {
    holds = true;
    const flusher = newFlusher();
    await flusher.observed(1, 5);
    await turns();
    let waited = true;
    const full = flusher.observed(2, undrainedRowsMax + 1).then(() => (waited = false));
    await turns();
    expect(waited).toBe(true);
    holds = false;
    hold!();
    await full;
    expect(committed).toEqual([1]);
    await flusher.settled();
    expect(committed).toEqual([1, 2]);
  });

  test('that can not commit crashes, and does not publish', async () => {
    refuse = new Error('damaged');
    const flusher = newFlusher();
    await flusher.observed(1, 5);
    await turns();
    expect(crashes).toEqual([refuse]);
    expect(published).toBe(0);
  });

  test('ends what is under way when it stops, and begins nothing more', async () => {
    holds = true;
    const flusher = newFlusher();
    await flusher.observed(1, 5);
    await turns();
    await flusher.observed(2, 5);
    const stopped = flusher.stop();
    holds = false;
    hold!();
    await stopped;
    await turns();
    expect(published).toBe(1);
    expect(committed).toEqual([1]);
  });
});
