import type { ColumnsOf } from '../base/columns.js';
import {
  at,
  f32,
  f64,
  gatherRows,
  isNone,
  noneOf,
  pickRows,
  text,
  u16,
  u32,
  u8,
} from '../base/columns.js';

/**
 * What an impression brings along beside who was shown what: how it came to be shown. It goes with it into its sample, for
 * evaluation, experiments and what-if; the model does not look at it. Nothing of it is known yet but who scored.
 */
export const factTable = {
  /** An anonymous id, beside the user. The person is the user where one is told, else the visitor. */
  visitors: text(),
  /** Probability of being drawn for its place. */
  propensities: f32(),
  /** In the slate, from 1; 0: not told. */
  places: u16(),
  /** Where the candidate came from. */
  sources: text(),
  scenarios: text(),
  variants: text(),
  /** Of SETTINGS; 0: none. */
  settingsVersions: u32(),
  /** See `lanes`. */
  lanes: u8(),
  /** The model that scored, and the version of its network; 0: not told. */
  models: text('main'),
  denseVersions: f64(0),
  /** Where it was accepted: `<data center>:<sequence in RAW>`. */
  positions: text(),
  /** See `logs`. */
  logs: u8(),
} as const;

/** Whether an impression counts from when it was offered, once it was on screen, or not, as of bots and staff. Numbers are for ever. */
export const logs = { all: 0, shown: 1, ignored: 2 } as const;

/** Columns of facts, with one entry each where all rows have the same. */
export type FactColumns = ColumnsOf<typeof factTable>;

/** Numbers are for ever. Live events and imported ones have watermarks of their own. */
export const lanes = { live: 0, import: 1 } as const;

/** Probabilities by outcome, f32 [rows] each; none: the score is that of the one outcome. */
export type Predictions = Readonly<Record<string, Float32Array>>;

export interface ImpressionFacts extends FactColumns {
  readonly predictions: Predictions;
}

export const noFacts: ImpressionFacts = { ...noneOf(factTable), predictions: {} };

/** The same object for all that know nothing, so that they are told by one comparison. */
export function factsOf(columns: FactColumns, predictions: Predictions): ImpressionFacts {
  return Object.keys(predictions).length === 0 && isNone(factTable, columns)
    ? noFacts
    : { ...columns, predictions };
}

export interface FactRow {
  readonly facts: ImpressionFacts;
  readonly row: number;
}

/** Facts of rows of several batches; undefined for one that has none. */
export function gatherFacts(rows: readonly (FactRow | undefined)[]): ImpressionFacts {
  if (rows.every((each) => each === undefined || each.facts === noFacts)) return noFacts;
  const columns = gatherRows(
    factTable,
    rows.map((each) => each && { columns: each.facts, row: each.row }),
  );
  const names = new Set(rows.flatMap((each) => (each ? Object.keys(each.facts.predictions) : [])));
  const predictions = Object.fromEntries(
    [...names].map((name) => [name, Float32Array.from(rows, (each) => predictionOf(each, name))]),
  );
  return factsOf(columns, predictions);
}

function predictionOf(each: FactRow | undefined, name: string): number {
  const column = each?.facts.predictions[name];
  return column ? at(column, each.row) : NaN;
}

export function selectFacts(facts: ImpressionFacts, indices: readonly number[]): ImpressionFacts {
  if (facts === noFacts) return facts;
  const predictions = Object.fromEntries(
    Object.entries(facts.predictions).map(([name, column]) => [
      name,
      column.length === 1 ? column : Float32Array.from(indices, (i) => column[i]!),
    ]),
  );
  return factsOf(pickRows(factTable, facts, indices), predictions);
}

/**
 * What an event brings along beside what it answers. The join looks at none of it yet, and an event of ours needs none; one
 * that follows no impression (organic) has the features of the moment before it too.
 */
export const actionFactTable = {
  /** '': not told, since the impression names the user. */
  users: text(),
  visitors: text(),
  types: text('click'),
  /** Of the line in all, in its currency. */
  values: f64(),
  currencies: text(),
  orders: text(),
  quantities: f32(1),
  /** Of the event, for who sends it twice. */
  ids: text(),
  lanes: u8(),
  positions: text(),
  /** Why it is only counted, as that of a bot; '': it is not. */
  ignored: text(),
} as const;

export type ActionFacts = ColumnsOf<typeof actionFactTable>;

export const noActionFacts: ActionFacts = noneOf(actionFactTable);
