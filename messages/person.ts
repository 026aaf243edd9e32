import { dataCenterRoles, type DataCenterRole } from '../core/config/data-centers.js';
import type { PersonKey } from '../core/features/person-keys.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import type { PersonInWindow } from '../core/joining/types.js';
import { StarlingError } from '../core/base/errors.js';
import {
  asFields,
  asMessage,
  flag,
  listOf,
  number,
  text,
  texts,
  wrong,
  type Fields,
} from './checks.js';
import { protocolVersion } from './codec.js';
import { asModelMessage, mainModel } from './model-name.js';
import { parseOperation, type Operation } from './operations.js';

/** What is asked of the joiner of a partition, and of a feature store: what it has of somebody. */
export function personRequest(person: string) {
  return { v: protocolVersion, kind: 'person', person };
}

/** @throws StarlingError BAD_MESSAGE */
export function parsePersonRequest(value: unknown): string {
  return text(asMessage(value, 'person'), 'person', 'person');
}

export function windowPersonReply(found: PersonInWindow) {
  return { v: protocolVersion, kind: 'window-person', ...found };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseWindowPerson(value: unknown): PersonInWindow {
  const what = 'person in a window';
  const fields = asMessage(value, what);
  return {
    owner: optionalText(fields, 'owner', what),
    names: texts(fields, 'names', what),
    forgottenUntilMs: optionalNumber(fields, 'forgottenUntilMs', what),
    rows: listOf(fields, 'rows', what, asFields) as unknown as PersonInWindow['rows'],
    events: listOf(fields, 'events', what, asFields) as unknown as PersonInWindow['events'],
  };
}

/** What a feature store has of somebody. */
export interface PersonInStore {
  /** What is told of him; null: nothing. */
  readonly attributes: RawFeatures | null;
  /** Lists of what he did, counts, and accounts that are his; null: nothing. */
  readonly kept: Fields | null;
  readonly forgottenUntilMs: number | null;
  /** Of ACTIVITY: what he did up to here is in. */
  readonly activity: number;
}

export function storePersonReply(found: PersonInStore) {
  return { v: protocolVersion, kind: 'store-person', ...found };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseStorePerson(value: unknown): PersonInStore {
  const what = 'person in a feature store';
  const fields = asMessage(value, what);
  const { attributes, kept } = fields;
  return {
    attributes: attributes === null ? null : asFields(attributes, `${what}.attributes`),
    kept: kept === null ? null : asFields(kept, `${what}.kept`),
    activity: number(fields, 'activity', what),
    forgottenUntilMs: optionalNumber(fields, 'forgottenUntilMs', what),
  };
}

/** Of rows that are of one person, to a shard, which looks for those that it owns. */
export interface RowsCommand {
  readonly keys: readonly PersonKey[];
  /** Remove them, which goes into the log and so to every copy. */
  readonly forget: boolean;
  /** Of the leader who says so. */
  readonly term: number;
}

export interface FoundRow extends PersonKey {
  readonly weights: Float32Array;
  readonly state: Float32Array;
  readonly updates: number;
  /** Event seconds of the newest update. */
  readonly updatedAt: number;
}

export function rowsCommand(command: RowsCommand, model = mainModel) {
  return { v: protocolVersion, model, ...command };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseRowsCommand(value: unknown, model = mainModel): RowsCommand {
  const what = 'rows command';
  const fields = asModelMessage(value, what, model);
  return {
    keys: listOf(fields, 'keys', what, keyIn),
    forget: flag(fields, 'forget', what),
    term: number(fields, 'term', what),
  };
}

export function rowsReply(rows: readonly FoundRow[], model = mainModel) {
  return { v: protocolVersion, model, rows };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseRowsReply(value: unknown, model = mainModel): FoundRow[] {
  const what = 'rows of a person';
  return listOf(asModelMessage(value, what, model), 'rows', what, (each, place) => {
    const fields = asFields(each, place);
    return {
      ...keyIn(each, place),
      weights: floats(fields, 'weights', place),
      state: floats(fields, 'state', place),
      updates: number(fields, 'updates', place),
      updatedAt: number(fields, 'updatedAt', place),
    };
  });
}

function keyIn(value: unknown, what: string): PersonKey {
  const fields = asFields(value, what);
  const word = (name: string): number => {
    const found = number(fields, name, what);
    if (!Number.isSafeInteger(found) || found < 0 || found > 0xffffffff)
      throw wrong(what, name, 'a word', found);
    return found;
  };
  return { slot: word('slot'), low: word('low'), high: word('high') };
}

function floats(fields: Fields, name: string, what: string): Float32Array {
  const value = fields[name];
  if (!(value instanceof Float32Array)) throw wrong(what, name, 'floats', value);
  return value;
}

/** What people ask of the leader: `find` what is kept of somebody, or `erase` him. */
export interface PersonOperation extends Operation {
  readonly person: string;
  readonly act: 'find' | 'erase';
}

/** @throws StarlingError BAD_MESSAGE, BAD_REQUEST */
export function parsePersonOperation(value: unknown): PersonOperation {
  const what = 'person';
  const fields = asMessage(value, what);
  const person = text(fields, 'person', what);
  const act = text(fields, 'act', what);
  if (person === '')
    throw new StarlingError('BAD_REQUEST', 'a user is expected.', { field: 'person' });
  if (act !== 'find' && act !== 'erase') throw wrong(what, 'act', 'find or erase', act);
  return { ...parseOperation(value, what), person, act };
}

/** What is kept of a person under one of his names, where it is in use. */
export interface FoundPerson {
  readonly name: string;
  readonly window: PersonInWindow;
  /** By data center. */
  readonly stores: Readonly<Record<string, PersonInStore>>;
  readonly rows: readonly FoundRow[];
}

/** What is found of somebody; of an erasure what was found before it. */
export interface PersonReply {
  readonly found: readonly FoundPerson[];
  /** What happened by then is forgotten; null: nothing was erased. */
  readonly erasedUntilMs: number | null;
  /** Of the cluster. */
  readonly dataCenters: readonly { readonly name: string; readonly role: DataCenterRole }[];
  /** Data centers that can't be asked, and why. */
  readonly silent: Readonly<Record<string, string>>;
}

/** @throws StarlingError BAD_MESSAGE */
export function parsePersonReply(value: unknown): PersonReply {
  const what = 'person reply';
  const fields = asFields(value, what);
  return {
    found: listOf(fields, 'found', what, foundIn),
    erasedUntilMs: optionalNumber(fields, 'erasedUntilMs', what),
    dataCenters: listOf(fields, 'dataCenters', what, (each, place) => {
      const dataCenter = asFields(each, place);
      return { name: text(dataCenter, 'name', place), role: roleIn(dataCenter, place) };
    }),
    silent: asFields(fields['silent'], `${what}.silent`) as Record<string, string>,
  };
}

function roleIn(dataCenter: Fields, place: string): DataCenterRole {
  const said = dataCenter['role'];
  const role = dataCenterRoles.find((each) => each === said);
  if (role === undefined) throw wrong(place, 'role', dataCenterRoles.join(', '), said);
  return role;
}

function foundIn(value: unknown, what: string): FoundPerson {
  const fields = asFields(value, what);
  const stores = Object.entries(asFields(fields['stores'], `${what}.stores`));
  return {
    name: text(fields, 'name', what),
    window: parseWindowPerson(fields['window']),
    stores: Object.fromEntries(stores.map(([name, each]) => [name, parseStorePerson(each)])),
    rows: parseRowsReply(fields['rows']),
  };
}

export function personReply({ found, ...rest }: PersonReply) {
  return {
    ...rest,
    found: found.map(({ name, window, stores, rows }) => ({
      name,
      window: windowPersonReply(window),
      stores: Object.fromEntries(
        Object.entries(stores).map(([dataCenter, each]) => [dataCenter, storePersonReply(each)]),
      ),
      rows: rowsReply(rows),
    })),
  };
}

/** Whether anything is kept of him, by any of his names. */
export function isKnown({ found }: Pick<PersonReply, 'found'>): boolean {
  return found.some(({ window, stores, rows }) => {
    if (rows.length > 0 || window.rows.length > 0 || window.events.length > 0) return true;
    if (window.owner !== null || window.names.length > 0) return true;
    return Object.values(stores).some((each) => each.attributes !== null || each.kept !== null);
  });
}

function optionalText(fields: Fields, name: string, what: string): string | null {
  return fields[name] === null ? null : text(fields, name, what);
}

function optionalNumber(fields: Fields, name: string, what: string): number | null {
  return fields[name] === null ? null : number(fields, name, what);
}
