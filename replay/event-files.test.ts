import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { featureSpecOf } from '../core/features/feature-spec.js';
import { readCsv } from './csv-file.js';
import { checkColumns, checkEntityColumns, readEntities, readEvents } from './event-files.js';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-events-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(folder, name), content);
  return join(folder, name);
}

const header = 'timestamp,user,item,label';

describe('reading events', () => {
  test('answers columns in time order; events of one second keep their order', async () => {
    const path = await file('a.csv', `${header}\n30,u1,a,1\n10,u2,b,0\n30,u3,c,0\n10.5,u2,d,1\n`);
    const events = await readEvents(path);
    expect(events.count).toBe(4);
    expect([...events.timestamps]).toEqual([10, 10.5, 30, 30]);
    expect(events.users).toEqual(['u2', 'u2', 'u1', 'u3']);
    expect(events.items).toEqual(['b', 'd', 'a', 'c']);
    expect([...events.labels]).toEqual([0, 1, 1, 0]);
    expect(events.context).toEqual({});
  });

  test('takes columns in any order, extra ones as context, quotes, CRLF and a byte order mark', async () => {
    const text =
      '\uFEFFlabel,device,item,user,timestamp\r\n1,"a ""big"", old\nphone",7,42,5\r\n\r\n0,,8,42,4\r\n';
    const events = await readEvents(await file('b.csv', text));
    expect(events.users).toEqual(['42', '42']);
    expect(events.items).toEqual(['8', '7']);
    expect(events.context).toEqual({ device: ['', 'a "big", old\nphone'] });
  });

  test('knows gzip by its first bytes, whatever the name', async () => {
    const bytes = gzipSync(`${header}\n1,u,i,1\n`);
    for (const name of ['c.csv.gz', 'c.csv']) {
      expect(await readEvents(await file(name, bytes))).toMatchObject({ count: 1, users: ['u'] });
    }
  });

  test('reads more rows than one batch holds', async () => {
    const rows = Array.from(
      { length: 10_000 },
      (_, i) => `${i},u${i % 7},i${i % 11},${i % 2},c${i}`,
    );
    const events = await readEvents(await file('d.csv', `${header},tag\n${rows.join('\n')}`));
    expect(events.count).toBe(10_000);
    expect([events.timestamps[9999], events.users[9999], events.labels[9999]]).toEqual([
      9999,
      'u3',
      1,
    ]);
    expect(events.context['tag']?.[9999]).toBe('c9999');
  });

  test.each<[string, string, string | Uint8Array, string]>([
    ['an empty file', 'e1.csv', '', 'e1.csv: is empty'],
    ['an empty gzip file', 'e2.csv.gz', gzipSync(''), 'e2.csv.gz: is empty'],
    ['a header alone', 'e3.csv', `${header}\n`, 'e3.csv: has a header but no rows'],
    [
      'a missing column',
      'e4.csv',
      'timestamp,user,item\n1,u,i\n',
      'e4.csv line 1: the header has no column label; it has timestamp, user, item',
    ],
    [
      'no header',
      'e5.csv',
      '1,u,i,1\n',
      'line 1: the header has no column timestamp, user, item, label',
    ],
    [
      'a column twice',
      'e6.csv',
      `${header},user\n1,u,i,1,u\n`,
      'line 1: the header has column user twice',
    ],
    [
      'an unnamed column',
      'e7.csv',
      `${header},\n1,u,i,1,x\n`,
      'line 1: the header has no name for column 5',
    ],
    [
      'a date for a timestamp',
      'e8.csv',
      `${header}\n1,u,i,1\n2001-01-01,u,i,1\n`,
      'e8.csv line 3: timestamp: expected seconds since 1970, a number; got "2001-01-01"',
    ],
    [
      'milliseconds',
      'e9.csv',
      `${header}\n1700000000000,u,i,1\n`,
      'line 2: timestamp: expected seconds since 1970, a number; got "1700000000000" (these look like',
    ],
    [
      'a rating for a label',
      'e10.csv',
      `${header}\n1,u,i,5\n`,
      'line 2: label: expected 0 or 1; got "5"',
    ],
    ['no user', 'e11.csv', `${header}\n1,,i,1\n`, 'line 2: user: expected an id; got nothing'],
    ['a row too short', 'e12.csv', `${header}\n1,u,i,1\n2,u,i\n`, 'e12.csv line 3: '],
    ['an unclosed quote', 'e13.csv', `${header}\n1,"u,i,1\n`, 'e13.csv line '],
    [
      'text named .gz',
      'e14.csv.gz',
      `${header}\n1,u,i,1\n`,
      'e14.csv.gz: ends in .gz but is not gzip',
    ],
    [
      'gzip that is cut off',
      'e15.csv.gz',
      gzipSync(`${header}\n1,u,i,1\n`).subarray(0, 30),
      'e15.csv.gz: is damaged or cut off gzip',
    ],
  ])('%s is refused, naming file, line and field', async (_what, name, content, message) => {
    const path = await file(name, content);
    await expect(readEvents(path)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining(message),
    });
  });

  test('a wrong row carries its line and field for programs, too', async () => {
    const path = await file('details.csv', `${header}\n\n1,u,i,2\n`);
    await expect(readEvents(path)).rejects.toMatchObject({
      details: { file: path, line: 3, field: 'label' },
    });
  });

  test('a file that is not there, and a folder, are refused', async () => {
    const missing = { code: 'FILE_INVALID', message: expect.stringContaining('no such file') };
    await expect(readEvents(join(folder, 'none.csv'))).rejects.toMatchObject(missing);
    await expect(readEvents(folder)).rejects.toMatchObject({ code: 'FILE_INVALID' });
  });

  test('a reader that stops early leaves nothing behind', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `${i},u,i,1`).join('\n');
    const path = await file('early.csv.gz', gzipSync(`${header}\n${rows}`));
    let batches = 0;
    for await (const batch of readCsv(path, ['user'])) {
      batches += batch.rows.length > 0 ? 1 : 0;
      break;
    }
    expect(batches).toBe(1);
  });
});

describe('reading items and users', () => {
  test('answers ids and features as text', async () => {
    const path = await file('items.csv', 'year,item,genres\n1995,1,Comedy|Drama\n,2,\n');
    expect(await readEntities(path, 'item')).toEqual([
      { id: '1', features: { year: '1995', genres: 'Comedy|Drama' } },
      { id: '2', features: { year: '', genres: '' } },
    ]);
  });

  test('an id twice is refused, naming both lines', async () => {
    const path = await file('twice.csv', 'user,age\n1,20\n2,30\n1,40\n');
    await expect(readEntities(path, 'user')).rejects.toThrow(
      'twice.csv line 4: user "1" is already on line 2; expected one row for each user',
    );
  });

  test('a file of the other entity is refused', async () => {
    const path = await file('users.csv', 'user,age\n1,20\n');
    await expect(readEntities(path, 'item')).rejects.toThrow('the header has no column item');
  });
});

describe('columns must be declared', () => {
  const spec = featureSpecOf({
    item: { entity: 'item', kind: 'id', source: 'item' },
    year: { entity: 'item', kind: 'id', source: 'year' },
    device: { entity: 'context', kind: 'id', source: 'device' },
  });

  test('an extra column of the events that is no context feature is named', async () => {
    const good = await readEvents(await file('g.csv', `${header},device\n1,u,i,1,tv\n`));
    expect(() => checkColumns(good, spec)).not.toThrow();
    const bad = await readEvents(await file('h.csv', `${header},year\n1,u,i,1,1999\n`));
    expect(() => checkColumns(bad, spec)).toThrow(
      expect.objectContaining({
        code: 'UNKNOWN_FEATURE',
        message: '"year" is not a declared context feature; declared: device',
      }),
    );
  });

  test('so is one of the items', async () => {
    const items = await readEntities(await file('i.csv', 'item,year,title\n1,1999,X\n'), 'item');
    expect(() => checkEntityColumns(items, 'item', spec)).toThrow('"title" is not a declared item');
  });
});

const dataFolder = process.env['STARLING_DATA'] ?? '../shared/data';
const films = join(dataFolder, 'movielens-100k', 'events.csv.gz');
const whereThere = existsSync(films) ? test : test.skip;

whereThere('real interactions read whole (set STARLING_DATA to the data folder)', async () => {
  const events = await readEvents(films);
  expect(events.count).toBe(100_000);
  expect(new Set(events.users).size).toBe(943);
  expect(new Set(events.items).size).toBe(1682);
  expect(events.labels.reduce((sum, label) => sum + label, 0)).toBe(55_375);
});
