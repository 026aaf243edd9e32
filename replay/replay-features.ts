import { isDeepStrictEqual } from 'node:util';
import { StarlingError } from '../core/base/errors.js';
import { ingest } from '../client/ingest.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import { featuresRequest, parseFeaturesReply } from '../messages/features.js';
import { actorsOf, type ActorStatus } from '../messages/actor-status.js';
import type { Entity } from '../messages/subjects.js';
import type { Bus } from '../runtime/bus/bus.js';
import { call } from '../runtime/idempotent-call.js';
import type { ToldRecord } from './told-records.js';

/** What is told before the first event, so that every event is scored with it. */
export interface ToldFeatures {
  readonly items: readonly ToldRecord[];
  readonly users: readonly ToldRecord[];
}

const deadlineMs = 60_000;
const pollMs = 100;
/** Entities looked up in one request. */
const lookupSize = 500;

/**
 * Tells the features and waits until every feature store has them: first until one answers with all of them, so they are
 * in FEATURES, then until all have read that stream so far.
 *
 * @throws StarlingError TIMEOUT if they do not arrive.
 */
export async function tellFeatures(
  bus: Bus,
  told: ToldFeatures,
  actors: () => readonly ActorStatus[],
): Promise<void> {
  const known = { item: valuesOf(told.items), user: valuesOf(told.users) };
  for (const entity of ['item', 'user'] as const) {
    const events = [...known[entity]].map(([id, features]) => ({
      ...{ entity, id, features, mode: 'replace' },
    }));
    await ingest(bus, 'features', events, { deadlineMs });
  }
  const endMs = performance.now() + deadlineMs;
  for (const entity of ['item', 'user'] as const) {
    const ids = [...known[entity].keys()];
    for (let start = 0; start < ids.length; start += lookupSize) {
      const chunk = ids.slice(start, start + lookupSize);
      const arrived = () => areStored(bus, entity, chunk, known[entity]);
      await until(arrived, endMs, `the features of ${ids.length} ${entity}s`);
    }
  }
  const { lastSequence } = await bus.streamState(bus.names.stream.features);
  const everywhere = async () => storesAt(actors(), lastSequence);
  await until(everywhere, endMs, 'the features in all data centers');
}

/** Columns without a value are left out: they say nothing. */
function valuesOf(records: readonly ToldRecord[]): Map<string, RawFeatures> {
  return new Map(
    records.map(({ id, features }) => [
      id,
      Object.fromEntries(Object.entries(features).filter(([, value]) => value !== '')),
    ]),
  );
}

async function areStored(
  bus: Bus,
  entity: Entity,
  ids: readonly string[],
  known: ReadonlyMap<string, RawFeatures>,
): Promise<boolean> {
  const [users, items] = entity === 'user' ? [ids, []] : [[], ids];
  // All of them, and not only what the model looks at.
  const request = { users, items, attributes: [] };
  const message = featuresRequest(request);
  const options = { deadlineMs, attemptMs: 2_000 };
  const reply = parseFeaturesReply(
    await call(bus, bus.names.subject.featuresGet, message, options),
    request,
  );
  const found = entity === 'user' ? reply.users : reply.items;
  return ids.every((id, i) => isDeepStrictEqual({ ...found[i] }, known.get(id)));
}

function storesAt(actors: readonly ActorStatus[], sequence: number): boolean {
  return actorsOf(actors, 'feature-store').every(
    ({ stats }) => stats.sequence !== undefined && stats.sequence >= sequence,
  );
}

async function until(
  condition: () => Promise<boolean>,
  endMs: number,
  what: string,
): Promise<void> {
  while (!(await condition())) {
    if (performance.now() > endMs) {
      throw new StarlingError('TIMEOUT', `${what} did not arrive within ${deadlineMs} ms.`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
