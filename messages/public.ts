import { z } from 'zod';
import { StarlingError } from '../core/base/errors.js';
import { durationMsOf } from '../core/config/duration.js';
import { type ChangeMode, changeModes } from '../core/features/entity-change.js';
import { isMissingValue } from '../core/features/missing-value.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import { personOf } from '../core/joining/person-event.js';
import { describe } from './checks.js';
import { secondsOf } from './event-time.js';
import type { Entity, EventType } from './subjects.js';

/**
 * What outsiders write by hand, in JSON or CBOR. Unknown fields are ignored, wrong ones are named. Ids may be given as
 * numbers: 42 and "42" are the same user.
 */
const id = z
  .union([z.string().min(1).max(512), z.number().int().nonnegative()], {
    error: 'expected an id: 1 to 512 characters, or a whole number',
  })
  .transform(String);
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

/** Who: a user, an anonymous visitor, or both, which tells that they are one. */
const who = { user: id.optional(), visitor: id.optional() };
const whoExpected = 'expected a user or a visitor';

function isSomebody(value: { user?: unknown; visitor?: unknown }): boolean {
  return value.user !== undefined || value.visitor !== undefined;
}

const nobody = { error: whoExpected, path: ['user'] };

const withinExpected = "expected a duration such as '30m', '12h' or '30d'";
const excluded = z.object({
  items: z.array(id).default([]),
  /** Types of events: items of which the person had one `within` this long. Without it what the configuration says. */
  events: z.array(z.string().min(1).max(64)).optional(),
  within: z
    .string({ error: withinExpected })
    .refine((text) => durationMsOf(text) !== undefined, { error: withinExpected })
    .optional(),
});
/** A list is one of items. */
const exclude = z
  .union([z.array(id).transform((items) => ({ items })), excluded], {
    error: 'expected a list of items, or {items, events, within}',
  })
  .default({ items: [] })
  .transform((told): z.output<typeof excluded> => told);

const recommendShape = z
  .object({
    ...who,
    k: z.int().default(10),
    context,
    candidates: z.array(id).optional(),
    filter: z
      .union([z.string().min(1).max(4_000), map(z.record(z.string(), filtered))], {
        error: `expected an expression such as 'item.price <= 50', or values by attribute such as {"genres":"Comedy"}`,
      })
      .optional(),
    exclude,
    /** Attributes that the answer says of each item. */
    attributes: z.array(z.string().min(1).max(128)).max(100).optional(),
    requestId: z.string().min(1).max(256).optional(),
    /** Of a request without an id of its own: the same one each time that it is asked again. */
    idempotencyKey: z.string().min(1).max(128).optional(),
    /** `shown`: an item counts once it is told that it was on screen; false: nothing is logged, as of probes. */
    log: z
      .union([z.boolean(), z.literal('shown')], { error: "expected true, false or 'shown'" })
      .default(true),
    from,
  })
  .refine(isSomebody, nobody);
export type RecommendRequest = z.infer<typeof recommendShape>;

/** The person as everything behind the door knows him: the user, else the visitor. */
export function personIn({
  user = '',
  visitor = '',
}: {
  user?: string | undefined;
  visitor?: string | undefined;
}): string {
  return personOf(user, visitor);
}

const rankShape = z
  .object({
    ...who,
    candidates: z.array(id).min(1, { error: 'expected at least one candidate' }),
    context,
    from,
  })
  .refine(isSomebody, nobody);
export type RankRequest = z.infer<typeof rankShape>;

const requestId = z.string().min(1).max(256);

const publicImpression = z
  .object({
    requestId,
    ...who,
    item: id,
    timestamp: timestamp.optional(),
    score: z.number().min(0).max(1).optional(),
    context,
  })
  .refine(isSomebody, nobody);
export type PublicImpression = z.infer<typeof publicImpression>;

/** As files spell that there is nothing: not told. */
function unlessMissing<T extends z.ZodType>(schema: T, isNumber: boolean): T {
  const read = (told: unknown) => (isMissingValue(told, isNumber) ? undefined : told);
  // Whoever writes in TypeScript is held to the schema.
  return z.preprocess(read, schema) as unknown as T;
}

const publicAction = z
  .object({
    type: z.string().min(1).max(64).optional(),
    ...who,
    item: id,
    requestId: requestId.optional(),
    label: z.union([z.literal(0), z.literal(1)], { error: 'expected 0 or 1' }).default(1),
    /** Of the line in all. */
    value: unlessMissing(z.number().optional(), true),
    order: id.optional(),
    quantity: unlessMissing(z.number().positive().optional(), true),
    currency: unlessMissing(z.string().min(1).max(16).optional(), false),
    timestamp: timestamp.optional(),
    /** Of who may send it again. */
    id: id.optional(),
    context,
  })
  .refine((event) => isSomebody(event) || event.requestId !== undefined, {
    error: 'expected a user, a visitor, or the requestId of what it answers',
    path: ['user'],
  });
export type PublicAction = z.infer<typeof publicAction>;

const publicShown = z.object({
  requestId,
  items: z.array(id).min(1, { error: 'expected at least one item' }),
  timestamp: timestamp.optional(),
});
export type PublicShown = z.infer<typeof publicShown>;

const publicAlias = z.object({ visitor: id, user: id });
export type PublicAlias = z.infer<typeof publicAlias>;

const publicMerge = z.object({ from: id, to: id }).refine(({ from, to }) => from !== to, {
  error: 'expected another user than from',
  path: ['to'],
});
export type PublicMerge = z.infer<typeof publicMerge>;

const changed = {
  /** `patch`, which is usual: what is not named stays. `replace`: it is gone. */
  mode: z.enum(changeModes, { error: 'expected patch or replace' }).default('patch'),
  /** Of items. */
  deleted: z.boolean({ error: 'expected true or false' }).default(false),
};
const onlyItems = {
  error: 'expected an item: users are erased, with starling users erase',
  path: ['deleted'],
};

const publicFeatures = z
  .object({
    entity: z.enum(['user', 'item'], { error: 'expected user or item' }),
    id,
    features,
    ...changed,
  })
  .refine(({ entity, deleted }) => entity === 'item' || !deleted, onlyItems);

/** Attributes stand in `attributes`, or beside the id as in a file of items; a null empties one. */
const attributes = features.default({});
const publicItem = z.looseObject({ item: id, attributes, ...changed });
const publicUser = z
  .looseObject({ user: id, attributes, ...changed })
  .refine(({ deleted }) => !deleted, onlyItems);

/** What is told of an item or a user, by whichever name it came. */
export interface EntityChange {
  readonly entity: Entity;
  readonly id: string;
  readonly attributes: RawFeatures;
  readonly mode: ChangeMode;
  readonly deleted: boolean;
}

/** Types of events that tell of items and users. */
export const entityEventTypes = ['features', 'items', 'users'] as const;
export type EntityEventType = (typeof entityEventTypes)[number];

export function isEntityEvent(type: EventType): type is EntityEventType {
  return (entityEventTypes as readonly string[]).includes(type);
}

type TellsEntity = Pick<EntityChange, 'attributes' | 'mode' | 'deleted'> &
  Readonly<Record<string, unknown>>;

/** @throws StarlingError BAD_EVENT */
export function parseEntityChange(type: EntityEventType, value: unknown): EntityChange {
  if (type === 'features') {
    const { features: told, ...rest } = parse(publicFeatures, value, type, 'BAD_EVENT');
    return { ...rest, attributes: told };
  }
  const isItem = type === 'items';
  const entity = isItem ? 'item' : 'user';
  const event: TellsEntity = isItem
    ? parse(publicItem, value, type, 'BAD_EVENT')
    : parse(publicUser, value, type, 'BAD_EVENT');
  const { [entity]: told, attributes: named, mode, deleted, ...beside } = event;
  return { entity, id: told as string, attributes: { ...beside, ...named }, mode, deleted };
}

/** Who is to be forgotten; of who is told as both, either. */
const publicErase = z.object(who).refine(isSomebody, nobody);
export type PublicErase = z.infer<typeof publicErase>;

/** As people. */
export function peopleIn({ user, visitor }: PublicErase): string[] {
  return [
    ...(user === undefined ? [] : [personOf(user, '')]),
    ...(visitor === undefined ? [] : [personOf('', visitor)]),
  ];
}

export const publicEvent = {
  impression: publicImpression,
  action: publicAction,
  /** Another name for it. */
  event: publicAction,
  shown: publicShown,
  alias: publicAlias,
  merge: publicMerge,
  erase: publicErase,
  features: publicFeatures,
  items: publicItem,
  users: publicUser,
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
