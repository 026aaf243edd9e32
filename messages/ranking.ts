import { StarlingError } from '../core/base/errors.js';
import { asFields, asMessage, f32, f64, number, text, texts, wrong } from './checks.js';
import type { Fields } from './checks.js';
import { protocolVersion } from './codec.js';
import type { RawFeatures } from './features.js';

/**
 * Whether the ranker logs each pair as an impression, with the features it used. `required` answers only once the log
 * has accepted them: a replay scores an event before its label. `offered` waits a moment for the log and then answers
 * all the same, as `degraded`: what a recommender is about to show, which a full disk must not keep from the user.
 */
export type ImpressionLogging = 'none' | 'required' | 'offered';

/** Many (user, item) pairs scored in one message, by column. */
export interface RankBatch {
  /** One per row when logged, else empty. */
  readonly requestIds: string[];
  readonly users: string[];
  readonly items: string[];
  /** Event time, milliseconds; length of `users` when logged, else 0. */
  readonly atMs: Float64Array;
  /** One per row, or one for all rows, or none. */
  readonly contexts: RawFeatures[];
  readonly log: ImpressionLogging;
  /** The data center that the caller belongs to; left out by old releases. */
  readonly from?: string | undefined;
}

export interface RankBatchReply {
  /** Probability per row. */
  readonly scores: Float32Array;
  readonly denseVersion: number;
  /** SAMPLES sequence up to which the rows used had learned. */
  readonly through: number;
  readonly dataCenter: string;
  /** Some rows could not be had and default ones were used, or offered impressions could not be logged. */
  readonly degraded: boolean;
  /** The rows came from another data center. */
  readonly rerouted: boolean;
}

export function rankBatchMessage(batch: RankBatch) {
  return { v: protocolVersion, kind: 'rank-batch', ...batch };
}

export function isRankBatch(value: unknown): boolean {
  return (value as { kind?: unknown } | null)?.kind === 'rank-batch';
}

export function parseRankBatch(value: unknown, rowsMax: number): RankBatch {
  const what = 'rank batch';
  const fields = asMessage(value, what);
  const users = texts(fields, 'users', what);
  const n = users.length;
  if (n < 1 || n > rowsMax)
    throw new StarlingError('BAD_REQUEST', `${what}: expected 1 to ${rowsMax} rows, got ${n}.`);
  const { log } = fields;
  if (log !== 'none' && log !== 'required' && log !== 'offered')
    throw wrong(what, 'log', 'none, required or offered', log);
  const loggedRows = log === 'none' ? 0 : n;
  return {
    users,
    items: texts(fields, 'items', what, n),
    requestIds: texts(fields, 'requestIds', what, loggedRows),
    atMs: f64(fields, 'atMs', what, loggedRows),
    contexts: contextsOf(fields, n, what),
    log,
    from: fields.from === undefined ? undefined : text(fields, 'from', what),
  };
}

function contextsOf(fields: Fields, n: number, what: string): RawFeatures[] {
  const value = fields.contexts;
  if (!Array.isArray(value) || (value.length > 1 && value.length !== n)) {
    throw wrong(what, 'contexts', `a list of 0, 1 or ${n} maps`, value);
  }
  return value.map((each, i) => asFields(each, `${what}.contexts[${i}]`));
}

export function parseRankBatchReply(value: unknown, rowCount: number): RankBatchReply {
  const what = 'rank reply';
  const fields = asMessage(value, what);
  return {
    scores: f32(fields, 'scores', what, rowCount),
    denseVersion: number(fields, 'denseVersion', what),
    through: number(fields, 'through', what),
    dataCenter: text(fields, 'dataCenter', what),
    degraded: fields.degraded === true,
    rerouted: fields.rerouted === true,
  };
}

/** What a serving shard tells whenever it has learned something. */
export interface VisibleNotice {
  readonly dataCenter: string;
  readonly shard: number;
  /** All batches up to this SAMPLES sequence are in its rows. */
  readonly through: number;
  /** Impressions settled by those batches. */
  readonly resolved: number;
}

export function parseVisible(value: unknown): VisibleNotice {
  const what = 'visible';
  const fields = asMessage(value, what);
  return {
    dataCenter: text(fields, 'dataCenter', what),
    shard: number(fields, 'shard', what),
    through: number(fields, 'through', what),
    resolved: number(fields, 'resolved', what),
  };
}

/** Items with the most recent positives, best first. */
export function parsePopular(value: unknown): string[] {
  return texts(asMessage(value, 'popular'), 'items', 'popular');
}
