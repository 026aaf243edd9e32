import { z } from 'zod';
import { StarlingError } from '../core/base/errors.js';
import { describe } from './checks.js';
import { secondsOf } from './event-time.js';

/**
 * What outsiders write by hand, in JSON or CBOR. Unknown fields are ignored, wrong ones are named. Ids may be given as
 * numbers: 42 and "42" are the same user.
 */
const id = z.union([z.string().min(1).max(512), z.number().int().nonnegative()]).transform(String);
/** An empty list is an empty map: PHP knows no other one. */
const map = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (Array.isArray(value) && value.length === 0 ? {} : value), schema);
const features = map(z.record(z.string(), z.unknown()));
const context = features.default({});
const timeExpected = 'expected seconds or milliseconds since 1970, or ISO 8601';
/** In seconds since 1970, however it was written. */
const timestamp = z
  .union([z.number(), z.string()], { error: timeExpected })
  .transform((value, found) => {
    const seconds = secondsOf(value);
    if (seconds !== undefined) return seconds;
    found.addIssue({ code: 'custom', message: timeExpected });
    return z.NEVER;
  });

export interface PublicLimits {
  readonly kMax: number;
  readonly candidatesMax: number;
}

/**
 * The data center that the caller belongs to, so that whoever answers knows that the request has come a long way. Set by
 * clients and recommenders; `nats req` leaves it out.
 */
const from = z.string().max(256).optional();

const filtered = z.union([z.string(), z.number(), z.array(z.union([z.string(), z.number()]))]);

const recommendShape = z.object({
  user: id,
  k: z.int().default(10),
  context,
  candidates: z.array(id).optional(),
  filter: map(z.record(z.string(), filtered)).optional(),
  exclude: z.array(id).default([]),
  requestId: z.string().min(1).max(256).optional(),
  /** Of a request without an id of its own: the same one each time that it is asked again. */
  idempotencyKey: z.string().min(1).max(128).optional(),
  from,
});
export type RecommendRequest = z.infer<typeof recommendShape>;

const rankShape = z.object({
  user: id,
  candidates: z.array(id).min(1, { error: 'expected at least one candidate' }),
  context,
  from,
});
export type RankRequest = z.infer<typeof rankShape>;

const publicImpression = z.object({
  requestId: z.string().min(1).max(256),
  user: id,
  item: id,
  timestamp: timestamp.optional(),
  score: z.number().min(0).max(1).optional(),
  context,
});
export type PublicImpression = z.infer<typeof publicImpression>;

const publicAction = z.object({
  requestId: z.string().min(1).max(256),
  item: id,
  label: z.union([z.literal(0), z.literal(1)], { error: 'expected 0 or 1' }).default(1),
  timestamp: timestamp.optional(),
});
export type PublicAction = z.infer<typeof publicAction>;

const publicFeatures = z.object({
  entity: z.enum(['user', 'item'], { error: 'expected user or item' }),
  id,
  features,
});
export type PublicFeatures = z.infer<typeof publicFeatures>;

export const publicEvent = {
  impression: publicImpression,
  action: publicAction,
  features: publicFeatures,
};

/** Bodies that would do, for who has sent one that can't be read. */
export const publicExamples = {
  recommend: '{"user":"42","k":10}',
  rank: '{"user":"42","candidates":["7","8"]}',
  status: '{}',
} as const;

export function parseRecommend(value: unknown, limits: PublicLimits): RecommendRequest {
  const request = parse(recommendShape, value, 'recommend', 'BAD_REQUEST');
  between('recommend.k', request.k, 1, limits.kMax);
  if (request.candidates)
    between('recommend.candidates', request.candidates.length, 1, limits.candidatesMax);
  return request;
}

export function parseRank(value: unknown, limits: PublicLimits): RankRequest {
  const request = parse(rankShape, value, 'rank', 'BAD_REQUEST');
  between('rank.candidates', request.candidates.length, 1, limits.candidatesMax);
  return request;
}

function between(name: string, value: number, min: number, max: number): void {
  if (value < min || value > max) {
    throw new StarlingError('BAD_REQUEST', `${name}: expected ${min} to ${max}, got ${value}.`, {
      field: name,
    });
  }
}

/** @throws StarlingError of the given code, naming the first wrong field. */
export function parse<T>(
  schema: z.ZodType<T>,
  value: unknown,
  what: string,
  code: 'BAD_REQUEST' | 'BAD_EVENT',
): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const field = issue.path.join('.');
  let at: unknown = value;
  for (const step of issue.path) at = (at as Record<PropertyKey, unknown> | undefined)?.[step];
  throw new StarlingError(
    code,
    `${what}${field ? `.${field}` : ''}: ${issue.message}; got ${describe(at)}.`,
    { field },
  );
}
