import type { Random } from '../base/random.js';
import { calibrationByDecile, type CalibrationDecile } from '../model/deciles.js';
import { duelOf, intervalsOf, type Duel, type Intervals } from './bootstrap.js';
import { areProbabilities, Judge, type Quality, type RowCounts } from './quality.js';
import { groupsOf, type ScoredRows } from './scored-rows.js';

/** A text of each row, as the number of it. */
export interface NamedColumn {
  readonly values: Uint32Array;
  readonly names: readonly string[];
}

/** Predictions of several outcomes in columns, each row of one of them. */
export interface PredictionTable {
  readonly scores: Float64Array;
  /** 0 or 1. */
  readonly labels: Uint8Array;
  readonly weights?: Float64Array | undefined;
  readonly users?: Uint32Array | undefined;
  readonly requests?: Uint32Array | undefined;
  readonly outcomes: NamedColumn;
  /** What another system said of the same rows; NaN where it said nothing. */
  readonly rival?: Float64Array | undefined;
  /** By which rows are judged in parts, by the name of the column. */
  readonly slices: Readonly<Record<string, NamedColumn>>;
}

export interface Evaluated {
  readonly counts: RowCounts;
  readonly quality: Quality;
  /** Left out where none were asked for. */
  readonly intervals?: Intervals;
  /** Tenths of the scores; empty where they are no probabilities. */
  readonly deciles: readonly CalibrationDecile[];
}

export interface EvaluatedSlice extends Evaluated {
  readonly column: string;
  readonly value: string;
}

export interface EvaluatedOutcome extends Evaluated {
  readonly outcome: string;
  /** What intervals are of. */
  readonly unit: Judge['unit'];
  /** Of each column those with the most rows, most first. */
  readonly slices: readonly EvaluatedSlice[];
  /** Values of columns that are left out. */
  readonly slicesLeftOut: number;
  /** Of the rows of which the other system said something. */
  readonly duel?: Duel;
}

export interface EvaluationOptions {
  /** A new one for each outcome and slice, so that one more of them changes nothing of the others. */
  readonly random: () => Pick<Random, 'next'>;
  /** Of a bootstrap; 0: no intervals. */
  readonly draws: number;
  /** Values of a column that are told. */
  readonly slicesMax?: number;
}

/** More: a table that nobody reads, of an id taken for a slice. */
const slicesMaxDefault = 50;

/** Judges each outcome by itself. Rows whose weight is not above 0 count nowhere. */
export function evaluatePredictions(
  table: PredictionTable,
  options: EvaluationOptions,
): EvaluatedOutcome[] {
  const { starts, rows } = groupsOf(table.outcomes.values);
  return table.outcomes.names.flatMap((outcome, i) => {
    const own = rows.subarray(starts[i], starts[i + 1]);
    const { weights } = table;
    const counted = weights ? own.filter((row) => weights[row]! > 0) : own;
    return counted.length === 0 ? [] : [evaluateOutcome(outcome, table, counted, options)];
  });
}

function evaluateOutcome(
  outcome: string,
  table: PredictionTable,
  rows: Uint32Array,
  options: EvaluationOptions,
): EvaluatedOutcome {
  const judge = new Judge(selected(table, rows));
  const slices = Object.entries(table.slices).map(([column, of]) =>
    slicesBy(column, of, table, rows, options),
  );
  const duel = table.rival && duelAgainst(table.rival, table, rows, options);
  return {
    ...{ outcome, unit: judge.unit, ...evaluated(judge, selected(table, rows), options) },
    slices: slices.flatMap(({ told }) => told),
    slicesLeftOut: slices.reduce((sum, { leftOut }) => sum + leftOut, 0),
    ...(duel ? { duel } : {}),
  };
}

function evaluated(
  judge: Judge,
  rows: ScoredRows,
  { random, draws }: EvaluationOptions,
): Evaluated {
  return {
    ...{ counts: judge.counts, quality: judge.quality() },
    ...(draws > 0 ? { intervals: intervalsOf(judge, { random: random(), draws }) } : {}),
    deciles: areProbabilities(rows.scores) ? calibrationByDecile(rows) : [],
  };
}

function slicesBy(
  column: string,
  { values, names }: NamedColumn,
  table: PredictionTable,
  rows: Uint32Array,
  options: EvaluationOptions,
): { readonly told: EvaluatedSlice[]; readonly leftOut: number } {
  const { starts, rows: places } = groupsOf(rows.map((row) => values[row]!));
  const sizeOf = (slice: number): number => starts[slice + 1]! - starts[slice]!;
  const found = names
    .map((_name, slice) => slice)
    .filter((slice) => slice + 1 < starts.length && sizeOf(slice) > 0)
    .sort((a, b) => sizeOf(b) - sizeOf(a) || a - b);
  const { slicesMax = slicesMaxDefault } = options;
  const told = found.slice(0, slicesMax).map((slice) => {
    const own = selected(
      table,
      places.subarray(starts[slice], starts[slice + 1]).map((place) => rows[place]!),
    );
    return { column, value: names[slice]!, ...evaluated(new Judge(own), own, options) };
  });
  return { told, leftOut: found.length - told.length };
}

function duelAgainst(
  rival: Float64Array,
  table: PredictionTable,
  rows: Uint32Array,
  { random, draws }: EvaluationOptions,
): Duel | undefined {
  const both = rows.filter((row) => !Number.isNaN(rival[row]!));
  if (both.length === 0) return undefined;
  const theirs = Float64Array.from(both, (row) => rival[row]!);
  return duelOf(selected(table, both), theirs, { random: random(), draws });
}

/** Rows of a part of the table. Users and requests get numbers anew, so that a small part costs little. */
function selected(table: PredictionTable, rows: Uint32Array): ScoredRows {
  const { scores, labels, weights, users, requests } = table;
  return {
    scores: Float64Array.from(rows, (row) => scores[row]!),
    labels: Uint8Array.from(rows, (row) => labels[row]!),
    weights: weights && Float64Array.from(rows, (row) => weights[row]!),
    users: users && renumbered(users, rows),
    requests: requests && renumbered(requests, rows),
  };
}

function renumbered(groups: Uint32Array, rows: Uint32Array): Uint32Array {
  const known = new Map<number, number>();
  return rows.map((row) => {
    const group = groups[row]!;
    const number = known.get(group) ?? known.size;
    if (number === known.size) known.set(group, number);
    return number;
  });
}
