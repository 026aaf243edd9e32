import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { parseClusterConfig } from '../core/config/schema.js';
import { ImportFiles, entitiesOf, happeningsOf } from './import.testkit.js';
import { modelOf } from './model-of.js';
import { openDatabase } from './staging.js';

let files: ImportFiles;
beforeAll(async () => {
  files = await ImportFiles.create();
});
afterAll(() => files.remove());

async function eventsOf(text: string, options: Parameters<ImportFiles['open']>[1] = {}) {
  const source = await files.open([await files.write('events.csv', text)], options);
  const events = (await happeningsOf(source)).map((each) =>
    each.kind === 'event' ? each.event : undefined,
  );
  await source.close();
  return { events, report: source.report, file: source.report.files[0]! };
}

describe('ids stay as they are written', () => {
  const ids = ['0000001', '1e5', '12345678901234567', '__proto__', 'constructor', '1.0', '-7'];

  test('in text', async () => {
    const rows = ids.map((id, i) => `${1_700_000_000 + i},${id},${id}`);
    const { events } = await eventsOf(`timestamp,user,item\n${rows.join('\n')}\n`);
    expect(events.map((event) => [event!.user, event!.item])).toEqual(ids.map((id) => [id, id]));
  });

  test('in JSON, also where they are numbers', async () => {
    const numbers = ['100000', '1e5', '12345678901234567', '1.0', '7'];
    const lines = numbers.map((id, i) => `{"timestamp":${i},"user":${id},"item":"0${i}"}`);
    const source = await files.open([await files.write('numbers.ndjson', lines.join('\n'))]);
    const events = await happeningsOf(source);
    expect(events.map((each) => each.kind === 'event' && each.event.user)).toEqual(numbers);
    await source.close();
  });

  test('in Parquet, of whatever type: whole numbers are not rounded, and those in doubles are whole', async () => {
    const path = join(files.folder, 'typed.parquet');
    const { connection, close } = await openDatabase(':memory:', join(files.folder, 'typed'));
    await connection.run(`copy (select 12345678901234567::bigint as user_id, 100006.0::double as item_id,
      timestamp '2026-01-01 10:00:00' as time, 'view' as event, 19.90::decimal(9, 2) as value) to '${path}' (format parquet)`);
    close();
    const source = await files.open([path]);
    const [event] = await happeningsOf(source);
    expect(event).toMatchObject({
      timestampMs: Date.UTC(2026, 0, 1, 10),
      event: { user: '12345678901234567', item: '100006', value: 19.9 },
    });
    await source.close();
  });

  test('attributes may be called as properties of objects are', async () => {
    const source = await files.open([
      await files.write('items.csv', 'item,constructor\n__proto__,x\n'),
    ]);
    const [item] = await entitiesOf(source.items(0));
    expect(item!.id).toBe('__proto__');
    expect(item!.attributes).toEqual({ constructor: 'x' });
    await source.close();
  });
});

describe('times', () => {
  const at = async (time: string, timezone?: string) => {
    const { events, file } = await eventsOf(`timestamp,user,item\n${time},u,i\n`, { timezone });
    return { ms: events[0]?.timestamp, told: file.times };
  };

  test.each([
    ['1700000000', 'seconds since 1970'],
    ['1700000000000', 'milliseconds since 1970'],
    ['1700000000000000', 'microseconds since 1970'],
    ['1700000000000000000', 'nanoseconds since 1970'],
    ['2023-11-14T22:13:20Z', 'ISO 8601, with a zone'],
    ['2023-11-14 22:13:20', 'ISO 8601, without a zone: UTC'],
  ])('%s: %s', async (time, told) => {
    expect(await at(time)).toEqual({ ms: 1_700_000_000_000, told });
  });

  test('without a zone are of the one that is named, and the doubtful hour is told', async () => {
    const rows = [
      '2026-10-25 01:30:00,u,a',
      '2026-10-25 02:15:00,u,b',
      '2026-10-25T03:20:00+01:00,u,c',
    ];
    const text = `timestamp,user,item\n${rows.join('\n')}\n`;
    const { events, file } = await eventsOf(text, { timezone: 'Europe/Berlin' });
    expect(events.map((event) => new Date(event!.timestamp).toISOString())).toEqual([
      '2026-10-24T23:30:00.000Z',
      '2026-10-25T00:15:00.000Z',
      '2026-10-25T02:20:00.000Z',
    ]);
    expect(file.notes.join('\n')).toContain('1 time is of an hour that came twice');
  });

  test('of one stream in two units are ordered together', async () => {
    const source = await files.open([
      await files.write('a-seconds.csv', 'timestamp,user,item\n1700000000,u,a\n1700000120,u,c\n'),
      await files.write('b-milliseconds.csv', 'timestamp,user,item\n1700000060250,u,b\n'),
    ]);
    const events = await happeningsOf(source);
    expect(events.map((each) => each.kind === 'event' && each.event.item)).toEqual(['a', 'b', 'c']);
    expect(source.report.files.map(({ times }) => times)).toEqual([
      'seconds since 1970',
      'milliseconds since 1970',
    ]);
    await source.close();
  });

  test.each(['9999999999', '9999999999999', '253402300799', '253402300799000', '9999-12-31'])(
    'a date that stands for none is left out and named: %s',
    async (time) => {
      const { events, report, file } = await eventsOf(
        `timestamp,user,item\n1700000000,u,a\n${time},u,b\n`,
      );
      expect(events).toHaveLength(1);
      expect(report.counts).toMatchObject({ eventRows: 2, events: 1, timeless: 1, refused: 0 });
      expect(file.notes).toEqual([`1 row is left out, of a time after 2096; line 3: ${time}`]);
    },
  );

  test('events that no column says the time of are of the import', async () => {
    const { events, file } = await eventsOf('requestId,item\nr1,i1\n');
    expect(events).toMatchObject([{ requestId: 'r1', item: 'i1', timestamp: 1_800_000_000_000 }]);
    expect(file.times).toContain('the time of the import');
  });
});

describe('rows that can not be read', () => {
  test('are named with line, column and what is wrong; the others are read', async () => {
    const rows = [
      '1700000000,u1,i0,0',
      '1700000060,u2,i1',
      'soon,u3,i2,0',
      '1700000180,u4,i3,1,extra',
      '1700000240,u1,i4,0',
      '1700000300,,i5,1',
    ];
    const { events, report, file } = await eventsOf(
      `timestamp,user,item,label\n${rows.join('\n')}\n`,
    );
    expect(events.map((event) => event!.item)).toEqual(['i0', 'i4']);
    expect(report.counts).toMatchObject({ eventRows: 6, events: 2, refused: 4, refusedEvents: 4 });
    expect(file.refused.map(({ first: [bad] }) => [bad!.line, bad!.column, bad!.text])).toEqual([
      [3, 'label', 'expected 4 fields, got 3: there is none for label'],
      [4, 'timestamp', 'expected seconds or milliseconds since 1970, or ISO 8601; got "soon"'],
      [5, undefined, 'expected 4 fields, got 5: the one too many is "extra"'],
      [7, 'user', 'expected a user or a visitor; got nothing'],
    ]);
  });

  test('a blank label is no label, however blank', async () => {
    const { events, file } = await eventsOf(
      'requestId,item,label\nr1,i1,1\nr2,i2, \nr3,i3,\nr4,i4,0\n',
    );
    expect(events.map((event) => event!.label).sort()).toEqual([0, 1]);
    expect(file.refused).toMatchObject([
      { kind: 'no label', count: 2, first: [{ line: 3 }, { line: 4 }] },
    ]);
  });

  test('a rating is liked from a threshold on, which has to be said', async () => {
    const text = 'user,item,rating,timestamp\nu,a,5,1700000000\nu,b,3.5,1700000001\n';
    await expect(eventsOf(text)).rejects.toThrow('column rating is a rating; say from what on');
    const { events } = await eventsOf(text, { threshold: 4 });
    expect(events.map((event) => event!.label)).toEqual([1, 0]);
  });
});

test('numbers with decimal commas, in a file that is separated by semicolons', async () => {
  const text =
    'zeit;kunde;artikel;ereignis;betrag\n2026-10-01T08:03:10Z;1001;0004711;purchase;1.249,90\n2026-10-01T09:12:00Z;1002;0004712;purchase;19,90\n';
  const { events, file } = await eventsOf(text);
  expect(events.map((event) => event!.value)).toEqual([1249.9, 19.9]);
  expect(file).toMatchObject({ delimiter: ';', decimalMark: ',' });
  expect(events[0]).toMatchObject({ user: '1001', item: '0004711', type: 'purchase' });
});

describe('with a configuration', () => {
  const model = modelOf(
    parseClusterConfig({
      events: { view: {} },
      attributes: { user: { city: 'text' } },
      features: {
        user: { entity: 'user', kind: 'id' },
        item: { entity: 'item', kind: 'id' },
        age: { entity: 'user', kind: 'buckets', boundaries: [30] },
        gender: { entity: 'user', kind: 'vocabulary', values: ['F', 'M'] },
        device: { entity: 'context', kind: 'id' },
        hour: { entity: 'context', kind: 'dense' },
      },
    }),
  );

  test('what says none is missing, and what can not be read costs that field alone', async () => {
    const text = 'user,age,gender\nu1,25,F\nu2,NaN,M\nu3,\\N,F\nu4,unknown,M\nu5,-,F\nu6,,M\n';
    const source = await files.open([await files.write('users.csv', text)], { model });
    const users = await entitiesOf(source.users(0));
    const [file] = source.report.files;
    expect(users.map(({ attributes }) => attributes['age'])).toEqual(
      [25, null, null, undefined, null, null].map((age) => (age === 25 ? '25' : age)),
    );
    expect(users.map(({ attributes }) => attributes['gender']).join('')).toBe('FMFMFM');
    expect(file!.missing).toEqual({ 'age NaN': 1, 'age \\N': 1, 'age -': 1 });
    expect(file!.unreadable).toMatchObject([{ count: 1, first: [{ line: 5, column: 'age' }] }]);
    expect(source.counts.refused).toBe(0);
    expect(source.report.asOfToday).toEqual(['user.age', 'user.gender']);
    await source.close();
  });

  test('types of events that it does not have are refused, and context is what it declares', async () => {
    const text =
      'timestamp,user,item,type,device,hour,mood\n1700000000,u,i,view,phone,7,good\n1700000001,u,i,vieww,phone,8,bad\n1700000002,u,i,view,phone,noon,bad\n';
    const { events, file } = await eventsOf(text, { model });
    expect(events.map((event) => event!.context)).toEqual([
      { device: 'phone', hour: '7' },
      { device: 'phone' },
    ]);
    expect(file.refused).toMatchObject([{ kind: 'unknown type vieww', first: [{ line: 3 }] }]);
    expect(file.unreadable).toMatchObject([{ first: [{ line: 4, column: 'hour' }] }]);
    expect(file.columns.at(-1)).toEqual({ column: 'mood', becomes: 'not used' });
  });

  test('rows of users with a time are what was known then', async () => {
    const source = await files.open(
      [
        await files.write('users.csv', 'user,timestamp,age\nu,1700000000,29\nu,1700000600,30\n'),
        await files.write('events.csv', 'timestamp,user,item,type\n1700000600,u,i,view\n'),
      ],
      { model },
    );
    expect(
      (await happeningsOf(source)).map(({ kind, timestampMs }) => [kind, timestampMs]),
    ).toEqual([
      ['user', 1_700_000_000_000],
      ['user', 1_700_000_600_000],
      ['event', 1_700_000_600_000],
    ]);
    expect(source.counts).toMatchObject({ users: 0, changes: 2 });
    expect(source.report.asOfToday).toEqual([]);
    await source.close();
  });
});

test('a row without an id has the same one in every import, and rows that are alike are different events', async () => {
  const row = '1700000000,u,i\n';
  const { events } = await eventsOf(`timestamp,user,item\n${row}${row}`);
  const again = await eventsOf(`timestamp,user,item\n1600000000,u,x\n${row}`);
  expect(new Set(events.map((event) => event!.id)).size).toBe(2);
  expect(again.events[1]!.id).toBe(events[0]!.id);
});
