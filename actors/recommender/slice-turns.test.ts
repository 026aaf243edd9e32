import { expect, test } from '@jest/globals';
import type { Sliced } from './slice-turns.js';
import { SliceTurns } from './slice-turns.js';

function setUp() {
  const soon: (() => void)[] = [];
  let nowMs = 0;
  const turns = new SliceTurns({ nowMs: () => nowMs, soon: (run) => void soon.push(run) });
  const seen: string[] = [];
  function* walk(name: string, slices: number): Sliced<string> {
    for (let i = 1; i <= slices; i++) {
      seen.push(`${name}${i}`);
      if (i < slices && (yield undefined)) return `${name} as far as ${i}`;
    }
    return `${name} whole`;
  }
  /** One turn of the loop. */
  const turn = async () => {
    const now = soon.splice(0);
    for (const run of now) run();
    await new Promise((resolve) => setImmediate(resolve));
    seen.push('|');
    return now.length;
  };
  return { turns, walk, seen, turn, pass: (ms: number) => (nowMs += ms) };
}

test('walks take turns, one slice in a turn; the first comes at once', async () => {
  const { turns, walk, seen, turn } = setUp();
  const all = Promise.all([
    turns.run(walk('a', 3), 100),
    turns.run(walk('b', 2), 100),
    turns.run(walk('c', 1), 100),
  ]);
  while ((await turn()) > 0);
  expect(await all).toEqual(['a whole', 'b whole', 'c whole']);
  expect(seen.join(' ')).toBe('a1 b1 c1 a2 | b2 | a3 | |');
});

test('a walk ends with what it has when its time is over', async () => {
  const { turns, walk, turn, pass } = setUp();
  const walking = turns.run(walk('a', 9), 100);
  await turn();
  pass(100);
  await turn();
  expect(await walking).toBe('a as far as 2');
  expect(await turn()).toBe(0);
});
