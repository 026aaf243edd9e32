import { describe, expect, test } from '@jest/globals';
import { groupsOf, toldAgain, type FoundLetter } from './dead-letters.js';

const letter: FoundLetter = {
  ...{ code: 'BAD_EVENT', message: 'event.item: expected an id; got 7.5', events: 1 },
  ...{ address: 'train.processor.0', atMs: 1_000, origin: 'starling.raw.east.event' },
  ...{ content: { user: 'u', item: 7.5 }, position: 'east:12.3', type: 'event' },
  ...{ letter: '4.0', isSamples: false },
};

describe('dead letters', () => {
  test('that say the same but for names and numbers are one group, the largest first', () => {
    const other = { ...letter, code: 'UNKNOWN_FEATURE' as const, atMs: 5_000 };
    const groups = groupsOf([
      letter,
      { ...letter, message: 'event.item: expected an id; got 12', atMs: 3_000, events: 4 },
      other,
    ]);
    expect(groups).toMatchObject([
      { code: 'BAD_EVENT', events: 5, firstAtMs: 1_000, lastAtMs: 3_000, example: { events: 4 } },
      { code: 'UNKNOWN_FEATURE', events: 1 },
    ]);
  });

  test('are told again as they were, and known by their place where they bring no id', () => {
    const again = toldAgain([
      letter,
      { ...letter, content: { user: 'u', item: 1, id: 'mine' } },
      { ...letter, content: { requestId: 'r', item: 1 }, type: 'action' },
      { ...letter, content: Uint8Array.of(1) },
      { ...letter, origin: 'join', type: undefined },
    ]);
    expect(Object.fromEntries(again)).toEqual({
      event: [
        { user: 'u', item: 7.5, id: 'east:12.3' },
        { user: 'u', item: 1, id: 'mine' },
      ],
      action: [{ requestId: 'r', item: 1 }],
    });
  });
});
