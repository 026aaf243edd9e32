import { preview } from '../core/features/preview.js';
import type { DecimalMark } from './cell-values.js';
import { isNothing, labelOf, numberOf, textOf } from './cell-values.js';
import type { EventField } from './field-names.js';
import type { FileTimes } from './file-times.js';
import type { NumberWatch } from './number-watch.js';
import type { BadRow, Cell, TakeBad } from './row-file.js';

/** Longer ones are refused at the door; see messages/public.ts. */
const idLengthMax = 512;
const typeLengthMax = 64;
const writtenTypeLengthMax = 256;
const requestIdLengthMax = 256;
const currencyLengthMax = 16;

/** One row as an event, before it has its place among the others. */
export interface EventRow {
  readonly line: number;
  /** Null: no column says it. */
  readonly atMs: number | null;
  readonly id: string | null;
  readonly user: string | null;
  readonly visitor: string | null;
  readonly item: string;
  readonly type: string | null;
  readonly label: number | null;
  readonly value: number | null;
  readonly order: string | null;
  readonly quantity: number | null;
  readonly currency: string | null;
  readonly requestId: string | null;
  /** JSON. */
  readonly context: string | null;
}

/** Reads what is told of the moment; a value that can't be read is left out. */
export type ReadContext = (told: Readonly<Record<string, Cell>>) => {
  readonly context: Readonly<Record<string, unknown>>;
  readonly unreadable: readonly string[];
};

export interface EventRowOptions {
  readonly fields: ReadonlyMap<EventField, string>;
  readonly times: FileTimes;
  readonly mark: DecimalMark;
  /** From what rating on something is liked. */
  readonly threshold?: number | undefined;
  /** Types that the cluster takes; any if left out. */
  readonly types?: readonly string[] | undefined;
  /** Types by what the file writes, where that is something else. */
  readonly named?: ReadonlyMap<string, string> | undefined;
  /** Of events that name none. */
  readonly typeDefault?: string | undefined;
  readonly contextColumns: ReadonlyMap<string, string>;
  readonly readContext: ReadContext;
  readonly watch: NumberWatch;
  /** Of the context. */
  readonly numbers?: ReadonlySet<string> | undefined;
  /** Takes rows that can't be used. */
  readonly bad: TakeBad;
  /** Takes fields that can't be read, which cost themselves alone. */
  readonly unreadable: TakeBad;
}

const isPositive = (value: number): boolean => value > 0;

/** A mistake in a row as a whole. */
class RowMistake extends Error {
  readonly kind: string;
  readonly field: EventField;
  constructor(kind: string, field: EventField, text: string) {
    super(text);
    this.kind = kind;
    this.field = field;
  }
}

export class EventRows {
  readonly #options: EventRowOptions;
  #columns: readonly string[] = [];
  #indexes = new Map<EventField, number>();
  #contexts: (readonly [number, string])[] = [];
  #newestMs = -Infinity;
  /** Rows of a time before that of an earlier row. */
  behind = 0;
  timeless = 0;

  constructor(options: EventRowOptions) {
    this.#options = options;
  }

  /** Of the rows to come. */
  columns(columns: readonly string[]): void {
    if (columns === this.#columns && this.#count === columns.length) return;
    this.#columns = columns;
    this.#count = columns.length;
    const { fields, contextColumns } = this.#options;
    this.#indexes = new Map(
      [...fields].map(([field, column]) => [field, columns.indexOf(column)] as const),
    );
    this.#contexts = columns.flatMap((column, i) => {
      const name = contextColumns.get(column) ?? /^context\.(.+)$/.exec(column)?.[1];
      return name === undefined ? [] : [[i, name] as const];
    });
  }
  #count = 0;

  /** Undefined for a row that can't be used, which was told, or has a date that stands for none. */
  read(row: readonly Cell[], line: number): EventRow | undefined {
    try {
      return this.#read(row, line);
    } catch (cause) {
      if (!(cause instanceof RowMistake)) throw cause;
      const { kind, field, message: text } = cause;
      this.#options.bad({ line, kind, column: this.#options.fields.get(field), text });
      return undefined;
    }
  }

  #read(row: readonly Cell[], line: number): EventRow | undefined {
    const item = this.#id(row, 'item');
    if (item === null) throw new RowMistake('no item', 'item', 'expected an item; got nothing');
    const user = this.#id(row, 'user');
    const visitor = this.#id(row, 'visitor');
    const requestId = this.#id(row, 'requestId', requestIdLengthMax);
    if (user === null && visitor === null && requestId === null)
      throw new RowMistake('nobody', 'user', 'expected a user or a visitor; got nothing');
    const atMs = this.#timeOf(row, line);
    if (atMs === undefined) return undefined;
    if (atMs !== null && atMs < this.#newestMs) this.behind++;
    else this.#newestMs = atMs ?? this.#newestMs;
    // Key by key: spread from parts, these objects were half of the time that a row takes.
    return {
      line,
      atMs,
      id: this.#id(row, 'id'),
      user,
      visitor,
      item,
      type: this.#type(row),
      label: this.#label(row),
      value: this.#number(row, line, 'value'),
      order: this.#id(row, 'order'),
      quantity: this.#number(row, line, 'quantity', isPositive),
      currency: this.#id(row, 'currency', currencyLengthMax),
      requestId,
      context: this.#context(row, line),
    };
  }

  #cell(row: readonly Cell[], field: EventField): Cell {
    const index = this.#indexes.get(field);
    return index === undefined || index < 0 ? undefined : row[index];
  }

  #id(row: readonly Cell[], field: EventField, lengthMax = idLengthMax): string | null {
    const text = textOf(this.#cell(row, field));
    if (text === undefined) return null;
    if (text.length <= lengthMax) return text;
    throw new RowMistake(
      `${field} too long`,
      field,
      `expected at most ${lengthMax} characters; got ${text.length}`,
    );
  }

  #timeOf(row: readonly Cell[], line: number): number | null | undefined {
    if (!this.#options.fields.has('timestamp')) return null;
    const text = textOf(this.#cell(row, 'timestamp'));
    const seconds = text === undefined ? undefined : this.#options.times.read(text, `line ${line}`);
    if (seconds === 'never') {
      this.timeless++;
      return undefined;
    }
    if (seconds !== undefined) return Math.round(seconds * 1000);
    const got = text === undefined ? 'nothing' : preview(text);
    throw new RowMistake(
      'no time',
      'timestamp',
      `expected seconds or milliseconds since 1970, or ISO 8601; got ${got}`,
    );
  }

  #type(row: readonly Cell[]): string | null {
    const { types, named, typeDefault } = this.#options;
    const written = this.#id(row, 'type', writtenTypeLengthMax);
    const type = (written === null ? typeDefault : (named?.get(written) ?? written)) ?? null;
    if (type !== null && type.length > typeLengthMax)
      throw new RowMistake(
        'type too long',
        'type',
        `expected at most ${typeLengthMax} characters; got ${type.length}`,
      );
    if (type === null || !types || types.includes(type)) return type;
    const how = type.includes(',')
      ? 'in files.events.types'
      : `as in --map type:${type}=${types[0]}`;
    throw new RowMistake(
      `unknown type ${type}`,
      'type',
      `there is no type of event ${preview(type)}; there are ${types.join(', ')}: declare it in events, or say which of them it is, ${how}`,
    );
  }

  #label(row: readonly Cell[]): number | null {
    const { fields, threshold, mark } = this.#options;
    if (fields.has('rating')) {
      const rating = numberOf(this.#cell(row, 'rating'), mark);
      if (rating !== undefined) return rating >= threshold! ? 1 : 0;
      throw this.#noLabel(row, 'rating', 'a number');
    }
    // A key that an object of JSON lacks is not a label that is blank.
    if (this.#cell(row, 'label') === undefined) return null;
    const label = labelOf(this.#cell(row, 'label'));
    if (label !== undefined) return label;
    // Whoever says a type says what happened; a label is then of the few that are judged.
    if (this.#id(row, 'type') !== null && isNothing(this.#cell(row, 'label'))) return null;
    throw this.#noLabel(row, 'label', '0 or 1');
  }

  #noLabel(row: readonly Cell[], field: EventField, expected: string): RowMistake {
    const cell = this.#cell(row, field);
    const got = isNothing(cell) ? 'nothing' : preview(cell);
    return new RowMistake(`no ${field}`, field, `expected ${expected}; got ${got}`);
  }

  #number(
    row: readonly Cell[],
    line: number,
    field: EventField,
    isRight: (value: number) => boolean = () => true,
  ): number | null {
    const cell = this.#cell(row, field);
    if (cell === undefined || cell === null || cell === '' || isNothing(cell)) return null;
    const value = numberOf(cell, this.#options.mark);
    if (value !== undefined && isRight(value)) {
      this.#options.watch.add(this.#options.fields.get(field)!, value, line);
      return value;
    }
    const column = this.#options.fields.get(field)!;
    const text = `expected a number${field === 'quantity' ? ' above 0' : ''}; got ${preview(cell)}`;
    this.#options.unreadable({ line, kind: `${column}: no number`, column, text });
    return null;
  }

  #context(row: readonly Cell[], line: number): string | null {
    if (this.#contexts.length === 0) return null;
    const told: [string, Cell][] = [];
    for (const [index, name] of this.#contexts) {
      const cell = row[index];
      if (cell !== undefined && cell !== null && cell !== '') told.push([name, cell]);
    }
    if (told.length === 0) return null;
    const { context, unreadable } = this.#options.readContext(Object.fromEntries(told));
    for (const text of unreadable) this.#options.unreadable(unreadableField(line, text));
    const names = Object.keys(context);
    for (const name of names)
      if (this.#options.numbers?.has(name))
        this.#options.watch.add(name, Number(context[name]), line);
    return names.length === 0 ? null : JSON.stringify(context);
  }
}

/** @param text begins with the name of the field. */
export function unreadableField(line: number, text: string): BadRow {
  const at = text.indexOf(':');
  const column = text.slice(0, at);
  return { line, column, kind: `${column}: unreadable`, text: text.slice(at + 1).trim() };
}
