import { StarlingError } from '../core/base/errors.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import { selectFacts, type ImpressionFacts } from '../core/joining/event-facts.js';
import { asFields, f32, number, text, texts, u32, wrong } from './checks.js';
import type { Fields } from './checks.js';
import { asMessage } from './checks.js';
import { protocolVersion } from './codec.js';
import { f64OfRows, namedF32, rowCountOf, shared, textsOfRows } from './column-checks.js';
import { factFields, impressionFactsOf } from './events.js';
import { asModelMessage, mainModel } from './model-name.js';
import type { ProgressMarks } from './progress-marks.js';
import { noProgress, progressOf, sequenceOf, throughMarks, throughOf } from './progress-marks.js';

/**
 * Whether the ranker logs each pair as an impression, with the features it used. `required` answers only once the log
 * has accepted them: a replay scores an event before its label. `offered` waits a moment for the log and then answers
 * all the same, as `degraded`: what a recommender is about to show, which a full disk must not keep from the user. `chosen`: the
 * ranker chooses what is shown and says how it is logged; who shows it logs it, as several rankers may have been asked.
 */
export type ImpressionLogging = (typeof loggings)[number];
const loggings = ['none', 'required', 'offered', 'chosen'] as const;

/** How a slate is chosen of the rows of a batch. */
export interface SlateChoice {
  /** Rows at most. */
  readonly k: number;
  /** Share of places given to a random row. */
  readonly exploration: number;
}

export interface ChosenSlate {
  /** u32: of the batch, best first. The columns of the reply are of these. */
  readonly rows: Uint32Array;
  /** Its impressions, as they go into the log; several messages where one would be too long. */
  readonly impressions: readonly Uint8Array[];
}

/**
 * Items by their places in the catalog of a recommender, which mean the same for as long as its id is the same. Who was told of them with their ids
 * can be asked with places alone: of 1,700 candidates that is 7 KB to copy, where there were 1,700 texts to write and read.
 */
export interface ItemPlaces {
  readonly catalog: string;
  /** One per row. */
  readonly rows: Uint32Array;
}

/** Many (user, item) pairs scored in one message, by column. */
export interface RankBatch {
  /** One per row when logged, else empty. */
  readonly requestIds: string[];
  readonly users: string[];
  /** As long; empty where places alone are told. */
  readonly items: string[];
  readonly places?: ItemPlaces | undefined;
  /** Event time, milliseconds; length of `users` when logged, else 0. */
  readonly atMs: Float64Array;
  /** One per row, or one for all rows, or none. */
  readonly contexts: RawFeatures[];
  readonly log: ImpressionLogging;
  /** Where `log` is `chosen`. */
  readonly choose?: SlateChoice | undefined;
  /** How the rows came to be shown; goes with them into the log. */
  readonly facts: ImpressionFacts;
  /** The data center that the caller belongs to. */
  readonly from?: string | undefined;
}

export interface RankBatchReply {
  /** What rows are ordered by: the probability, where there is one outcome. */
  readonly scores: Float32Array;
  /** Of several outcomes, f32 [rows] each; none where there is one. */
  readonly predictions: Readonly<Record<string, Float32Array>>;
  readonly denseVersion: number;
  /** SAMPLES sequence up to which the rows used had learned. */
  readonly through: number;
  readonly progress: ProgressMarks;
  readonly dataCenter: string;
  /** Some rows could not be had and default ones were used, or offered impressions could not be logged. */
  readonly degraded: boolean;
  /** The rows came from another data center. */
  readonly rerouted: boolean;
  /** Of the settings that the scores are of; 0: as the configuration says. */
  readonly settingsVersion: number;
  /** Where one was to be chosen. */
  readonly slate?: ChosenSlate;
  /** That scored. */
  readonly model: string;
}

export interface RankBatchHow {
  /** With places alone. */
  readonly isShort?: boolean;
}

export function rankBatchMessage(
  batch: RankBatch,
  { isShort = false }: RankBatchHow = {},
  model = mainModel,
) {
  const { from, choose, places } = batch;
  const message = {
    v: protocolVersion,
    model,
    kind: 'rank-batch',
    rowCount: batch.items.length,
    requestIds: shared(batch.requestIds),
    users: shared(batch.users),
    items: isShort && places ? [] : batch.items,
    ...(places ? { places } : {}),
    atMs: shared(batch.atMs),
    contexts: batch.contexts,
    log: batch.log,
    facts: factFields(batch.facts),
    ...(choose ? { choose } : {}),
  };
  return from === undefined ? message : { ...message, from };
}

/** Rows `indices` of a batch, in that order. */
export function selectRankBatch(batch: RankBatch, indices: readonly number[]): RankBatch {
  const pick = <T>(list: readonly T[]): T[] => indices.map((i) => list[i]!);
  const isLogged = batch.log !== 'none';
  return {
    ...batch,
    ...{ users: pick(batch.users), items: pick(batch.items), places: undefined },
    requestIds: isLogged ? pick(batch.requestIds) : [],
    atMs: isLogged ? Float64Array.from(indices, (i) => batch.atMs[i]!) : batch.atMs,
    contexts: batch.contexts.length > 1 ? pick(batch.contexts) : batch.contexts,
    facts: selectFacts(batch.facts, indices),
  };
}

export function isRankBatch(value: unknown): boolean {
  return (value as { kind?: unknown } | null)?.kind === 'rank-batch';
}

export function parseRankBatch(value: unknown, rowsMax: number, model = mainModel): RankBatch {
  const what = 'rank batch';
  const fields = asModelMessage(value, what, model);
  const n = rowCountOf(fields, what);
  if (n < 1 || n > rowsMax)
    throw new StarlingError('BAD_REQUEST', `${what}: expected 1 to ${rowsMax} rows, got ${n}.`);
  const log = loggings.find((each) => each === fields['log']);
  if (log === undefined) throw wrong(what, 'log', loggings.join(', '), fields['log']);
  const isLogged = log !== 'none';
  const places = placesIn(fields, what, n);
  const isShort = places && Array.isArray(fields['items']) && fields['items'].length === 0;
  return {
    users: textsOfRows(fields, 'users', what, n),
    items: isShort ? [] : textsOfRows(fields, 'items', what, n),
    ...(places ? { places } : {}),
    requestIds: isLogged ? textsOfRows(fields, 'requestIds', what, n) : [],
    atMs: isLogged ? f64OfRows(fields, 'atMs', what, n) : new Float64Array(0),
    contexts: contextsOf(fields, n, what),
    log,
    ...(log === 'chosen' ? { choose: choiceOf(fields, what) } : {}),
    facts: impressionFactsOf(fields, what, n),
    from: fields['from'] === undefined ? undefined : text(fields, 'from', what),
  };
}

function placesIn(fields: Fields, what: string, n: number): ItemPlaces | undefined {
  if (fields['places'] === undefined) return undefined;
  const places = asFields(fields['places'], `${what}.places`);
  const rows = u32(places, 'rows', what);
  if (rows.length !== n) throw wrong(what, 'places.rows', `${n} of them`, rows);
  return { catalog: text(places, 'catalog', what), rows };
}

function choiceOf(fields: Fields, what: string): SlateChoice {
  const choice = asFields(fields['choose'], `${what}.choose`);
  const k = number(choice, 'k', what);
  const exploration = number(choice, 'exploration', what);
  if (!Number.isInteger(k) || k < 1) throw wrong(what, 'choose.k', 'a whole number from 1 on', k);
  if (exploration < 0 || exploration > 1)
    throw wrong(what, 'choose.exploration', 'a share', exploration);
  return { k, exploration };
}

function contextsOf(fields: Fields, n: number, what: string): RawFeatures[] {
  const value = fields['contexts'];
  if (!Array.isArray(value) || (value.length > 1 && value.length !== n)) {
    throw wrong(what, 'contexts', `a list of 0, 1 or ${n} maps`, value);
  }
  return value.map((each, i) => asFields(each, `${what}.contexts[${i}]`));
}

export function rankBatchReply(
  {
    predictions = {},
    settingsVersion = 0,
    ...reply
  }: Omit<RankBatchReply, 'predictions' | 'progress' | 'settingsVersion' | 'model'> &
    Partial<Pick<RankBatchReply, 'predictions' | 'settingsVersion'>>,
  model = mainModel,
) {
  return {
    v: protocolVersion,
    model,
    ...reply,
    predictions,
    through: throughMarks(reply.through),
    progress: noProgress,
    ...versionField(settingsVersion),
  };
}

/** Some of the items are not known by their places: it is to be asked once more, with ids. */
export function lackingReply(model = mainModel) {
  return { v: protocolVersion, model, lacking: true };
}

export function isLackingReply(value: unknown): boolean {
  return (value as { lacking?: unknown } | null)?.lacking === true;
}

/** To a ranker: how far what it would score with has come. */
export function standingMessage(model: string) {
  return { v: protocolVersion, model, kind: 'standing' };
}

export function isStanding(value: unknown): boolean {
  return (value as { kind?: unknown } | null)?.kind === 'standing';
}

export function standingReply(through: number, model: string) {
  return { v: protocolVersion, model, through: throughMarks(through) };
}

/** @returns the batches of samples that all rows of the data center know. @throws StarlingError BAD_MESSAGE */
export function parseStandingReply(value: unknown, model: string): number {
  const what = 'standing';
  return throughOf(asModelMessage(value, what, model), 'through', what);
}

/** Where there are no settings, they cost nothing. */
export function versionField(settingsVersion: number): { readonly settingsVersion?: number } {
  return settingsVersion === 0 ? {} : { settingsVersion };
}

/** Of an answer: the model that scored, where it is another one than `main`. */
export function modelField(model: string): { readonly model?: string } {
  return model === mainModel ? {} : { model };
}

/** @throws StarlingError BAD_MESSAGE */
export function settingsVersionOf(fields: Fields, what: string): number {
  const isLeftOut = fields['settingsVersion'] === undefined;
  return isLeftOut ? 0 : number(fields, 'settingsVersion', what);
}

export function parseRankBatchReply(
  value: unknown,
  rowCount: number,
  model = mainModel,
): RankBatchReply {
  const what = 'rank reply';
  const fields = asModelMessage(value, what, model);
  const slate = fields['slate'] === undefined ? undefined : slateOf(fields, what, rowCount);
  const answered = slate?.rows.length ?? rowCount;
  return {
    model,
    scores: f32(fields, 'scores', what, answered),
    predictions: namedF32(fields, 'predictions', what, answered),
    ...(slate ? { slate } : {}),
    denseVersion: number(fields, 'denseVersion', what),
    through: throughOf(fields, 'through', what),
    progress: progressOf(fields, what),
    dataCenter: text(fields, 'dataCenter', what),
    degraded: fields['degraded'] === true,
    rerouted: fields['rerouted'] === true,
    settingsVersion: settingsVersionOf(fields, what),
  };
}

function slateOf(fields: Fields, what: string, rowCount: number): ChosenSlate {
  const slate = asFields(fields['slate'], `${what}.slate`);
  const rows = u32(slate, 'rows', what);
  const isRepeated = new Set(rows).size < rows.length;
  if (isRepeated || rows.some((row) => row >= rowCount)) throw wrong(what, 'slate.rows', 'rows that were sent, each once', rows); // prettier-ignore
  const { impressions } = slate;
  if (!Array.isArray(impressions) || !impressions.every(isBytes))
    throw wrong(what, 'slate.impressions', 'a list of messages', impressions);
  return { rows, impressions };
}

const isBytes = (value: unknown): value is Uint8Array =>
  Object.prototype.toString.call(value) === '[object Uint8Array]';

/** What a serving shard tells whenever it has learned something. */
export interface VisibleNotice {
  readonly dataCenter: string;
  readonly shard: number;
  /** All batches up to this SAMPLES sequence are in its rows. */
  readonly through: number;
  /** Impressions settled by those batches. */
  readonly resolved: number;
  readonly progress: ProgressMarks;
  /** Newest record of the data center's copy of DELTAS that is in them. */
  readonly sequence: number;
}

export function visibleMessage(notice: Omit<VisibleNotice, 'progress'>, model = mainModel) {
  return {
    v: protocolVersion,
    model,
    ...notice,
    through: throughMarks(notice.through),
    progress: noProgress,
  };
}

export function parseVisible(value: unknown, model = mainModel): VisibleNotice {
  const what = 'visible';
  const fields = asModelMessage(value, what, model);
  return {
    dataCenter: text(fields, 'dataCenter', what),
    shard: number(fields, 'shard', what),
    through: throughOf(fields, 'through', what),
    resolved: number(fields, 'resolved', what),
    progress: progressOf(fields, what),
    sequence: sequenceOf(fields, what),
  };
}

/** Items with the most recent positives, best first. */
export interface PopularNotice {
  readonly items: readonly string[];
  /** Of JOIN: events up to here are counted. */
  readonly sequence: number;
}

export function popularMessage(notice: PopularNotice) {
  return { v: protocolVersion, ...notice };
}

export function parsePopular(value: unknown): PopularNotice {
  const what = 'popular';
  const fields = asMessage(value, what);
  return { items: texts(fields, 'items', what), sequence: sequenceOf(fields, what) };
}
