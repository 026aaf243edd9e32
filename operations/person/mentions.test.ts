import { describe, expect, test } from '@jest/globals';
import { encode, encodeAs } from '../../messages/codec.js';
import { packedAll } from '../../messages/column-checks.js';
import { deadLettersMessage } from '../../messages/dead-letters.js';
import { Mentions } from './mentions.js';

const of = (...people: string[]) => new Mentions(people);

describe('what a message says of somebody', () => {
  test('are events of a list, by user or by visitor, and numbers are ids', () => {
    const events = [
      { user: 42, item: '7' },
      { user: '43', item: '42' },
      { visitor: 'c9', item: '8' },
    ];
    for (const encoding of ['json', 'cbor'] as const) {
      const bytes = encodeAs(encoding, events);
      expect(of('42').in(bytes, 'starling.raw.east.event')).toEqual([events[0]]);
      expect(of('42', 'visitor/c9').in(bytes, 'x')).toEqual([events[0], events[2]]);
    }
  });

  test('are rows of columns, with what all rows share, and without what names nobody', () => {
    const message = {
      ...{ kind: 'impressions', rowCount: 3, users: ['u1', 'u2', 'u1'], items: ['a', 'b', 'c'] },
      ...{ atMs: Float64Array.of(1, 2, 3), lanes: Uint8Array.of(0), examples: { fids: [1] } },
    };
    expect(of('u1').in(encode(message), 'starling.join.0')).toEqual([
      { kind: 'impressions', rowCount: 3, users: 'u1', items: 'a', atMs: 1, lanes: 0 },
      { kind: 'impressions', rowCount: 3, users: 'u1', items: 'c', atMs: 3, lanes: 0 },
    ]);
    expect(of('a').in(encode(message), 'starling.join.0')).toEqual([]);
  });

  test('are rows of columns that are packed', () => {
    const count = 24;
    const rows = Array.from({ length: count }, (_row, i) => i);
    const columns = {
      users: rows.map((i) => `person-${i >> 3}`),
      items: rows.map((i) => `item-${i}`),
      atMs: Float64Array.from(rows, (i) => 1_700_000_000_000 + i),
      labels: Float32Array.from(rows, (i) => i % 2),
    };
    const message: Record<string, unknown> = {
      ...{ kind: 'impressions', rowCount: count, ...packedAll(columns) },
    };
    for (const column of Object.keys(columns) as (keyof typeof columns)[])
      expect(message[column]).not.toEqual(columns[column]);
    const found = of('person-1').in(encode(message), 'starling.join.0');
    expect(found).toHaveLength(8);
    expect(found[1]).toEqual({
      ...{ kind: 'impressions', rowCount: count, users: 'person-1', items: 'item-9' },
      ...{ atMs: 1_700_000_000_009, labels: 1 },
    });
  });

  test('are attributes of users, and not of items of the same id', () => {
    const change = (entity: string) => encode({ entity, ids: ['u1'], features: [{ n: 1 }] });
    expect(of('u1').in(change('user'), 'starling.features.user')).toHaveLength(1);
    expect(of('u1').in(change('item'), 'starling.features.item')).toEqual([]);
  });

  test('are dead letters that hold him, and what joiners send each other', () => {
    const letter = (user: string) => ({
      ...{ code: 'BAD_EVENT', message: 'm', events: 1 },
      content: { user },
    });
    const letters = deadLettersMessage({
      ...{ atMs: 1, address: 'a', origin: 'o', sequence: 1 },
      letters: [letter('u1'), letter('u2')] as never,
    });
    const found = of('u1').in(encode(letters), 'starling.dead-letter.processor');
    expect(found).toEqual([expect.objectContaining({ content: { user: 'u1' } })]);
    const bytes = new TextEncoder().encode('…"person":"u1"…');
    const sent = { kind: 'sent', records: [{ source: 1, number: 7, isTold: false, bytes }] };
    expect(of('u1').in(encode(sent), 'j')).toEqual([{ kind: 'sent', source: 1, number: 7 }]);
  });

  test('is not more than that it is there, where it can not be read', () => {
    const bytes = new TextEncoder().encode('{"user":"u1"');
    expect(of('u1').in(bytes, 'x')).toEqual([{ bytes: bytes.length }]);
    expect(of('u2').in(bytes, 'x')).toEqual([]);
  });
});
