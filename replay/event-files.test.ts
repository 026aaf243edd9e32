import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { featureSpecOf } from '../core/features/feature-spec.js';
import { readCsv } from './csv-file.js';
import { checkColumns, readEntities, readEvents, takenBeside } from './event-files.js';

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
      'a day that there is not',
      'e8.csv',
      `${header}\n1,u,i,1\n2001-02-30,u,i,1\n`,
      'e8.csv line 3: timestamp: expected seconds or milliseconds since 1970, or ISO 8601; got "2001-02-30"',
    ],
    [
      'nothing but dates that stand for none',
      'e9.csv',
      `${header}\n9999999999,u,i,1\n`,
      'e9.csv: timestamp: expected times before 2096; there is no such row',
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

describe('times of events', () => {
  async function read(name: string, times: readonly string[], timezone?: string) {
    const notes: string[] = [];
    const rows = times.map((time, i) => `${time},u${i},i${i},1,c${i}`).join('\n');
    const path = await file(name, `${header},tag\n${rows}\n`);
    const events = await readEvents(path, { timezone, note: (text) => notes.push(text) });
    const { users } = events;
    return { seconds: [...events.timestamps], users, tags: events.context['tag'], notes };
  }

  test('seconds go without saying, milliseconds are told apart, also row by row', async () => {
    expect(await read('s.csv', ['1700000000'])).toMatchObject({ notes: [] });
    expect(await read('ms.csv', ['1700000000250', '1700000060250'])).toMatchObject({
      seconds: [1700000000.25, 1700000060.25],
      notes: ['ms.csv: times are milliseconds since 1970'],
    });
    expect(await read('both.csv', ['1700000000250', '1699999999'])).toMatchObject({
      seconds: [1699999999, 1700000000.25],
      notes: ['both.csv: 1 time is milliseconds since 1970, 1 seconds'],
    });
  });

  test('without a zone they are of UTC, which is said; one that is written stays', async () => {
    const read1 = await read('utc.csv', ['2026-10-25 01:30:00', '2026-10-25T03:20:00+01:00']);
    expect(read1.seconds).toEqual(
      [Date.UTC(2026, 9, 25, 1, 30), Date.UTC(2026, 9, 25, 2, 20)].map((ms) => ms / 1000),
    );
    expect(read1.notes).toEqual([
      'utc.csv: 1 time names no zone and is taken for UTC (--timezone names another)',
    ]);
  });

  test('of the hour that comes twice the earlier is taken, counted and named', async () => {
    const times = [
      '2026-10-25 01:30:00',
      '2026-10-25 02:15:00',
      '2026-10-25T03:10',
      '2026-10-25T02:30Z',
    ];
    const { seconds, notes } = await read('twice.csv', times, 'Europe/Berlin');
    const at = (hour: number, minute: number) => Date.UTC(2026, 9, 25, hour, minute) / 1000;
    expect(seconds).toEqual([at(-1, 30), at(0, 15), at(2, 10), at(2, 30)]);
    expect(notes).toEqual([
      'twice.csv: 3 times name no zone and are taken for Europe/Berlin',
      'twice.csv: 1 time is of an hour that came twice, the earlier is taken; line 3: 2026-10-25 02:15:00',
    ]);
  });

  test('an hour that never came is taken by the clock before it', async () => {
    const { seconds } = await read('gap.csv', ['2026-03-29 02:30:00'], 'Europe/Berlin');
    expect(seconds).toEqual([Date.UTC(2026, 2, 29, 1, 30) / 1000]);
  });

  test.each([
    '9999999999',
    '253402300799',
    '253402300799000',
    '9999-12-31',
    '2286-11-20T17:46:39Z',
  ])(
    '%s stands for no time: its row is left out with all that it has, and named',
    async (never) => {
      const { seconds, users, tags, notes } = await read('never.csv', ['10', never, '20']);
      expect({ seconds, users, tags }).toEqual({
        ...{ seconds: [10, 20], users: ['u0', 'u2'], tags: ['c0', 'c2'] },
      });
      expect(notes).toEqual([
        `never.csv: 1 row is left out, of a time after 2096; line 3: ${never}`,
      ]);
    },
  );
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

describe('what a file says beside its events', () => {
  const spec = featureSpecOf({ device: { entity: 'context', kind: 'id', source: 'device' } });
  const text = `${header},device,theirs,request\n2,u,i,1,tv,0.5,r\n1,u,j,0,tv,,r\n`;

  test('are scores of another system and requests, in time order, and no features', async () => {
    const path = await file('beside.csv', text);
    const table = await readEvents(path);
    const events = takenBeside(path, table, { rivalColumn: 'theirs', spec });
    expect(Object.keys(events.context)).toEqual(['device']);
    expect([...events.beside!.rival!]).toEqual([NaN, 0.5]);
    expect(events.beside!.requests).toEqual(['r', 'r']);
    expect(() => checkColumns(events, spec)).not.toThrow();
  });

  test('is refused where no such column is there, or what it says is no number', async () => {
    const path = await file('beside.csv', text);
    const table = await readEvents(path);
    const taken = (rivalColumn: string) => () => takenBeside(path, table, { rivalColumn, spec });
    expect(taken('their')).toThrow('expected a column their of scores; got timestamp');
    expect(taken('device')).toThrow('device: expected a number; got');
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
