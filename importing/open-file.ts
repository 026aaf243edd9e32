import type { DuckDBConnection } from '@duckdb/node-api';
import { openDelimited } from './delimited-file.js';
import { headOf } from './file-bytes.js';
import { fileError } from './file-error.js';
import { encodingOf } from './file-text.js';
import { openJson } from './json-file.js';
import { openParquet } from './parquet-file.js';
import type { Format, RowFile } from './row-file.js';

export interface OpenFile {
  readonly path: string;
  /** For a person: `standard input` has no other. */
  readonly name: string;
  /** Of text without a byte order mark, as the user says. */
  readonly encoding?: string | undefined;
}

/** Finds out of its first bytes what a file is; its name says nothing. @throws StarlingError FILE_INVALID */
export async function openFile(
  { path, name, encoding }: OpenFile,
  connection: DuckDBConnection,
): Promise<RowFile> {
  const bytes = await headOf(path);
  const magic = bytes.head.toString('latin1', 0, 4);
  if (magic === 'PAR1') {
    if (bytes.compression === undefined) return openParquet(path, name, connection);
    throw fileError(path, `is Parquet within ${bytes.compression}; decompress it first`);
  }
  refuseBinary(path, magic);
  const text = encodingOf(path, bytes.head, encoding);
  const opened = { path, name, bytes, text };
  return formatOf(bytes.head, text.skip) === 'json' ? openJson(opened) : openDelimited(opened);
}

/** @param skip bytes of a byte order mark. */
export function formatOf(head: Buffer, skip: number): Format {
  if (head.toString('latin1', 0, 4) === 'PAR1') return 'parquet';
  return /^\s*[[{]/.test(textStart(head, skip)) ? 'json' : 'delimited';
}

/** Enough to tell JSON from anything else in whichever encoding: the letters are there, with zeros between. */
function textStart(head: Buffer, skip: number): string {
  return head.toString('latin1', skip, skip + 64).replaceAll('\0', '');
}

const others: readonly (readonly [string, string])[] = [
  ['PK\u0003\u0004', 'a ZIP file or a spreadsheet; unpack it, or save it as CSV'],
  ['BZh', 'bzip2; decompress it first'],
  ['\u00fd7zX', 'xz; decompress it first'],
  ['\u00d0\u00cf\u0011\u00e0', 'an old spreadsheet; save it as CSV'],
  ['%PDF', 'a PDF'],
  ['SQLi', 'a database of SQLite; export its tables as CSV'],
  ['ORC', 'ORC; write it as Parquet'],
  ['Obj\u0001', 'Avro; write it as Parquet'],
  ['ARRO', 'Arrow; write it as Parquet'],
];

function refuseBinary(path: string, magic: string): void {
  const other = others.find(([start]) => magic.startsWith(start));
  if (other) throw fileError(path, `is ${other[1]}`);
}
