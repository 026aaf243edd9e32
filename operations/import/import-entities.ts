import { ingest } from '../../client/ingest.js';
import { sleep } from '../../core/base/clock.js';
import { featuresRequest, parseFeaturesReply } from '../../messages/features.js';
import type { Entity } from '../../messages/subjects.js';
import type { ImportSource, ImportedEntity } from '../../importing/import-source.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { isThrough } from '../../runtime/bus/work-queues.js';
import { call } from '../../runtime/idempotent-call.js';

/** Of a message, however busy the cluster is with those before it. */
const deadlineMs = 60_000;
const lookMs = 50;
const storeDeadline = { deadlineMs: 60_000, attemptMs: 2_000 };

/** Who takes items and users to the cluster. */
export type EntityDoor = (entity: Entity, batch: readonly ImportedEntity[]) => Promise<void>;

/** The door for everybody: what a file names is changed, what it does not name stays. */
export function openDoor(bus: Bus): EntityDoor {
  return async (entity, batch) => {
    const type = entity === 'item' ? 'items' : 'users';
    const events = batch.map(({ id, attributes }) => ({ [entity]: id, attributes }));
    await ingest(bus, type, events, { deadlineMs });
  };
}

export interface EntitiesOptions {
  readonly bus: Bus;
  readonly source: Pick<ImportSource, 'items' | 'users'>;
  readonly door: EntityDoor;
  /** Where files of items are a whole catalog: who brings it there, instead of the door. @returns how many items the files have. */
  readonly loadItems?: (() => Promise<number>) | undefined;
  readonly dataCenters: readonly string[];
  readonly progress: (entity: Entity, count: number) => void;
}

/** Items and users as they are known today; resolves when the feature stores of training know them. */
export async function importEntities(options: EntitiesOptions): Promise<Record<Entity, number>> {
  const { bus, source, door, loadItems, dataCenters, progress } = options;
  const counts = { item: 0, user: 0 };
  if (loadItems) progress('item', (counts.item = await loadItems()));
  for (const entity of loadItems ? (['user'] as const) : (['item', 'user'] as const)) {
    const batches = entity === 'item' ? source.items(0) : source.users(0);
    for await (const batch of batches) {
      await door(entity, batch);
      counts[entity] += batch.length;
      progress(entity, counts[entity]);
    }
  }
  if (counts.item + counts.user > 0) await untilKnown(bus, dataCenters);
  return counts;
}

/** What was told before is in the stores that are asked for features of a moment. */
async function untilKnown(bus: Bus, dataCenters: readonly string[]): Promise<void> {
  const { stream, subject } = bus.names;
  const ends = await Promise.all(
    dataCenters.map(
      async (name) => [name, (await bus.streamState(stream.raw(name))).lastSequence] as const,
    ),
  );
  for (const [name, last] of ends)
    while (!isThrough(await bus.workState(stream.raw(name), 'processor'), last))
      await sleep(bus.clock, lookMs);
  const { lastSequence } = await bus.streamState(stream.features);
  const nobody = { users: [], items: [] };
  for (;;) {
    const reply = await call(bus, subject.featuresGet, featuresRequest(nobody), storeDeadline);
    if (parseFeaturesReply(reply, nobody).sequence >= lastSequence) return;
    await sleep(bus.clock, lookMs);
  }
}
