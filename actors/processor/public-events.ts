import { columnsOfRows } from '../../core/base/columns.js';
import { encodeContext } from '../../core/features/origin.js';
import type { Transform } from '../../core/features/transform.js';
import { factTable, factsOf, lanes } from '../../core/joining/event-facts.js';
import type { ShownBatch } from '../../core/joining/types.js';
import type { Impressions } from '../../messages/events.js';
import type { FeatureChange } from '../../messages/features.js';
import type { PublicFeatures, PublicImpression, PublicShown } from '../../messages/public.js';
import { personIn } from '../../messages/public.js';
import type { IgnoredImpressions } from '../shared/ignored-impressions.js';
import type { FeatureSource } from '../shared/feature-source.js';
import { eventTime } from '../shared/event-times.js';

/** Checks one event by itself, so that a bad one among many is told apart. */
export function checkImpression(
  event: PublicImpression,
  transform: Transform,
  acceptedAtMs: number,
): void {
  eventTime(event.timestamp, acceptedAtMs);
  encodeContext(transform, event.context, 'shown');
}

export function checkFeatures(event: PublicFeatures, transform: Transform): void {
  transform.encodeEntity(event.entity, event.id, event.features);
}

/** An impression told by a client brings no features; those known now are taken. */
export async function impressionsOf(
  events: readonly PublicImpression[],
  acceptedAtMs: number,
  transform: Transform,
  source: Pick<FeatureSource, 'get'>,
  ignored: Pick<IgnoredImpressions, 'factsOf'>,
): Promise<Impressions> {
  const pairs = {
    requestIds: events.map((event) => event.requestId),
    users: events.map(personIn),
    items: events.map((event) => event.item),
  };
  const { users, items } = await source.get(pairs.users, pairs.items);
  const told = factsOf(columnsOfRows(factTable, events.map(visitorIn)), {});
  const contexts = events.map(({ context }) => context);
  return {
    ...pairs,
    atMs: Float64Array.from(events, (event) => eventTime(event.timestamp, acceptedAtMs)),
    scores: Float32Array.from(events, (event) => event.score ?? Number.NaN),
    facts: ignored.factsOf({ ...pairs, contexts, facts: told }),
    examples: transform.assemble(
      users,
      items,
      contexts.map((context) => encodeContext(transform, context, 'shown')),
    ),
  };
}

/** By where they go: the partition that the request says, else where others look for it. */
export function shownBatchOf(events: readonly PublicShown[], acceptedAtMs: number): ShownBatch {
  const rows = events.flatMap(({ requestId, items, timestamp }) =>
    items.map((item) => ({ requestId, item, atMs: eventTime(timestamp, acceptedAtMs) })),
  );
  return {
    requestIds: rows.map(({ requestId }) => requestId),
    items: rows.map(({ item }) => item),
    atMs: Float64Array.from(rows, ({ atMs }) => atMs),
    lanes: Uint8Array.of(lanes.live),
  };
}

/** One change per entity kind, in the order of the events; the last word on an entity wins. */
export function changesOf(events: readonly PublicFeatures[]): FeatureChange[] {
  const changes: FeatureChange[] = [];
  for (const entity of ['user', 'item'] as const) {
    const of = events.filter((event) => event.entity === entity);
    if (of.length > 0)
      changes.push({
        entity,
        ids: of.map((event) => event.id),
        features: of.map((event) => event.features),
      });
  }
  return changes;
}

/** Of who is told as both. */
function visitorIn({ user, visitor }: PublicImpression): Record<string, string> {
  return user !== undefined && visitor !== undefined ? { visitors: visitor } : {};
}
