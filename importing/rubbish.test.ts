import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { ImportFiles, happeningsOf } from './import.testkit.js';

let files: ImportFiles;
beforeAll(async () => {
  files = await ImportFiles.create();
});
afterAll(() => files.remove());

const header = 'timestamp,user,item,value,quantity\n';
const row = (i: number): string => `${1_760_000_000 + i},u${i},i${i},1.5,1\n`;
const rows = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => row(from + i)).join('');

describe('a file that can not be read as a whole is refused with the place', () => {
  test.each<[string, string | Uint8Array, string]>([
    ['nothing in it', '', 'is empty'],
    ['a column twice', 'timestamp,user,item,item\n1,u,i,j\n', 'line 1: the header has column item'],
    ['no header', row(1) + row(2), 'has its first line no names of columns?'],
    ['what a proxy answers', '<html><body>502</body></html>\n', "can't tell what it is of"],
    [
      'a quote that never closes',
      `${header}${row(1)}1,"u,i,1,1\n${rows(3, 300)}`,
      'line 3: a text',
    ],
    [
      'one behind texts of several lines',
      'timestamp,user,item\n1,"a\nb",c\n\n2,b,c\n3,"d,e\n4,f,g\n',
      'line 6: a text in quotes begins in this row and is not closed',
    ],
    [
      'two encodings',
      Buffer.concat([Buffer.from(header + row(1)), Buffer.from('1,M\xfcller,i,1,1\n', 'latin1')]),
      'is not UTF-8',
    ],
    ['gzip that is cut off', gzipSync(header + rows(0, 3_000)).subarray(0, -500), 'cut off gzip'],
    ['bytes of anything', Uint8Array.from({ length: 5_000 }, (_, i) => i), 'is not UTF-8'],
  ])('%s', async (_what, content, message) => {
    const path = await files.write('rubbish.csv', content);
    await expect(files.open([path])).rejects.toThrow(message);
  });
});

async function readOf(content: string | Uint8Array) {
  const source = await files.open([await files.write('some.csv', content)]);
  try {
    const events = (await happeningsOf(source)).flatMap((each) =>
      each.kind === 'event' ? [each.event] : [],
    );
    return { events, file: source.report.files[0]!, counts: source.counts };
  } finally {
    await source.close();
  }
}

describe('rows that are wrong cost themselves, and are told', () => {
  test('ragged ones, each with its line', async () => {
    const { counts, file } = await readOf(`${header}${row(1)}2,u,i\n3,u,i,1,1,9,9\n${row(4)}`);
    expect(counts).toMatchObject({ eventRows: 4, events: 2, refused: 2 });
    expect(file.refused).toMatchObject([
      { kind: 'row too short', first: [{ line: 3 }] },
      { kind: 'row too long', first: [{ line: 4 }] },
    ]);
  });

  test('an id of a megabyte; the others are read', async () => {
    const { counts, file } = await readOf(
      `${header}${row(1)}2,${'x'.repeat(2 ** 20)},i,1,1\n${row(3)}`,
    );
    expect(counts).toMatchObject({ events: 2, refused: 1 });
    expect(file.refused).toMatchObject([{ kind: 'user too long', first: [{ line: 3 }] }]);
  });

  test('quantities that are none, and values that are no finite number, cost the field', async () => {
    const { events, file } = await readOf(`${header}1,u,i,-5,-2\n2,u,i,5,0\n3,u,i,1e400,1\n`);
    expect(events.map(({ value, quantity }) => [value, quantity])).toEqual([
      [-5, undefined],
      [5, undefined],
      [undefined, 1],
    ]);
    expect(file.unreadable.reduce((sum, { count }) => sum + count, 0)).toBe(3);
  });

  test('times that are none, are yet to come, or may stand for none', async () => {
    const { file, counts } = await readOf(
      `${header}2025-02-30T10:00:00Z,u,i,1,1\n31.12.2025,u,i,1,1\n-5,u,i,1,1\n0,u,i,1,1\n1999999999,u,i,1,1\n${row(1)}`,
    );
    expect(counts).toMatchObject({ events: 3, refused: 3 });
    expect(file.notes).toEqual([
      '1 time is yet to come, and of events nothing is learned then; line 6: 1999999999',
      '1 time is the first moment of 1970, which may stand for none; line 5: 0',
    ]);
  });
});

describe('what only looks wrong is read', () => {
  test.each<[string, string | Uint8Array, number]>([
    ['a header alone', header, 0],
    ['a header without a line end', header.trim(), 0],
    ['blank lines everywhere', `\n\n${header}\n${row(1)}\n\n${row(2)}\n`, 2],
    ['a mark of the byte order in gzip', gzipSync(`\uFEFF${header}${row(1)}`), 1],
    ['line ends of an old Macintosh', (header + row(1) + row(2)).replaceAll('\n', '\r'), 2],
    ['a separator behind the last column', 'timestamp,user,item,\n1,u,i,\n2,u,i,\n', 2],
    ['blanks around names of columns', 'timestamp, user , item\n 1 ,u,i\n', 1],
    ['quotes in the middle', `${header}1,u"2"x,i,1,1\n`, 1],
  ])('%s', async (_what, content, count) => {
    const { events } = await readOf(content);
    expect(events).toHaveLength(count);
  });

  test('ids that look like numbers or names of properties stay as they are written', async () => {
    const { events } = await readOf(
      'timestamp,user,item\n1,1e5,1.0\n2,100000,1\n3,__proto__,constructor\n4,😀,\u200bzero\n',
    );
    expect(events.map(({ user, item }) => [user, item])).toEqual([
      ...[
        ['1e5', '1.0'],
        ['100000', '1'],
        ['__proto__', 'constructor'],
        ['😀', '\u200bzero'],
      ],
    ]);
  });
});
