import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseEntityChange } from '../messages/public.js';
import { readEventFile, readEventText } from './event-input.js';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'starling-input-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(text: string, timezone?: string) {
  const file = path.join(folder, 'events.csv');
  await writeFile(file, text);
  const notes: string[] = [];
  const options = { timezone, note: (note: string) => notes.push(note) };
  return { events: await readEventFile('event', file, undefined, options), notes };
}

test.each(['', ' ', '\t'])(
  'a blank label (%j) is refused, not learned as a dislike',
  async (label) => {
    await expect(read(`requestId,item,label\nr1,i1,1\nr2,i2,${label}\n`)).rejects.toMatchObject({
      message: 'events.csv line 3: label: expected 0 or 1; got nothing.',
    });
  },
);

test('where events have a type a label may be left out, however blank', async () => {
  const { events } = await read('type,user,item,label\nview,u,i, \ndismiss,u,i,0\n');
  expect(events).toMatchObject([{ type: 'view' }, { type: 'dismiss', label: 0 }]);
});

test('times without a zone are of the one that is named; what stands for none is left out', async () => {
  const text = 'timestamp,user,item\n2026-07-01 12:00,u,i\n9999-12-31,u,j\n1700000000250,u,k\n';
  const { events, notes } = await read(text, 'Europe/Berlin');
  expect(events).toMatchObject([
    { timestamp: Date.UTC(2026, 6, 1, 10) / 1000, item: 'i' },
    { timestamp: 1_700_000_000.25, item: 'k' },
  ]);
  expect(notes).toHaveLength(3);
});

test.each([
  ['lines', (rows: string[]) => rows.join('\n'), 'line 3'],
  ['a list', (rows: string[]) => `[${rows.join()}]`, 'event 3'],
])('times of JSON in %s are of the zone that is named, too', (_what, join, third) => {
  const rows = [
    ...['2026-07-01 12:00', '2026-07-01T12:00Z', '2026-10-25 02:15'].map((timestamp) => ({
      ...{ timestamp, user: 'u', item: 'i' },
    })),
    ...[1_700_000_000_250, 1_700_000_000].map((timestamp) => ({ timestamp, user: 'u', item: 'i' })),
    ...[{ timestamp: '9999-12-31', user: 'u', item: 'i' }],
    { user: 'u', item: 'i' },
  ].map((row) => JSON.stringify(row));
  const notes: string[] = [];
  const options = { timezone: 'Europe/Berlin', note: (note: string) => notes.push(note) };
  const events = readEventText('event', join(rows), 'x', undefined, options);
  expect(events.map((event) => (event as { timestamp?: number }).timestamp)).toEqual([
    ...[Date.UTC(2026, 6, 1, 10) / 1000, Date.UTC(2026, 6, 1, 12) / 1000],
    ...[Date.UTC(2026, 9, 25, 0, 15) / 1000, 1_700_000_000.25, 1_700_000_000, undefined],
  ]);
  expect(notes).toEqual([
    'x: 1 time is milliseconds since 1970, 1 seconds',
    'x: 2 times name no zone and are taken for Europe/Berlin',
    `x: 1 time is of an hour that came twice, the earlier is taken; ${third}: 2026-10-25 02:15`,
    `x: 1 row is left out, of a time after 2096; ${third.replace('3', '6')}: 9999-12-31`,
  ]);
});

test('where all is of a time that stands for none there is nothing, and what is no time is named', () => {
  const of = (timestamp: unknown) => JSON.stringify({ timestamp, user: 'u', item: 'i' });
  expect(() => readEventText('event', of('9999-12-31'), 'x')).toThrow(
    'x: there are no events with a time before 2096.',
  );
  expect(() => readEventText('event', `${of(1)}\n${of('soon')}`, 'x')).toThrow(
    /^x line 2: .*timestamp/,
  );
  expect(() => readEventText('event', of(true), 'x')).toThrow(/^x: .*timestamp/);
});

test('events without a request, with one, and with a visitor alone are events', () => {
  const lines = [
    '{"user":"u1","item":"i1","label":1}',
    '{"user":"u1","item":"i2","type":"purchase","value":19.9}',
    '{"requestId":"r1","item":"i1","label":1}',
    '{"visitor":"v","item":"i1"}',
  ];
  expect(readEventText('event', lines.join('\n'), 'x')).toHaveLength(4);
  expect(() => readEventText('event', '{"item":"i1"}', 'x')).toThrow('x: ');
});

test('a file of items has their attributes by column: quoted line breaks too, and blanks say nothing', async () => {
  const file = path.join(folder, 'items.csv');
  const rows = [
    'item,title,genres,year,stock',
    '0001,"A lamp\nfor two desks",a|b,1995,',
    '2,"12"" pan, with lid",b,,3',
  ];
  await writeFile(file, rows.join('\r\n'));
  expect(
    (await readEventFile('items', file)).map((event) => parseEntityChange('items', event)),
  ).toEqual([
    change('0001', { title: 'A lamp\nfor two desks', genres: 'a|b', year: '1995' }),
    change('2', { title: '12" pan, with lid', genres: 'b', stock: '3' }),
  ]);
});

test('items are told flat or by attributes, and by the name that they had first', () => {
  const flat = '{"item":7,"title":"A lamp","attributes":{"price":9}}';
  const first = '{"entity":"item","id":"7","features":{"price":9,"title":"A lamp"}}';
  const [byItem] = readEventText('items', flat, 'x');
  const [byFeatures] = readEventText('features', first, 'x');
  const told = change('7', { title: 'A lamp', price: 9 });
  expect(parseEntityChange('items', byItem)).toEqual(told);
  expect(parseEntityChange('features', byFeatures)).toEqual(told);
  expect(() => readEventText('items', '{"title":"A lamp"}', 'x')).toThrow('x: items.item');
  expect(() => readEventText('items', '{"item":1,"mode":"append"}', 'x')).toThrow(
    'expected patch or replace',
  );
});

test.each([
  ['clicks.tsv', 'requestId\titem\nr1\ti1\n'],
  ['CLICKS.CSV', 'requestId,item\nr1,i1\n'],
  ['clicks', 'requestId;item\r\nr1;i1'],
  ['clicks.ndjson.gz', gzipSync('{"requestId":"r1","item":"i1"}\n')],
  ['clicks.csv', gzipSync('requestId,item\nr1,i1\n')],
  ['clicks-bom.ndjson', '\uFEFF{"requestId":"r1","item":"i1"}\n'],
])('what is in a file decides how it is read: %s', async (name, content) => {
  const file = path.join(folder, name);
  await writeFile(file, content);
  expect(await readEventFile('event', file)).toMatchObject([{ requestId: 'r1', item: 'i1' }]);
});

test('a row with too few fields is named, and Parquet is for import', async () => {
  await expect(read('user,item\nu,i\nu\n')).rejects.toMatchObject({
    message: 'events.csv line 3: expected 2 fields, got 1: there is none for item.',
  });
  await expect(read('PAR1 and more')).rejects.toThrow(
    'events.csv: is Parquet: starling import reads it.',
  );
});

const change = (id: string, attributes: object) => ({
  ...{ entity: 'item', id, attributes, mode: 'patch', deleted: false },
});
