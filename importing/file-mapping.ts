import type { Format } from './row-file.js';
import { fileError } from './file-error.js';
import {
  type EventField,
  type Role,
  guessedColumn,
  roleFields,
  roleOfName,
} from './field-names.js';
import { nearestOf } from '../core/config/fields.js';

/**
 * Which column becomes what. What the configuration or the user says stands; a column that is called as what it becomes needs
 * no word; the rest is guessed by how such columns are called, unless the configuration has said what the file is like.
 */
export type Fields = Partial<Record<EventField, string>>;

export interface Mapping {
  /** By role; as `files:` in the configuration. */
  readonly fields: Readonly<Record<Role, Fields>>;
  /** Types of events that the files write otherwise, by what they write. */
  readonly types?: Readonly<Record<string, string>> | undefined;
  /** Roles whose other columns are not guessed. */
  readonly isExact: ReadonlySet<Role>;
}

export interface FileMapping {
  readonly role: Role;
  /** Column by field. */
  readonly fields: ReadonlyMap<EventField, string>;
}

interface MappedFile {
  readonly format: Format;
  readonly path: string;
  readonly name: string;
  readonly columns: readonly string[];
}

/** @param told what the user says that it is. @throws StarlingError FILE_INVALID where no role fits. */
export function mappingOf(file: MappedFile, mapping: Mapping, told?: Role): FileMapping {
  const found = foundMapping(file, mapping, told);
  return file.format === 'json' ? withLaterKeys(found, mapping) : found;
}

/** Objects of JSON say what there is: the first thousands may all be views, which have no value. */
function withLaterKeys({ role, fields }: FileMapping, mapping: Mapping): FileMapping {
  if (role !== 'events') return { role, fields };
  const later = ['id', 'type', 'value', 'order', 'quantity', 'currency', 'requestId'] as const;
  const more = later
    .filter((field) => !fields.has(field))
    .map((field) => [field, mapping.fields.events[field] ?? field] as const);
  return { role, fields: new Map([...fields, ...more]) };
}

function foundMapping(file: MappedFile, mapping: Mapping, told?: Role): FileMapping {
  if (told !== undefined) {
    const fields = fieldsOf(file, told, mapping);
    const missing = missingFields(told, fields);
    if (missing === undefined) return checked(file, { role: told, fields });
    const byName = withId(file, told, fields);
    if (byName !== undefined) return checked(file, { role: told, fields: byName });
    throw fileError(file.path, `${missing}; it has ${someOf(file.columns)}. ${remedy(told)}`, {
      field: missing,
    });
  }
  const role = roleOf(file, mapping);
  if (role !== undefined) return checked(file, role);
  const header = looksLikeRow(file) ? ' (has its first line no names of columns?)' : '';
  const text = `can't tell what it is of by its columns, ${someOf(file.columns)}${header}; say --events, --items, --users or --aliases before it, and which column is which with --map user=…,item=…`;
  throw fileError(file.path, text, { field: 'role' });
}

const namedMax = 20;

function someOf(columns: readonly string[]): string {
  const more = columns.length - namedMax;
  return `${columns.slice(0, namedMax).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Times and numbers are no names. */
function looksLikeRow({ columns }: MappedFile): boolean {
  return columns.some((name) => /^-?\d[\d.,:TZ+-]*$/.test(name));
}

function remedy(role: Role): string {
  return `Say which it is with --map ${roleFields[role][0] === 'id' ? 'user=…,item=…' : `${roleFields[role][0]}=…`}`;
}

function roleOf(file: MappedFile, mapping: Mapping): FileMapping | undefined {
  const byRole = (role: Role) => ({ role, fields: fieldsOf(file, role, mapping) });
  const complete = (['events', 'aliases', 'items', 'users'] as const)
    .map(byRole)
    .filter(({ role, fields }) => missingFields(role, fields) === undefined);
  const hint = roleOfName(file.name);
  const isEvents = complete.find(({ role }) => role === 'events');
  // What has no time may be products that somebody sells.
  if (isEvents && (isEvents.fields.has('timestamp') || hint !== 'items')) return isEvents;
  const hasItem = complete.some(({ role }) => role === 'items');
  const fits = complete.filter(({ role, fields }) => {
    if (role === 'aliases') return !hasItem;
    if (role !== 'users') return true;
    // A product with a column `user`, and who logged in where, are no users.
    return !hasItem && !fields.has('visitor');
  });
  const best = fits.find(({ role }) => role === hint) ?? fits[0];
  if (best) return best;
  if (hint !== 'items' && hint !== 'users') return undefined;
  const fields = withId(file, hint, fieldsOf(file, hint, mapping));
  return fields && { role: hint, fields };
}

/** A file of products whose products are called `id`. */
function withId(
  { columns }: MappedFile,
  role: Role,
  fields: ReadonlyMap<EventField, string>,
): ReadonlyMap<EventField, string> | undefined {
  if (role !== 'items' && role !== 'users') return undefined;
  const id = columns.find((column) => /^_?(id|nr|no|number|key)$/i.test(column));
  return id === undefined ? undefined : new Map([...fields, [roleFields[role][0], id]]);
}

function fieldsOf(file: MappedFile, role: Role, mapping: Mapping): Map<EventField, string> {
  const { columns } = file;
  const said = mapping.fields[role];
  const taken = new Set<string>();
  const fields = new Map<EventField, string>();
  const take = (field: EventField, column: string | undefined): void => {
    if (column === undefined || !columns.includes(column)) return;
    fields.set(field, column);
    taken.add(column);
  };
  for (const field of roleFields[role]) take(field, said[field]);
  // Not one that was to be another column, which this file lacks.
  const open = (): EventField[] =>
    roleFields[role].filter((field) => !fields.has(field) && said[field] === undefined);
  for (const field of open())
    take(
      field,
      free(columns, taken).find((each) => each === field),
    );
  if (mapping.isExact.has(role)) return inOrder(role, fields);
  for (const field of open()) take(field, guessedColumn(role, field, free(columns, taken)));
  return inOrder(role, fields);
}

/** Of the fields, so that the same files are the same import however their columns were found. */
function inOrder(role: Role, fields: ReadonlyMap<EventField, string>): Map<EventField, string> {
  const found = roleFields[role].filter((field) => fields.has(field));
  return new Map(found.map((field) => [field, fields.get(field)!]));
}

const free = (columns: readonly string[], taken: ReadonlySet<string>): string[] =>
  columns.filter((column) => !taken.has(column));

/** What is missing of a role; undefined if nothing is. */
function missingFields(role: Role, fields: ReadonlyMap<EventField, string>): string | undefined {
  const needs: Readonly<Record<Role, readonly (readonly EventField[])[]>> = {
    events: [['item'], ['user', 'visitor', 'requestId']],
    items: [['item']],
    users: [['user']],
    aliases: [['visitor'], ['user']],
  };
  const missing = needs[role].find((any) => !any.some((field) => fields.has(field)));
  return missing && `no column is the ${missing.join(' or the ')}`;
}

/** @throws StarlingError FILE_INVALID where two columns would become one. */
function checked(file: MappedFile, mapping: FileMapping): FileMapping {
  const { fields } = mapping;
  for (const [field, column] of fields) {
    const other = file.columns.find((each) => each !== column && each === field);
    // It would be an attribute that is called as the id is, or the same field of an event.
    if (other !== undefined && ![...fields.values()].includes(other)) {
      const text = `columns ${column} and ${other} would both become ${field}; rename one, or leave it out`;
      throw fileError(file.path, text, { field });
    }
  }
  return mapping;
}

const typeMark = 'type:';

/** What `--map user=customer_id,item=sku,type:add_to_cart=cart` says. @throws Error naming what is no field. */
export function mapOfText(text: string): {
  readonly fields: Fields;
  readonly types: Readonly<Record<string, string>>;
} {
  const fields: [EventField, string][] = [];
  const types: [string, string][] = [];
  for (const pair of text.split(',').filter((each) => each.trim() !== '')) {
    const isType = pair.trim().startsWith(typeMark);
    // What is written in a file may have any signs; one with a comma is said in the configuration.
    const at = isType ? pair.lastIndexOf('=') : pair.indexOf('=');
    const name = pair.slice(0, at).trim();
    const column = pair.slice(at + 1).trim();
    if (isType && at > 0 && column !== '' && name.length > typeMark.length) {
      types.push([name.slice(typeMark.length), column]);
      continue;
    }
    const field = roleFields.events.find((each) => each === name);
    if (at < 1 || column === '' || field === undefined) {
      const nearest = nearestOf(name, roleFields.events);
      const hint = nearest
        ? `did you mean ${nearest}?`
        : `there are ${roleFields.events.join(', ')}`;
      throw new Error(`expected pairs such as user=customer_id; got "${pair.trim()}" (${hint})`);
    }
    const again = fields.find(([each]) => each === field);
    if (again) throw new Error(`columns ${again[1]} and ${column} would both become ${field}`);
    fields.push([field, column]);
  }
  return { fields: Object.fromEntries(fields), types: Object.fromEntries(types) };
}
