import { columnsOfRows } from '../../core/base/columns.js';
import { encodeContext } from '../../core/features/origin.js';
import type { Transform } from '../../core/features/transform.js';
import { factTable, factsOf, lanes } from '../../core/joining/event-facts.js';
import type { ShownBatch } from '../../core/joining/types.js';
import type { Impressions } from '../../messages/events.js';
import type { FeatureChange } from '../../messages/features.js';
import type { EntityChange, PublicImpression, PublicShown } from '../../messages/public.js';
import { personIn } from '../../messages/public.js';
import { entities } from '../../messages/subjects.js';
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

/** In the order of the events: one change for each entity kind and run of one mode, so that the last word on an entity comes last. */
export function changesOf(events: readonly EntityChange[]): FeatureChange[] {
  return entities.flatMap((entity) => {
    const runs: EntityChange[][] = [];
    for (const event of events) {
      if (event.entity !== entity) continue;
      const run = runs.at(-1);
      if (run && run[0]!.mode === event.mode) run.push(event);
      else runs.push([event]);
    }
    return runs.map((run) => ({
      ...{ entity, mode: run[0]!.mode, ids: run.map(({ id }) => id) },
      features: run.map(({ attributes }) => attributes),
      ...(run.some(({ deleted }) => deleted) ? { erased: run.map(({ deleted }) => deleted) } : {}),
    }));
  });
}

/** Of who is told as both. */
function visitorIn({ user, visitor }: PublicImpression): Record<string, string> {
  return user !== undefined && visitor !== undefined ? { visitors: visitor } : {};
}
