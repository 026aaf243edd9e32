import { describe, expect, test } from '@jest/globals';
import { RowChanges } from './row-changes.js';

function setUp() {
  let lives = 0;
  const changes = new RowChanges(() => `life ${++lives}`);
  const note = (from: number, count: number) => {
    const keys = new Uint32Array(2 * count);
    for (let i = 0; i < count; i++) keys[2 * i] = from + i;
    changes.note(keys);
  };
  return { changes, note };
}

describe('what changed in a shard', () => {
  test('is told from where it was heard of', () => {
    const { changes, note } = setUp();
    note(1, 2);
    const heard = { life: 'life 1', at: 2 };
    expect(changes.since(heard)).toEqual({ ...heard, keys: new Uint32Array(0) });
    note(7, 2);
    expect(changes.since(heard)).toEqual({
      ...{ life: 'life 1', at: 4 },
      keys: Uint32Array.of(7, 0, 8, 0),
    });
  });

  test('may be anything for who heard nothing yet, or too little, and after a snapshot', () => {
    const { changes, note } = setUp();
    expect(changes.since({ life: '', at: 0 })).toEqual({ life: 'life 1', at: 0 });
    note(1, 8_193);
    expect(changes.since({ life: 'life 1', at: 0 })).toEqual({ life: 'life 1', at: 8_193 });
    expect(changes.since({ life: 'life 1', at: 1 }).keys).toHaveLength(2 * 8_192);
    expect(changes.since({ life: 'life 1', at: 9_000 })).not.toHaveProperty('keys');
    changes.noteAll();
    expect(changes.since({ life: 'life 1', at: 8_193 })).toEqual({ life: 'life 2', at: 0 });
  });

  test('is remembered however often the ring has gone round', () => {
    const { changes, note } = setUp();
    for (let round = 0; round < 100; round++) note(1_000 * round, 1_000);
    const { keys } = changes.since({ life: 'life 1', at: 99_998 });
    expect(keys).toEqual(Uint32Array.of(99_998, 0, 99_999, 0));
  });
});
