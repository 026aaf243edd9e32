import { rename, rm } from 'node:fs/promises';
import { StarlingError, messageOf } from '../core/base/errors.js';
import type { NamedColumn, PredictionTable } from '../core/evaluation/prediction-report.js';
import { ScoreHistogram } from '../core/evaluation/score-histogram.js';
import { readColumns, withDuckDb, type ColumnChunk, type WantedColumn } from './column-file.js';
import { fileError } from './file-error.js';
import { quoted } from './parquet-file.js';

/** A row of a file of predictions: what was said of an item before it was known what comes, and what came. */
export interface Prediction {
  /** Of the request that it was offered with; '' where there was none. */
  readonly request: string;
  readonly user: string;
  readonly item: string;
  readonly outcome: string;
  readonly p: number;
  readonly label: number;
  /** Of the model that said it, as far as it is known. */
  readonly version: string;
  readonly weight: number;
  /** Of event time; milliseconds since 1970. */
  readonly atMs: number;
  /** What another system said; NaN where there is none. */
  readonly rival: number;
}

/** Of rows that are told in no column. */
const outcomeDefault = 'outcome';
/** 8 + 1 + 8 + 4 + 4 + 4 bytes each, some 600 MB with what judging takes. */
const exactRowsMax = 10_000_000;

export interface PredictionsRead {
  /** Undefined where there are more than `exactRowsMax`. */
  readonly table: PredictionTable | undefined;
  /** By outcome, of all rows; those of probabilities alone, and only where there is no table. */
  readonly histograms: ReadonlyMap<string, ScoreHistogram>;
  readonly rows: number;
  /** Rows of which no label is known, or that have no score. */
  readonly leftOut: number;
}

export interface PredictionColumns {
  readonly by: readonly string[];
  readonly rival?: string | undefined;
  readonly rowsMax?: number | undefined;
}

const known: readonly WantedColumn[] = [
  { name: 'p', also: ['score', 'prediction', 'probability'], kind: 'number' },
  { name: 'label', also: ['clicked'], kind: 'number' },
  { name: 'outcome', kind: 'text', isOptional: true },
  { name: 'weight', kind: 'number', isOptional: true },
  { name: 'user', also: ['user_id', 'visitor'], kind: 'text', isOptional: true },
  { name: 'request', also: ['request_id', 'requestId'], kind: 'text', isOptional: true },
];

/**
 * Reads predictions of several files as one table. Files without a column of users, or of requests, leave it out for all.
 *
 * @throws StarlingError FILE_INVALID naming file, row and column.
 */
export async function readPredictions(
  files: readonly string[],
  { by, rival, rowsMax = exactRowsMax }: PredictionColumns,
): Promise<PredictionsRead> {
  const wanted: WantedColumn[] = [
    ...known,
    ...by.map((name) => ({ name: `by ${name}`, also: [name], kind: 'text' as const })),
    ...(rival === undefined
      ? []
      : [{ name: 'rival score', also: [rival], kind: 'number' as const }]),
  ];
  const reading = new Reading(by, rival !== undefined, rowsMax);
  await withDuckDb(async (connection) => {
    for (const file of files)
      for await (const chunk of readColumns(connection, file, wanted)) reading.take(file, chunk);
  });
  return reading.end();
}

class Reading {
  readonly #by: readonly string[];
  readonly #rowsMax: number;
  readonly #histograms = new Map<string, ScoreHistogram>();
  readonly #outcomes = new Names();
  readonly #users = new Names();
  readonly #requests = new Names();
  readonly #slices: readonly Names[];
  readonly #scores: number[] = [];
  readonly #labels: number[] = [];
  readonly #weights: number[] = [];
  readonly #rival: number[] | undefined;
  #hasUsers = true;
  #hasRequests = true;
  #rows = 0;
  #leftOut = 0;

  constructor(by: readonly string[], hasRival: boolean, rowsMax: number) {
    this.#by = by;
    this.#rowsMax = rowsMax;
    this.#slices = by.map(() => new Names());
    this.#rival = hasRival ? [] : undefined;
  }

  take(file: string, { rows, columns }: ColumnChunk): void {
    this.#hasUsers &&= columns['user'] !== undefined;
    this.#hasRequests &&= columns['request'] !== undefined;
    for (let row = 0; row < rows; row++) {
      const [p, label] = [columns['p']![row] as number | null, columns['label']![row]];
      if (p === null || Number.isNaN(p) || label === null) {
        this.#leftOut++;
        continue;
      }
      if (label !== 0 && label !== 1)
        throw fileError(file, `label: expected 0 or 1; got ${label}`, { field: 'label' });
      this.#rows++;
      this.#add(p, label, columns, row);
    }
  }

  #add(p: number, label: number, columns: ColumnChunk['columns'], row: number): void {
    const text = (name: string): string => (columns[name]?.[row] ?? '') as string;
    const outcome = text('outcome') || outcomeDefault;
    const weight = (columns['weight']?.[row] ?? 1) as number;
    if (p >= 0 && p <= 1 && weight > 0) this.#histogramOf(outcome).add(p, label, weight);
    // Of more there are no exact figures, so they need not be held.
    if (this.#rows > this.#rowsMax) return;
    this.#outcomes.add(outcome);
    this.#users.addOrOwn(text('user'));
    this.#requests.addOrOwn(text('request'));
    this.#by.forEach((name, i) => this.#slices[i]!.add(text(`by ${name}`)));
    this.#scores.push(p);
    this.#labels.push(label);
    this.#weights.push(weight);
    this.#rival?.push((columns['rival score']?.[row] ?? NaN) as number);
  }

  #histogramOf(outcome: string): ScoreHistogram {
    const there = this.#histograms.get(outcome) ?? new ScoreHistogram();
    this.#histograms.set(outcome, there);
    return there;
  }

  end(): PredictionsRead {
    const [rows, leftOut] = [this.#rows, this.#leftOut];
    if (rows > this.#rowsMax)
      return { table: undefined, histograms: this.#histograms, rows, leftOut };
    const table = {
      scores: Float64Array.from(this.#scores),
      labels: Uint8Array.from(this.#labels),
      weights: Float64Array.from(this.#weights),
      users: this.#hasUsers ? this.#users.column.values : undefined,
      requests: this.#hasRequests ? this.#requests.column.values : undefined,
      outcomes: this.#outcomes.column,
      rival: this.#rival && Float64Array.from(this.#rival),
      slices: Object.fromEntries(this.#by.map((name, i) => [name, this.#slices[i]!.column])),
    };
    return { table, histograms: new Map(), rows, leftOut };
  }
}

/** Texts as numbers, in the order in which they came. */
class Names {
  readonly #known = new Map<string, number>();
  readonly #values: number[] = [];
  #unnamed = 0;

  /** A row without one is its own; they begin where names end, which nobody knows before all are there. */
  addOrOwn(name: string): void {
    if (name === '') this.#values.push(-++this.#unnamed);
    else this.add(name);
  }

  add(name: string): void {
    const value = this.#known.get(name) ?? this.#known.size;
    if (value === this.#known.size) this.#known.set(name, value);
    this.#values.push(value);
  }

  get column(): NamedColumn {
    const { size } = this.#known;
    const values = Uint32Array.from(this.#values, (value) =>
      value < 0 ? size - 1 - value : value,
    );
    return { values, names: [...this.#known.keys()] };
  }
}

/**
 * Writes a file of predictions, Parquet, or CSV where its name ends so; beside it first, so that nobody reads a part.
 *
 * @throws StarlingError FILE_INVALID
 */
export async function writePredictions(path: string, rows: Iterable<Prediction>): Promise<void> {
  const staged = `${path}.${process.pid}.tmp`;
  try {
    await withDuckDb(async (connection) => {
      await connection.run(
        'create table predictions (request varchar, "user" varchar, item varchar, outcome varchar, p double, label double, version varchar, weight double, at_ms double, rival_score double)',
      );
      const to = await connection.createAppender('predictions');
      for (const row of rows) {
        for (const text of [row.request, row.user, row.item, row.outcome]) to.appendVarchar(text);
        to.appendDouble(row.p);
        to.appendDouble(row.label);
        to.appendVarchar(row.version);
        for (const value of [row.weight, row.atMs, row.rival])
          if (Number.isNaN(value)) to.appendNull();
          else to.appendDouble(value);
        to.endRow();
      }
      to.closeSync();
      const format = /\.csv(\.gz)?$/.exec(path)
        ? `format csv, header true${path.endsWith('.gz') ? ', compression gzip' : ''}`
        : 'format parquet';
      await connection.run(
        `copy (select * exclude (at_ms) replace (label::integer as label, nullif(request, '') as request), make_timestamp_ms(at_ms::bigint) as at from predictions) to ${quoted(staged)} (${format})`,
      );
    });
    await rename(staged, path);
  } catch (cause) {
    await rm(staged, { force: true });
    const text = `predictions can't be written to ${path}: ${messageOf(cause).split('\n')[0]}.`;
    throw new StarlingError('FILE_INVALID', text, { file: path }, { cause });
  }
}
