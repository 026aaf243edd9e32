import { operate } from '../../client/operate.js';
import { isKnown, parsePersonReply, type PersonReply } from '../../messages/person.js';
import type { Progress } from '../../messages/operations.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Mention } from './mentions.js';
import { searchLogs, type LogWithPerson } from './search-logs.js';

/** Where somebody still is, and until when. */
export interface PersonReport {
  /** All his names. */
  readonly names: readonly string[];
  /** Of what is in use anything is his. */
  readonly isKnown: boolean;
  readonly inUse: readonly { readonly where: string; readonly what: string }[];
  readonly logs: readonly LogWithPerson[];
  /** By when he was erased; null: he was not. */
  readonly erasedUntilMs: number | null;
  /** Data centers that could not be asked, and why. */
  readonly silent: Readonly<Record<string, string>>;
}

export interface ReportOptions {
  /** Hears what the logs say of him. */
  readonly hear?: (stream: string, sequence: number, mention: Mention) => void;
  /** His names, where he had more of them than are found now. */
  readonly people?: readonly string[];
}

export async function askOf(
  bus: Bus,
  person: string,
  act: 'find' | 'erase',
  progress: (state: Progress) => void = () => undefined,
): Promise<PersonReply> {
  return parsePersonReply(await operate(bus, 'person', { person, act }, progress));
}

/** @param found what the leader has said of him. */
export async function reportOf(
  bus: Bus,
  found: PersonReply,
  { hear, people = [] }: ReportOptions = {},
): Promise<PersonReport> {
  const names = [...new Set([...people, ...found.found.map(({ name }) => name)])];
  const search = {
    bus,
    dataCenters: found.dataCenters,
    people: names,
    ...(hear ? { found: hear } : {}),
  };
  const untils = found.found.flatMap(({ window }) => window.forgottenUntilMs ?? []);
  return {
    ...{ names, isKnown: isKnown(found), inUse: found.found.flatMap(inUseOf) },
    logs: await searchLogs(search),
    erasedUntilMs: untils.length > 0 ? Math.max(...untils) : null,
    silent: found.silent,
  };
}

function inUseOf({ name, window, stores, rows }: PersonReply['found'][number]) {
  const said: { where: string; what: string }[] = [];
  const note = (where: string, what: string): void => void said.push({ where, what });
  const { owner, names, events } = window;
  const open = window.rows.filter(({ isOpen }) => isOpen).length;
  const known = window.rows.length - open;
  if (owner !== null) note('joiners', `${name} is ${owner}`);
  if (names.length > 0) note('joiners', `${name} was ${names.join(', ')}`);
  if (open > 0) note('joiners', `${open} open impressions of ${name}`);
  if (known > 0) note('joiners', `${known} impressions of ${name} that it is known of what became`);
  if (events.length > 0) note('joiners', `${events.length} events of ${name} that wait`);
  for (const [dataCenter, { attributes, kept }] of Object.entries(stores)) {
    if (attributes) note(`feature stores of ${dataCenter}`, `attributes of ${name}`);
    if (kept) note(`feature stores of ${dataCenter}`, `history and counts of ${name}`);
  }
  if (rows.length > 0)
    note('parameter servers, and all that serve', `${rows.length} rows of ${name}`);
  return said;
}
