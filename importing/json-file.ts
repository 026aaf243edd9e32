import { messageOf } from '../core/base/errors.js';
import { parseJson } from '../core/base/json-text.js';
import type { Opened } from './delimited-file.js';
import { bytesOf } from './file-bytes.js';
import { fileError } from './file-error.js';
import { headText, textOf } from './file-text.js';
import type { BadRow, Cell, RowBatch, RowFile } from './row-file.js';
import { batchRows, sampleRowsMax } from './row-file.js';

/**
 * One JSON object per line, or one list of them. Objects within are columns of their own: `{"user":{"id":7}}` has the column
 * `user.id`. Numbers that JavaScript would write in another way stay the text they are: 17 digits, 1e5, 1.0.
 */
const listCharactersMax = 256 * 2 ** 20;

export function openJson({ path, name, bytes, text }: Opened): RowFile {
  const head = headText(path, bytes.head, text).trimStart();
  const isList = head.startsWith('[');
  const flat = new FlatRows();
  const sample = isList ? sampleOfList(head) : sampleOfLines(head);
  if (sample.length === 0)
    throw fileError(path, 'expected one JSON object per line, or one list of objects');
  const rows = sample.map((value) => flat.row(value));
  return {
    ...{ path, name, format: 'json', compression: bytes.compression, encoding: text.encoding },
    columns: [...flat.columns],
    sample: rows,
    async *batches(bad) {
      const pieces = textOf(path, bytesOf(path, bytes.compression), text);
      const again = new FlatRows(flat.columns);
      if (isList) yield* batchesOf(listed(path, await whole(path, pieces)), again, bad);
      else yield* batchesOf(linesOf(pieces), again, bad);
    },
  };
}

type Written = { line: number; json: string } | { line: number; value: unknown };

async function* batchesOf(
  written: AsyncIterable<Written> | Iterable<Written>,
  flat: FlatRows,
  bad: (row: BadRow) => void,
): AsyncGenerator<RowBatch, void, undefined> {
  let rows: Cell[][] = [];
  let lines: number[] = [];
  for await (const each of written) {
    const { line } = each;
    try {
      const value = 'json' in each ? parseExact(each.json) : each.value;
      if (!isObject(value)) throw new SyntaxError(`expected an object; got ${preview(value)}`);
      rows.push(flat.row(value));
    } catch (cause) {
      const reason = messageOf(cause).replace(/^line 1, /, '');
      bad({ line, kind: 'no JSON object', text: `expected a JSON object: ${reason}` });
      continue;
    }
    lines.push(line);
    if (rows.length < batchRows) continue;
    yield { columns: flat.columns, rows, lines };
    rows = [];
    lines = [];
  }
  if (rows.length > 0) yield { columns: flat.columns, rows, lines };
}

async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<Written, void, undefined> {
  let line = 0;
  let rest = '';
  for await (const piece of pieces) {
    const parts = (rest + piece).split('\n');
    rest = parts.pop()!;
    for (const json of parts) {
      line++;
      if (json.trim() !== '') yield { line, json };
    }
  }
  if (rest.trim() !== '') yield { line: line + 1, json: rest };
}

async function whole(path: string, pieces: AsyncIterable<string>): Promise<string> {
  const parts: string[] = [];
  let length = 0;
  for await (const piece of pieces) {
    parts.push(piece);
    length += piece.length;
    if (length > listCharactersMax)
      throw fileError(path, 'is one JSON list of more than 256 MiB; write one object per line');
  }
  return parts.join('');
}

function* listed(path: string, text: string): Generator<Written, void, undefined> {
  let list: unknown;
  try {
    list = parseExact(text);
  } catch (cause) {
    throw fileError(path, `expected JSON: ${messageOf(cause)}`, {}, cause);
  }
  for (const [i, value] of (list as unknown[]).entries()) yield { line: i + 1, value };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const preview = (value: unknown): string => JSON.stringify(value).slice(0, 40);

function sampleOfLines(head: string): Record<string, unknown>[] {
  return head.split('\n').slice(0, sampleRowsMax).flatMap(objectIn);
}

/** The line at the end of the head may be cut off; others that are wrong are told when all are read. */
function objectIn(line: string): Record<string, unknown>[] {
  try {
    const value = parseExact(line);
    return isObject(value) ? [value] : [];
  } catch {
    return []; // Said with its line by `batches`.
  }
}

function sampleOfList(head: string): Record<string, unknown>[] {
  const found: Record<string, unknown>[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of head.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{' && depth++ === 0) start = index;
    if (token === '}' && --depth === 0) found.push(...objectIn(head.slice(start, index + 1)));
    if (found.length >= sampleRowsMax) break;
  }
  return found;
}

const numberOrText = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** @throws SyntaxError with the place of the mistake. */
function parseExact(json: string): unknown {
  // Where a number would change it becomes a text; what is no number is left for the parser to refuse.
  const exact = json.replace(numberOrText, (token) =>
    token.startsWith('"') || String(Number(token)) === token || Number.isNaN(Number(token))
      ? token
      : `"${token}"`,
  );
  return exact === json ? parseJson(json) : parseJson(exact);
}

/** Objects as rows of columns, which are those that were seen. */
class FlatRows {
  readonly columns: string[] = [];
  readonly #indexes = new Map<string, number>();

  constructor(columns: readonly string[] = []) {
    for (const column of columns) this.#indexOf(column);
  }

  row(value: Readonly<Record<string, unknown>>): Cell[] {
    const row: Cell[] = [];
    this.#fill(row, '', asTold(value));
    return row;
  }

  #fill(row: Cell[], prefix: string, value: Readonly<Record<string, unknown>>): void {
    for (const key of Object.keys(value)) {
      const inner = value[key];
      if (isObject(inner)) this.#fill(row, `${prefix}${key}.`, inner);
      else row[this.#indexOf(prefix + key)] = inner as Cell;
    }
  }

  #indexOf(column: string): number {
    const known = this.#indexes.get(column);
    if (known !== undefined) return known;
    const index = this.columns.push(column) - 1;
    this.#indexes.set(column, index);
    return index;
  }
}

/** `{entity: 'item', id, features}`, as `starling.ingest.features` has it, says the same as `{item, …}`. */
function asTold(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { entity, id, features, ...rest } = value;
  const isEntity = (entity === 'item' || entity === 'user') && isObject(features);
  return isEntity ? { [entity]: id, ...rest, attributes: features } : value;
}
