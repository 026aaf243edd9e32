import type { AttributeReader } from '../messages/attribute-reader.js';
import { preview } from '../core/features/preview.js';
import { plainNumber, textOf } from './cell-values.js';
import type { DecimalMark } from './cell-values.js';
import type { EventField } from './field-names.js';
import { unreadableField } from './event-rows.js';
import type { FileTimes } from './file-times.js';
import type { NumberWatch } from './number-watch.js';
import type { Cell, TakeBad } from './row-file.js';

const idLengthMax = 512;

export interface EntityRow {
  readonly line: number;
  readonly id: string;
  /** Null: as it is known today. */
  readonly atMs: number | null;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface EntityRowOptions {
  readonly entity: 'item' | 'user';
  readonly fields: ReadonlyMap<EventField, string>;
  readonly times: FileTimes;
  readonly mark: DecimalMark;
  /** Columns whose numbers are not written as programs do. */
  readonly written: ReadonlySet<string>;
  readonly watch: NumberWatch;
  readonly numbers?: ReadonlySet<string> | undefined;
  /** Without one everything is taken as it stands. */
  readonly reader?: AttributeReader | undefined;
  readonly bad: TakeBad;
  readonly unreadable: TakeBad;
}

/** Rows of items or users: an id, and attributes by the names of their columns. */
export class EntityRows {
  readonly #options: EntityRowOptions;
  readonly #missing = new Map<string, number>();
  #names: (string | undefined)[] = [];
  #written: boolean[] = [];
  #id = -1;
  #time = -1;
  timeless = 0;

  constructor(options: EntityRowOptions) {
    this.#options = options;
  }

  columns(columns: readonly string[]): void {
    if (columns.length === this.#names.length) return;
    const { fields, entity } = this.#options;
    this.#id = columns.indexOf(fields.get(entity)!);
    this.#time = columns.indexOf(fields.get('timestamp') ?? '');
    this.#written = columns.map((column) => this.#options.written.has(column));
    this.#names = columns.map((column, i) =>
      i === this.#id || i === this.#time ? undefined : attributeName(column),
    );
  }

  /** Spellings of "none" that are more than a blank, by column: `age NaN`. */
  get missing(): ReadonlyMap<string, number> {
    return this.#missing;
  }

  /** Undefined for a row that can't be used, which was told. */
  read(row: readonly Cell[], line: number): EntityRow | undefined {
    const { entity, fields, bad } = this.#options;
    const column = fields.get(entity);
    const id = textOf(row[this.#id]);
    if (id === undefined) {
      bad({ line, kind: `no ${entity}`, column, text: `expected an ${entity} id; got nothing` });
      return undefined;
    }
    if (id.length > idLengthMax) {
      const text = `expected at most ${idLengthMax} characters; got ${id.length}`;
      bad({ line, kind: `${entity} too long`, column, text });
      return undefined;
    }
    const atMs = this.#timeOf(row, line);
    return atMs === undefined ? undefined : { line, id, atMs, attributes: this.#read(row, line) };
  }

  #timeOf(row: readonly Cell[], line: number): number | null | undefined {
    if (this.#time < 0) return null;
    const { times, bad, fields } = this.#options;
    const text = textOf(row[this.#time]);
    const seconds = text === undefined ? undefined : times.read(text, `line ${line}`);
    if (seconds === 'never') {
      this.timeless++;
      return undefined;
    }
    if (seconds !== undefined) return Math.round(seconds * 1000);
    const got = text === undefined ? 'nothing' : preview(text);
    const told = `expected seconds or milliseconds since 1970, or ISO 8601; got ${got}`;
    bad({ line, kind: 'no time', column: fields.get('timestamp'), text: told });
    return undefined;
  }

  #read(row: readonly Cell[], line: number): Readonly<Record<string, unknown>> {
    const { reader, entity, unreadable } = this.#options;
    const told: [string, unknown][] = [];
    for (const [i, name] of this.#names.entries()) {
      if (name === undefined || row[i] === undefined) continue;
      told.push([name, this.#valueOf(row[i], this.#written[i]!)]);
    }
    // Of entries, so that a column may be called as a property of objects is.
    const attributes = Object.fromEntries(told);
    if (!reader) return attributes;
    const read = reader.read(entity, attributes);
    for (const text of read.unreadable) unreadable(unreadableField(line, text));
    this.#noteMissing(told, read.attributes);
    for (const name of this.#options.numbers ?? []) {
      const value = read.attributes[name];
      if (typeof value === 'number' || typeof value === 'string')
        this.#options.watch.add(name, Number(value), line);
    }
    return read.attributes;
  }

  #valueOf(cell: Cell, isWritten: boolean): unknown {
    if (cell === '') return null;
    return isWritten && typeof cell === 'string' ? plainNumber(cell, this.#options.mark) : cell;
  }

  #noteMissing(
    told: readonly (readonly [string, unknown])[],
    read: Readonly<Record<string, unknown>>,
  ): void {
    for (const [name, value] of told) {
      if (typeof value !== 'string' || read[name] !== null || value.trim() === '') continue;
      const key = `${name} ${value.trim()}`;
      this.#missing.set(key, (this.#missing.get(key) ?? 0) + 1);
    }
  }
}

/** Attributes may stand in an object of that name. */
function attributeName(column: string): string {
  return /^(?:attributes|features)\.(.+)$/.exec(column)?.[1] ?? column;
}
