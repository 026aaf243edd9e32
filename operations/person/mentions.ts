import { namesOfPerson } from '../../core/joining/person-event.js';
import { isRecord } from '../../messages/checks.js';
import { decode } from '../../messages/codec.js';
import { unpackedColumns } from '../../messages/column-checks.js';

/** What of a message is about somebody: its rows, or events, or, where that can't be told apart, what is known of it. */
export type Mention = Readonly<Record<string, unknown>>;

/** Fields that say who, in events and in columns. */
const whoFields = new Set([
  ...['user', 'users', 'visitor', 'visitors', 'person', 'persons', 'from', 'to', 'names', 'name'],
]);
/** Such as the features of rows, which name nobody, and are longer than all else. */
const leftOut = new Set(['examples', 'moment', 'offsets', 'fids', 'dense', 'marks']);

/** Of people by their names: what a message says of them. */
export class Mentions {
  readonly #names: ReadonlySet<string>;
  readonly #texts: readonly Buffer[];

  /** @param people as everything behind the door knows them. */
  constructor(people: readonly string[]) {
    const parts = people.flatMap((person) => {
      const { user, visitor } = namesOfPerson(person);
      return [person, user === '' ? visitor : user];
    });
    this.#names = new Set(parts);
    this.#texts = [...this.#names].map((name) => Buffer.from(name));
  }

  /** Whether a name stands in the bytes; also within another word. */
  isIn(bytes: Uint8Array): boolean {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.#texts.some((text) => buffer.includes(text));
  }

  /** @param subject of the message: of users it says so. */
  in(bytes: Uint8Array, subject: string): Mention[] {
    // A number is an id too, and its text is not in the bytes.
    const mayBeNumber = [...this.#names].some((name) => /^\d+$/.test(name));
    if (!mayBeNumber && !this.isIn(bytes)) return [];
    try {
      return this.#of(decode(bytes), /\.users?$/.test(subject), bytes);
    } catch {
      return this.isIn(bytes) ? [{ bytes: bytes.length }] : [];
    }
  }

  #of(said: unknown, ofUsers: boolean, bytes: Uint8Array): Mention[] {
    if (Array.isArray(said)) return said.flatMap((each) => this.#of(each, ofUsers, bytes));
    if (!isRecord(said)) return [];
    const value = unpackedColumns(said);
    if (Array.isArray(value['letters'])) return this.#letters(value, bytes);
    if (Array.isArray(value['records'])) return this.#sent(value['records']);
    const isOfUsers = ofUsers || value['entity'] === 'user';
    const found = new Set<number>();
    let isWhole = false;
    for (const [field, said] of Object.entries(value)) {
      const saysWho = whoFields.has(field) || (isOfUsers && (field === 'id' || field === 'ids'));
      if (!saysWho) continue;
      if (!Array.isArray(said)) isWhole ||= this.#isOne(said);
      // One entry for all rows.
      else if (said.length === 1 && rowsOf(value) > 1) isWhole ||= this.#isOne(said[0]);
      else said.forEach((each, row) => this.#isOne(each) && found.add(row));
    }
    if (isWhole) return [withoutLong(value)];
    return [...found].sort((a, b) => a - b).map((row) => rowOf(value, row));
  }

  /** A letter has what could not be used, of whatever shape. */
  #letters(value: Mention, bytes: Uint8Array): Mention[] {
    if (!this.isIn(bytes)) return [];
    const { letters, ...rest } = value;
    return (letters as unknown[])
      .filter((letter) => this.#isInText(JSON.stringify(letter)))
      .map((letter) => ({ ...rest, ...(isRecord(letter) ? letter : { letter }) }));
  }

  /** In words of the joiners among themselves. */
  #sent(records: readonly unknown[]): Mention[] {
    return records
      .filter(isRecord)
      .filter(({ bytes }) => bytes instanceof Uint8Array && this.isIn(bytes))
      .map(({ source, number }) => ({ kind: 'sent', source, number }));
  }

  #isInText(text: string | undefined): boolean {
    return [...this.#names].some((name) => text?.includes(JSON.stringify(name)));
  }

  #isOne(said: unknown): boolean {
    return (typeof said === 'string' || typeof said === 'number') && this.#names.has(String(said));
  }
}

function rowsOf(value: Mention): number {
  const { rowCount } = value;
  if (typeof rowCount === 'number') return rowCount;
  return Math.max(...Object.values(value).map((each) => (isColumn(each) ? each.length : 0)));
}

/** What its columns say of a row. */
function rowOf(value: Mention, row: number): Mention {
  const rows = rowsOf(value);
  const said = Object.entries(value)
    .filter(([field]) => !leftOut.has(field))
    .flatMap(([field, each]): [string, unknown][] => {
      if (isColumn(each)) {
        if (each.length === rows) return [[field, each[row]]];
        return each.length === 1 ? [[field, each[0]]] : [];
      }
      return isRecord(each) ? [] : [[field, each]];
    });
  return Object.fromEntries(said);
}

function withoutLong(value: Mention): Mention {
  return Object.fromEntries(Object.entries(value).filter(([field]) => !leftOut.has(field)));
}

function isColumn(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}
