import { Readable } from 'node:stream';
import { type InfoRecord, type Options, parse } from 'csv-parse';
import { parse as parseAll } from 'csv-parse/sync';
import { messageOf } from '../core/base/errors.js';
import { type FileBytes, bytesOf } from './file-bytes.js';
import { fileError } from './file-error.js';
import { type TextEncoding, headText, textOf } from './file-text.js';
import { type BadRow, type RowBatch, type RowFile, batchRows, sampleRowsMax } from './row-file.js';

/**
 * Rows of text with a header, whatever stands between their fields: what makes the rows of the beginning equally long is taken.
 * Read by csv-parse and not by DuckDB, which is several times as fast: whoever has to mend a file needs the line of what is
 * wrong in it, and DuckDB knows no lines of rows that it could read.
 */
const common = [',', '\t', ';', '|', '\u0001', '::', '||', '^', '~'];

/** A longer record is a file with an unclosed quote, which would otherwise be read to its end as one field. */
const recordCharactersMax = 16 * 2 ** 20;

export interface Opened {
  readonly path: string;
  readonly name: string;
  readonly bytes: FileBytes;
  readonly text: TextEncoding;
}

export function openDelimited({ path, name, bytes, text }: Opened): RowFile {
  const head = headText(path, bytes.head, text);
  const { delimiter, skipLines } = delimiterOf(head);
  const options = optionsOf(head, delimiter, skipLines);
  const [header = [], ...sample] = recordsOf(head, options, sampleRowsMax);
  const columns = checkedHeader(path, header, skipLines + 1);
  return {
    ...{ path, name, format: 'delimited', compression: bytes.compression },
    ...{ encoding: text.encoding, delimiter, columns },
    sample: sample.filter((row) => row.length === columns.length),
    batches: async function* (bad) {
      let last = skipLines;
      const parser = parse({
        ...{ ...options, info: true },
        // What is read ahead is not heard of where a later row fails.
        on_record: (record: string[], { lines }: InfoRecord) => {
          last = lines;
          return record;
        },
      });
      const source = Readable.from(textOf(path, bytesOf(path, bytes.compression), text));
      source.on('error', (error) => parser.destroy(error));
      try {
        yield* batchesOf(source.pipe(parser), columns, bad);
      } catch (cause) {
        throw parseError(path, cause, last + 1);
      } finally {
        source.destroy();
      }
    },
  };
}

function optionsOf(head: string, delimiter: string, skipLines: number): Options {
  return {
    delimiter,
    // What the parser finds out by itself it finds out of the first line alone.
    record_delimiter: head.includes('\n') ? ['\r\n', '\n'] : ['\r'],
    from_line: skipLines + 1,
    skip_empty_lines: true,
    // Rows of separators alone, as spreadsheets leave behind.
    skip_records_with_empty_values: true,
    relax_column_count: true,
    relax_quotes: true,
    max_record_size: recordCharactersMax,
  };
}

async function* batchesOf(
  records: AsyncIterable<{ record: string[]; info: InfoRecord }>,
  columns: readonly string[],
  bad: (row: BadRow) => void,
): AsyncGenerator<RowBatch, void, undefined> {
  let rows: string[][] = [];
  let lines: number[] = [];
  let isHeader = true;
  for await (const { record, info } of records) {
    if (isHeader) {
      isHeader = false;
      continue;
    }
    if (record.length !== columns.length) {
      bad(lengthMistake(record, columns, info.lines));
      continue;
    }
    rows.push(record);
    lines.push(info.lines);
    if (rows.length < batchRows) continue;
    yield { columns, rows, lines };
    rows = [];
    lines = [];
  }
  if (rows.length > 0) yield { columns, rows, lines };
}

function lengthMistake(
  record: readonly string[],
  columns: readonly string[],
  line: number,
): BadRow {
  const missing = columns[record.length];
  const detail =
    missing === undefined
      ? `the one too many is ${JSON.stringify(record[columns.length])}`
      : `there is none for ${columns.slice(record.length).join(', ')}`;
  return {
    ...{ line, kind: missing === undefined ? 'row too long' : 'row too short', column: missing },
    text: `expected ${columns.length} fields, got ${record.length}: ${detail}`,
  };
}

/** Of the beginning; the last one may be cut off, and is left out. */
function recordsOf(head: string, options: Options, max: number): string[][] {
  const ended = head.search(/[\r\n][^\r\n]*$/) > 0 && !/[\r\n]$/.test(head);
  try {
    const records = parseAll(head, { ...options, to: max + 1 });
    return ended && records.length > 2 && records.length <= max && head.length > 500_000
      ? records.slice(0, -1)
      : records;
  } catch {
    // A quoted text is open where the beginning ends. Lines will do, to find out what is in them.
    return head
      .split(/\r\n|\n|\r/)
      .slice(0, max)
      .flatMap((line) => lineOf(line, options));
  }
}

function lineOf(line: string, options: Options): string[][] {
  try {
    return parseAll(line, { ...options, from_line: 1 });
  } catch {
    return []; // Part of a text of several lines, which says nothing of the others.
  }
}

function delimiterOf(head: string): { delimiter: string; skipLines: number } {
  // As some spreadsheets write it.
  const said = /^"?sep=(.)"?\r?\n/i.exec(head)?.[1];
  if (said !== undefined) return { delimiter: said, skipLines: 1 };
  const [line = ''] = head.split(/\r\n|\n|\r/, 1);
  const inHeader = line.replace(/"[^"]*"/g, '');
  const rare = [...new Set(inHeader.match(/[^\p{L}\p{N}_."'()/%#\s-]/gu) ?? [])];
  const candidates = [...new Set([...common, ...rare])].filter((each) => inHeader.includes(each));
  if (candidates.length === 0 && /\S\s+\S/.test(inHeader) && !line.includes('"'))
    candidates.push(' ');
  const beginning = head.slice(0, 200_000);
  const judged = candidates.map((delimiter) => {
    const records = recordsOf(beginning, optionsOf(head, delimiter, 0), 200);
    const width = records[0]?.length ?? 0;
    const alike = records.filter(({ length }) => length === width).length / records.length;
    const unnamed = records[0]?.filter((name) => name.trim() === '').length ?? 0;
    return { delimiter, width, alike, unnamed };
  });
  // `a::b` has three columns between single colons, one of them without a name.
  judged.sort((a, b) => b.alike - a.alike || a.unnamed - b.unnamed || b.width - a.width);
  const best = judged.find(({ width }) => width > 1);
  return { delimiter: best?.delimiter ?? ',', skipLines: 0 };
}

/** @throws StarlingError FILE_INVALID */
function checkedHeader(path: string, header: readonly string[], line: number): string[] {
  const columns = header.map((name) => name.trim());
  const repeated = columns.find((name, i) => name !== '' && columns.indexOf(name) !== i);
  if (repeated !== undefined)
    throw fileError(path, `the header has column ${repeated} twice`, { line, field: repeated });
  if (columns.every((name) => name === '' || /^-?[\d.,:]+$/.test(name))) {
    const text = `expected a header with names of columns; got ${columns.slice(0, 5).join(', ')}`;
    throw fileError(path, text, { line });
  }
  // One without a name is of no use to anybody, as the index that some programs write.
  return columns.map((name, i) => (name === '' ? `column ${i + 1}` : name));
}

/** @param line in which the row begins that can't be read. */
function parseError(path: string, cause: unknown, line: number): unknown {
  const { code } = cause as { code?: unknown };
  if (typeof code !== 'string' || !code.startsWith('CSV_')) return cause;
  const text =
    code === 'CSV_QUOTE_NOT_CLOSED' || code === 'CSV_MAX_RECORD_SIZE'
      ? 'a text in quotes begins in this row and is not closed, or the row is longer than 16 MiB'
      : messageOf(cause);
  return fileError(path, text, { line }, cause);
}
