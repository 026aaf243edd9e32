import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openDatabase } from './staging.js';
import { ImportFiles, digestOf, entitiesOf, happeningsOf } from './import.testkit.js';

let files: ImportFiles;
beforeAll(async () => {
  files = await ImportFiles.create();
});
afterAll(() => files.remove());

/** A shop in small: late rows, rows that come twice, sessions without a customer, texts with everything in them. */
const events = Array.from({ length: 300 }, (_, i) => [
  `e${i}`,
  new Date(1_790_000_000_000 + i * 60_000 - (i % 30 === 7 ? 300_000 : 0)).toISOString(),
  i % 4 === 0 ? '' : `${1000 + (i % 9)}`,
  `s${i % 20}`,
  `000${i % 13}`,
  ['view', 'view', 'cart', 'purchase'][i % 4]!,
  i % 4 === 3 ? `${(i % 7) + 0.5}` : '',
]);
const withRepeats = events.flatMap((row, i) => (i % 50 === 3 ? [row, row] : [row]));
const products = Array.from({ length: 12 }, (_, i) => [
  `000${i}`,
  i === 3 ? 'A "lamp",\nfor; two\t日本' : `Lamp ${i}`,
  `${9 + i}.50`,
]);
const aliases = [
  ['s4', '1004', '2026-09-22T01:00:00Z'],
  ['s8', '1008', '2026-09-22T02:00:00Z'],
];
const tables = {
  events: [
    ['event_id', 'timestamp', 'customer_id', 'session_id', 'sku', 'event', 'value'],
    ...withRepeats,
  ],
  products: [['sku', 'title', 'price'], ...products],
  aliases: [['session_id', 'customer_id', 'logged_in_at'], ...aliases],
} as const;
type Table = keyof typeof tables;
const names = Object.keys(tables) as Table[];

function delimited(rows: readonly (readonly string[])[], delimiter = ',', end = '\n'): string {
  const quoted = (cell: string): string =>
    /["\n]/.test(cell) || cell.includes(delimiter) ? `"${cell.replaceAll('"', '""')}"` : cell;
  return rows.map((row) => row.map(quoted).join(delimiter) + end).join('');
}

/** As programs write it: what is blank is not there. */
function jsonLines([header, ...rows]: readonly (readonly string[])[]): string {
  const object = (row: readonly string[]): object =>
    Object.fromEntries(header!.map((name, i) => [name, row[i] === '' ? null : row[i]]));
  return rows.map((row) => `${JSON.stringify(object(row))}\n`).join('');
}

function utf32(text: string): Buffer {
  const points = Array.from(`\uFEFF${text}`, (each) => each.codePointAt(0)!);
  const bytes = Buffer.alloc(4 * points.length);
  points.forEach((point, i) => bytes.writeUInt32BE(point, 4 * i));
  return bytes;
}

async function writeAll(
  folder: string,
  extension: string,
  write: (rows: readonly (readonly string[])[]) => string | Uint8Array,
): Promise<string[]> {
  return Promise.all(
    names.map((name) => files.write(`${folder}-${name}${extension}`, write(tables[name]))),
  );
}

/** Through DuckDB, which writes what this program only reads. */
async function copied(extension: string, options: string): Promise<string[]> {
  const { connection, close } = await openDatabase(':memory:', join(files.folder, 'copies'));
  const paths: string[] = [];
  for (const name of names) {
    const source = await files.write(`plain-${name}.csv`, delimited(tables[name]));
    const path = join(files.folder, `copied-${name}${extension}`);
    await connection.run(
      `copy (select * from read_csv('${source}', all_varchar = true, header = true)) to '${path}' (${options})`,
    );
    paths.push(path);
  }
  close();
  return paths;
}

const counts = {
  ...{ items: 12, users: 0, aliases: 2, changes: 0, events: 300, eventRows: 306, repeated: 6 },
  ...{ refused: 0, refusedEvents: 0, timeless: 0, withoutUser: 75, unknownItems: 23, behind: 10 },
};

describe('the same rows in any form are the same import', () => {
  let plain = '';
  beforeAll(async () => {
    const source = await files.open(await writeAll('csv', '.csv', (rows) => delimited(rows)));
    expect(source.counts).toMatchObject(counts);
    plain = await digestOf(source);
    await source.close();
  });

  const forms: Readonly<Record<string, () => Promise<string[]>>> = {
    'separated by tabs': () => writeAll('tab', '.tsv', (rows) => delimited(rows, '\t')),
    'separated by semicolons, called as nothing': () =>
      writeAll('semicolon', '', (rows) => delimited(rows, ';')),
    'separated by bars, with an upper case extension': () =>
      writeAll('bar', '.CSV', (rows) => delimited(rows, '|')),
    'with a byte order mark and line ends of Windows': () =>
      writeAll('bom', '.csv', (rows) => `\uFEFF${delimited(rows, ',', '\r\n')}`),
    'of UTF-16': () =>
      writeAll('utf16', '.csv', (rows) => Buffer.from(`\uFEFF${delimited(rows)}`, 'utf16le')),
    'of UTF-32': () => writeAll('utf32', '.csv', (rows) => utf32(delimited(rows))),
    'gzip that is not called so': () =>
      writeAll('packed', '.csv', (rows) => gzipSync(delimited(rows))),
    'JSON lines': () => writeAll('lines', '.ndjson', jsonLines),
    'JSON lines with a byte order mark, gzip': () =>
      writeAll('linesgz', '.txt', (rows) => gzipSync(`\uFEFF${jsonLines(rows)}`)),
    'a list of JSON': () =>
      writeAll('list', '.json', (rows) => `[${jsonLines(rows).trim().split('\n').join(',\n')}]`),
    'zstd that is not called so': () => copied('.csv', 'format csv, compression zstd'),
    Parquet: () => copied('.parquet', 'format parquet, compression zstd'),
  };
  test.each(Object.entries(forms))('%s', async (_, write) => {
    const source = await files.open(await write());
    expect(source.counts).toMatchObject(counts);
    expect(await digestOf(source)).toBe(plain);
    await source.close();
  });

  test('cut into a file for each day, in any order of the arguments', async () => {
    const [header, ...rows] = tables.events;
    const days = new Map<string, (readonly string[])[]>();
    for (const row of rows) {
      const day = row[1]!.slice(0, 13);
      days.set(day, [...(days.get(day) ?? [header]), row]);
    }
    const paths = await Promise.all(
      [...days].map(([day, some]) => files.write(`day-${day}.csv`, delimited(some))),
    );
    const others = await writeAll('csv', '.csv', (each) => delimited(each));
    const all = [...paths, ...others.filter((path) => !path.includes('events'))];
    const one = await files.open(all);
    const other = await files.open([...all].reverse());
    expect(one.counts).toMatchObject({ ...counts, behind: expect.any(Number) });
    expect(await digestOf(one)).toBe(plain);
    expect(other.id).toBe(one.id);
    await Promise.all([one.close(), other.close()]);
  });

  test('goes on behind any position', async () => {
    const source = await files.open(await writeAll('csv', '.csv', (rows) => delimited(rows)));
    const all = await happeningsOf(source);
    expect(await happeningsOf(source, 137)).toEqual(all.slice(137));
    expect(all.map(({ position }) => position)).toEqual(all.map((_, i) => i + 1));
    const times = all.map(({ timestampMs }) => timestampMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    await source.close();
  });
});

describe('what a file is', () => {
  test('texts keep their line breaks and quotes, and the last row needs no line end', async () => {
    const text = 'item,title\r\n1,"A lamp\r\nfor two"\r\n2,"12"" pan, with lid"\r\n3,"plain"';
    const source = await files.open([await files.write('quoted.csv', text)]);
    const items = await entitiesOf(source.items(0));
    expect(items.map(({ attributes }) => attributes['title'])).toEqual([
      'A lamp\r\nfor two',
      '12" pan, with lid',
      'plain',
    ]);
    await source.close();
  });

  test.each([
    ['is empty', '', 'empty.csv: is empty'],
    ['is a spreadsheet', 'PK\u0003\u0004rest', 'empty.csv: is a ZIP file or a spreadsheet'],
    ['has no header', '1,2,3\n4,5,6\n', 'expected a header with names of columns; got 1, 2, 3'],
    ['has a column twice', 'item,a,item\n1,2,3\n', 'line 1: the header has column item twice'],
    ['is of nothing known', 'a,b\n1,2\n', "can't tell what it is of by its columns, a, b"],
    ['is JSON over several lines', '{"item":1,\n"title":2}\n', 'expected one JSON object per line'],
    [
      'never closes a quote',
      'item,a\n1,"x\n2,y\n',
      'line 2: a text in quotes begins in this row and is not closed',
    ],
  ])('a file that %s is refused, named', async (_, text, message) => {
    const path = await files.write('empty.csv', text);
    await expect(files.open([path])).rejects.toThrow(message);
  });

  test('damaged gzip is refused by its name, and so is what is no UTF-8', async () => {
    const packed = gzipSync(delimited(tables.events)).subarray(0, 2000);
    await expect(files.open([await files.write('cut.gz', packed)])).rejects.toThrow(
      'cut.gz: is damaged or cut off gzip',
    );
    const noise = Buffer.from([0x61, 0xc3, 0x28, 0xff, 0x2c, 0x80]);
    await expect(files.open([await files.write('noise.csv', noise)])).rejects.toThrow(
      'noise.csv: is not UTF-8',
    );
    const latin = Buffer.from('item,title\n1,T\u00e9\n', 'latin1');
    const path = await files.write('latin.csv', latin);
    await expect(files.open([path])).rejects.toThrow('latin.csv: is not UTF-8');
    const source = await files.open([path], { encoding: 'windows-1252' });
    const [item] = await entitiesOf(source.items(0));
    expect(item).toMatchObject({ id: '1', attributes: { title: 'Té' } });
    await source.close();
  });

  test('separators of several characters are found, and single characters within them are not', async () => {
    const text = 'userId::movieId::rating::timestamp\n1::2::5::978300760\n';
    const source = await files.open([await files.write('ratings.dat', text)], { threshold: 4 });
    expect(source.report.files[0]).toMatchObject({ delimiter: '::', rows: 1 });
    await source.close();
  });

  test('two columns that become one are refused', async () => {
    const path = await files.write('both.csv', 'sku,item,title\n1,2,x\n');
    await expect(files.open([path], { fields: { items: { item: 'sku' } } })).rejects.toThrow(
      'both.csv: columns sku and item would both become item',
    );
  });

  test('a column that no file has is named with the nearest', async () => {
    const path = await files.write('events.csv', 'timestamp,customer,item\n1700000000,u,i\n');
    await expect(files.open([path], { fields: { events: { user: 'custmer' } } })).rejects.toThrow(
      'user=custmer: no file has a column custmer; did you mean customer?',
    );
  });

  test('what a configuration says of events does not matter to a file of products', async () => {
    const path = await files.write('products.csv', 'sku,price\n1,2\n');
    const mapping = {
      fields: {
        events: { id: 'event_id', item: 'sku', user: 'customer_id' },
        items: { item: 'sku' },
        users: {},
        aliases: {},
      },
      isExact: new Set(['events', 'items'] as const),
    };
    const source = await files.open([path], { mapping });
    expect(source.counts.items).toBe(1);
    await source.close();
    const typo = {
      ...mapping,
      fields: { ...mapping.fields, events: { item: 'sku', user: 'user', type: 'evnt' } },
    };
    const events = await files.write(
      'typed.csv',
      'timestamp,user,sku,event\n1700000000,u,1,view\n',
    );
    await expect(files.open([events], { mapping: typo })).rejects.toThrow(
      'type=evnt: no file has a column evnt; did you mean event?',
    );
  });

  test('keys that objects of JSON have later are read', async () => {
    const view =
      '{"timestamp":1700000000,"user":"u","item":"i","type":"view","note":"a long way to the first purchase"}\n';
    const last =
      '{"timestamp":1700000001,"user":"u","item":"i","type":"purchase","value":9.5,"order":"o1"}\n';
    const source = await files.open([
      await files.write('later.ndjson', view.repeat(12_000) + last),
    ]);
    const [event] = await happeningsOf(source, 12_000);
    expect(event).toMatchObject({ event: { type: 'purchase', value: 9.5, order: 'o1' } });
    await source.close();
  });
});
