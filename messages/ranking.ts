import { StarlingError } from '../core/base/errors.js';
import { asFields, asMessage, f32, f64, number, text, texts, wrong } from './checks.js';
import type { Fields } from './checks.js';
import { protocolVersion } from './codec.js';
import type { RawFeatures } from './features.js';

/**
 * Many (user, item) pairs scored in one message, by column. With `log` the ranker logs each pair as an impression with
 * the features it used, and answers once the log has accepted them: so a recommender logs what it is about to show, and
 * a replay scores an event before its label.
 */
export interface RankBatch {
  /** One per row when `log`, else empty. */
  readonly requestIds: string[];
  readonly users: string[];
  readonly items: string[];
  /** Event time, milliseconds; length of `users` when `log`, else 0. */
  readonly atMs: Float64Array;
  /** One per row, or one for all rows, or none. */
  readonly contexts: RawFeatures[];
  readonly log: boolean;
}

export interface RankBatchReply {
  /** Probability per row. */
  readonly scores: Float32Array;
  readonly denseVersion: number;
  /** SAMPLES sequence up to which the rows used had learned. */
  readonly through: number;
  readonly dataCenter: string;
  /** Some rows could not be had and default ones were used. */
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
  const log = fields.log === true;
  return {
    users,
    items: texts(fields, 'items', what, n),
    requestIds: texts(fields, 'requestIds', what, log ? n : 0),
    atMs: f64(fields, 'atMs', what, log ? n : 0),
    contexts: contextsOf(fields, n, what),
    log,
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
