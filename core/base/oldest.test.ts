import { describe, expect, test } from '@jest/globals';
import { dropOldest } from './oldest.js';

const numbered = (count: number) => new Map(Array.from({ length: count }, (_unused, i) => [i, -i]));

describe('a map that is kept small', () => {
  test('is left as it is within its size', () => {
    const map = numbered(32);
    dropOldest(map, 32, () => expect('nothing').toBe('dropped'));
    expect(map.size).toBe(32);
  });

  test('loses what was set first, a sixteenth of it at once, and tells so', () => {
    const map = numbered(33);
    const dropped: [number, number][] = [];
    dropOldest(map, 32, (key, value) => dropped.push([key, value]));
    expect(dropped).toEqual([
      [0, -0],
      [1, -1],
      [2, -2],
    ]);
    expect([...map.keys()]).toEqual(Array.from({ length: 30 }, (_unused, i) => i + 3));
  });

  test('that is small loses one', () => {
    const map = numbered(4);
    dropOldest(map, 3);
    expect([...map.keys()]).toEqual([1, 2, 3]);
  });
});
