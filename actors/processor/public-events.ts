import { StarlingError } from '../../core/base/errors.js';
import type { Transform } from '../../core/features/transform.js';
import { noActionFacts, noFacts } from '../../core/joining/event-facts.js';
import type { Actions, Impressions } from '../../messages/events.js';
import type { FeatureChange } from '../../messages/features.js';
import type { PublicAction, PublicFeatures, PublicImpression } from '../../messages/public.js';
import type { FeatureSource } from '../shared/feature-source.js';

/** How far ahead of its acceptance an event may claim to be, to be put back to it. A wrong unit differs by years. */
const aheadMsMax = 3_600_000;

function eventTime(timestamp: number | undefined, acceptedAtMs: number): number {
  const atMs = timestamp === undefined ? acceptedAtMs : timestamp * 1000;
  if (atMs > acceptedAtMs + aheadMsMax) {
    throw new StarlingError(
      'BAD_EVENT',
      `timestamp: ${timestamp} is ${Math.round((atMs - acceptedAtMs) / 1000)} s in the future; expected when it happened.`,
      { field: 'timestamp' },
    );
  }
  return atMs;
}

/** Checks one event by itself, so that a bad one among many is told apart. */
export function checkImpression(
  event: PublicImpression,
  transform: Transform,
  acceptedAtMs: number,
): void {
  eventTime(event.timestamp, acceptedAtMs);
  transform.encodeEntity('context', '', event.context);
}

export function checkAction(event: PublicAction, acceptedAtMs: number): void {
  eventTime(event.timestamp, acceptedAtMs);
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
): Promise<Impressions> {
  const { users, items } = await source.get(
    events.map((event) => event.user),
    events.map((event) => event.item),
  );
  return {
    requestIds: events.map((event) => event.requestId),
    users: events.map((event) => event.user),
    items: events.map((event) => event.item),
    atMs: Float64Array.from(events, (event) => eventTime(event.timestamp, acceptedAtMs)),
    scores: Float32Array.from(events, (event) => event.score ?? Number.NaN),
    facts: noFacts,
    examples: transform.assemble(
      users,
      items,
      events.map((event) => transform.encodeEntity('context', '', event.context)),
    ),
  };
}

export function actionsOf(events: readonly PublicAction[], acceptedAtMs: number): Actions {
  return {
    requestIds: events.map((event) => event.requestId),
    items: events.map((event) => event.item),
    atMs: Float64Array.from(events, (event) => eventTime(event.timestamp, acceptedAtMs)),
    labels: Float32Array.from(events, (event) => event.label),
    acceptedAtMs: new Float64Array(events.length).fill(acceptedAtMs),
    facts: noActionFacts,
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
