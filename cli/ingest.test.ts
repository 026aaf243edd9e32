import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { commandsInFolder } from './commands-in-folder.testkit.js';

const { folder, starling, program } = commandsInFolder();

describe('starling ingest', () => {
  async function file(name: string, text: string): Promise<string> {
    await writeFile(path.join(folder, name), text);
    return name;
  }

  test.each([
    [
      'action',
      'a.ndjson',
      '{"requestId":"r","item":1}\n{"requestId":"r"}\n',
      'FILE_INVALID: a.ndjson line 2: action.item',
    ],
    [
      'action',
      'b.ndjson',
      '{"requestId":"r","item":1}\n{oops\n',
      'FILE_INVALID: b.ndjson line 2: expected JSON',
    ],
    [
      'action',
      'c.csv',
      'requestId,item,label\nr,1,1\nr,2,7\n',
      'FILE_INVALID: c.csv line 3: action.label: expected 0 or 1',
    ],
    ['action', 'd.csv', 'requestId,item,colour\nr,1,red\n', 'FILE_INVALID: d.csv line 2: colour'],
    [
      'features',
      'e.csv',
      'film,year\n1,1995\n',
      'FILE_INVALID: e.csv line 2: expected a column item or user',
    ],
    [
      'features',
      'f.ndjson',
      '[{"entity":"film","id":1,"features":{}}]',
      'FILE_INVALID: f.ndjson: features.entity',
    ],
    ['impression', 'g.ndjson', '', 'FILE_INVALID: g.ndjson: is empty'],
  ])('%s from %s names the line and the field', async (type, name, text, expected) => {
    const { code, err } = await starling(['ingest', type, '--file', await file(name, text)]);
    expect(code).toBe(1);
    expect(err).toContain(expected);
  });

  test('checks the argument and standard input before it looks for a cluster', async () => {
    const argument = await starling(['ingest', 'action', '{"requestId":"r"}']);
    expect(argument).toMatchObject({
      code: 1,
      err: expect.stringContaining('the argument: action.item'),
    });
    const input = await program(['ingest', 'action'], '{"requestId":"r"}');
    expect(input).toMatchObject({
      code: 1,
      err: expect.stringContaining('standard input: action.item'),
    });
    const right = await program(['ingest', 'action'], '{"requestId":"r","item":1}');
    expect(right).toMatchObject({ code: 3, err: expect.stringContaining('NOT_RUNNING') });
  });

  test('takes a byte order mark for none of the text, and reads what it names; a replay names another encoding', async () => {
    const text = '\uFEFF{"requestId":"r","item":1}\n{"requestId":"s"}\n';
    const marked = await starling(['ingest', 'action', '--file', await file('m.ndjson', text)]);
    expect(marked.err).toContain('FILE_INVALID: m.ndjson line 2: action.item');
    const input = await program(['ingest', 'action'], text);
    expect(input.err).toContain('standard input line 2: action.item');
    await writeFile(path.join(folder, 'w.ndjson'), text, 'utf16le');
    const wide = await starling(['ingest', 'action', '--file', 'w.ndjson']);
    expect(wide.err).toContain('FILE_INVALID: w.ndjson line 2: action.item');
    await writeFile(path.join(folder, 'w.csv'), Buffer.from('feff0041000a', 'hex'));
    const csv = await starling(['up', '--events', 'w.csv']);
    expect(csv.err).toContain('FILE_INVALID: w.csv: is UTF-16; save it as UTF-8');
  });

  test('names a file that is not there', async () => {
    const { code, err } = await starling(['ingest', 'action', '--file', 'none.ndjson']);
    expect(code).toBe(1);
    expect(err).toContain('FILE_INVALID: none.ndjson: there is no such file');
  });
});
