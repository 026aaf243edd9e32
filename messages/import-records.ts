import type { ImportBatch, LaneCounters } from '../core/joining/types.js';
import { laneNames, zeroLane } from '../core/joining/join-counts.js';
import { asFields, asMessage, number, text, texts, wrong, type Fields } from './checks.js';
import { protocolVersion } from './codec.js';
import { f64OfRows, rowCountOf, shared, textsOfRows } from './column-checks.js';
import { actionsMessage, parseActions, type Actions } from './events.js';
import type { ExampleSpec } from './example-columns.js';

/** Position of the end of an import: nothing of it is missing. */
export const importEnd = Number.MAX_SAFE_INTEGER;

/** What an importer writes into JOIN: pieces of an import, each for one partition, in the order of their positions. */
export interface ImportRecord extends Omit<ImportBatch, 'actions'> {
  readonly actions: Actions | undefined;
}

export function importMessage(spec: ExampleSpec, record: ImportRecord) {
  const { name, through, positions, actions, aliases, watermarkMs, activity } = record;
  return {
    ...{ v: protocolVersion, kind: 'import', name, through, positions },
    actions: actions ? actionsMessage(actions, spec) : null,
    aliases: {
      rowCount: aliases.visitors.length,
      positions: aliases.positions,
      visitors: shared(aliases.visitors),
      users: shared(aliases.users),
      atMs: aliases.atMs,
    },
    ...(watermarkMs === undefined ? {} : { watermarkMs }),
    ...(activity === undefined ? {} : { activity }),
  };
}

/** @throws StarlingError BAD_MESSAGE, SPEC_MISMATCH */
export function parseImport(value: unknown, spec: ExampleSpec): ImportRecord {
  const what = 'import';
  const fields = asMessage(value, what);
  const actions = fields['actions'] === null ? undefined : parseActions(fields['actions'], spec);
  const rows = actions?.items.length ?? 0;
  return {
    ...{ name: text(fields, 'name', what), through: number(fields, 'through', what), actions },
    positions: rising(f64OfRows(fields, 'positions', what, rows), what),
    aliases: aliasesOf(asFields(fields['aliases'], `${what}.aliases`), `${what}.aliases`),
    ...(fields['watermarkMs'] === undefined
      ? {}
      : { watermarkMs: number(fields, 'watermarkMs', what) }),
    ...(fields['activity'] === undefined ? {} : { activity: number(fields, 'activity', what) }),
  };
}

function aliasesOf(fields: Fields, what: string): ImportBatch['aliases'] {
  const rows = rowCountOf(fields, what);
  if (rows === 0) return noAliases;
  return {
    positions: rising(f64OfRows(fields, 'positions', what, rows), what),
    visitors: textsOfRows(fields, 'visitors', what, rows),
    users: textsOfRows(fields, 'users', what, rows),
    atMs: f64OfRows(fields, 'atMs', what, rows),
  };
}

export const noAliases: ImportBatch['aliases'] = {
  ...{ positions: new Float64Array(0), visitors: [], users: [], atMs: new Float64Array(0) },
};

/** Who reads them goes by how far an import has come: a row out of order would be passed over. */
function rising(positions: Float64Array, what: string): Float64Array {
  for (let i = 1; i < positions.length; i++)
    if (!(positions[i]! >= positions[i - 1]!))
      throw wrong(what, 'positions', 'positions that do not fall', positions[i]);
  return positions;
}

/** Who these visitors were before a time. */
export interface OwnersRequest {
  /** As people. */
  readonly visitors: readonly string[];
  readonly beforeMs: number;
}

export interface ImportStateRequest {
  readonly name: string;
  readonly owners: OwnersRequest | undefined;
}

export function importStateRequest(name: string, owners?: OwnersRequest) {
  return { v: protocolVersion, name, ...owners };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseImportStateRequest(value: unknown): ImportStateRequest {
  const what = 'import state';
  const fields = asMessage(value, what);
  return {
    name: text(fields, 'name', what),
    owners:
      fields['visitors'] === undefined
        ? undefined
        : {
            visitors: texts(fields, 'visitors', what),
            beforeMs: number(fields, 'beforeMs', what),
          },
  };
}

/** How far an import has come into a partition of JOIN. */
export interface ImportState {
  /** Of the last of its rows there; undefined: nothing of it has come. */
  readonly position: number | undefined;
  /** Sequences of JOIN: what was read, and what all that comes of is in SAMPLES. */
  readonly consumed: number;
  readonly published: number;
  /** What became of the events of imports since this one began. */
  readonly counters: LaneCounters;
  /** Of ACTIVITY, up to where it knows what was told before it; undefined: it began with nothing, or not yet. */
  readonly activity: number | undefined;
  /** Newest event time of all that was told of people; −Infinity: nothing was. Infinity: a release before does not say. */
  readonly toldMsMax: number;
  /** Of the visitors that were asked for, who they were; '': nobody else. */
  readonly owners: readonly string[];
}

export function importStateReply({ position, activity, toldMsMax, owners, ...state }: ImportState) {
  return {
    ...{ v: protocolVersion, position: position ?? null, ...state },
    ...(activity === undefined ? {} : { activity }),
    toldMsMax: toldMsMax === -Infinity ? null : toldMsMax,
    ...(owners.length === 0 ? {} : { owners }),
  };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseImportState(value: unknown): ImportState {
  const what = 'import state';
  const fields = asMessage(value, what);
  const counters = asFields(fields['counters'], `${what}.counters`);
  // A release before does not say.
  const { toldMsMax = Infinity } = fields;
  return {
    position: fields['position'] === null ? undefined : number(fields, 'position', what),
    consumed: number(fields, 'consumed', what),
    published: number(fields, 'published', what),
    counters: Object.assign(
      zeroLane(),
      Object.fromEntries(laneNames.map((name) => [name, number(counters, name, what)])),
    ),
    activity: fields['activity'] === undefined ? undefined : number(fields, 'activity', what),
    toldMsMax: toldMsMax === null ? -Infinity : number({ toldMsMax }, 'toldMsMax', what),
    owners: fields['owners'] === undefined ? [] : texts(fields, 'owners', what),
  };
}
