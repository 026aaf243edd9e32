import { describe, expect, test } from '@jest/globals';
import { decodeBooks, encodeBooks, type Books } from './books.js';
import { encode, protocolVersion } from './codec.js';

const none = { accepted: 0, refused: 0, joined: 0, joinedAgain: 0, missing: 0, surplus: 0 };
const books: Books = {
  atMs: 1_700_000_000_000,
  streams: { JOIN: { from: 1, through: 9, remember: 4, gone: 0 } },
  totals: {
    ...{ impressions: { ...none, accepted: 3 }, actions: none },
    ...{
      joinRows: 3,
      joinRowsBuried: 0,
      samples: 2,
      sampledTwice: 0,
      sampledUnjoined: 0,
      samplesBuried: 0,
    },
  },
  forgottenAtMs: -Infinity,
  open: { impressions: Uint32Array.of(1, 2, 1), actions: new Uint32Array(0) },
};

describe('the books in the bucket', () => {
  test('read as they were written, also by a release that knows less', () => {
    expect(decodeBooks(encodeBooks(books))).toEqual(books);
    expect(decodeBooks(encode({ v: protocolVersion, ...books, later: 1 }))).toEqual(books);
  });

  test.each<[string, object]>([
    ['streams', { streams: 1 }],
    ['streams.JOIN.through', { streams: { JOIN: { ...books.streams['JOIN'], through: -1 } } }],
    ['totals.joinRows', { totals: { ...books.totals, joinRows: 0.5 } }],
    ['totals.actions', { totals: { ...books.totals, actions: null } }],
    ['open.actions', { open: { ...books.open, actions: Uint32Array.of(1, 2) } }],
    ['open.impressions', { open: { ...books.open, impressions: [1, 2, 3] } }],
  ])('with wrong %s are refused', (field, change) => {
    const written = encode({ v: protocolVersion, ...books, ...change });
    expect(() => decodeBooks(written)).toThrow(`books.${field}`);
  });

  test('of an unknown version are refused', () => {
    expect(() => decodeBooks(encode({ ...books, v: 99 }))).toThrow('version 99');
  });
});
