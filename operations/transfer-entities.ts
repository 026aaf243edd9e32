import { CatalogTarget } from '../actors/shared/catalog-target.js';
import { followFeatures } from '../actors/shared/follow-features.js';
import type { StarlingClient } from '../client/client.js';
import { trainingDataCenter } from '../core/config/data-centers.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { changedBy } from '../core/features/entity-change.js';
import { isErasureMark } from '../core/features/forgotten-users.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import type { Entity } from '../messages/subjects.js';
import type { ActorContext } from '../runtime/actor.js';
import type { Bus } from '../runtime/bus/bus.js';

export interface EntityTransfer {
  readonly from: { readonly bus: Bus; readonly config: ClusterConfig };
  readonly to: Pick<StarlingClient, 'ingestFeatures'>;
  readonly log: ActorContext['log'];
  readonly progress: (text: string) => void;
}

/** Told at once. Too few: a line of progress for each. Too many: nobody hears how far it is. */
const rowsMax = 10_000;
/** Of a message, however busy the other cluster is with those before it. */
const deadlineMs = 60_000;

/**
 * Tells another cluster all that is known of users and items here now, in the order in which they were first told of: the
 * newest items are offered by their age. It is told as anybody tells it, so what the other cluster does not take is among its
 * dead letters, and what it knew of the same ones is replaced. One kind at a time is held in memory.
 *
 * @returns how many of each.
 */
export async function transferEntities(options: EntityTransfer): Promise<Record<Entity, number>> {
  const { to, progress } = options;
  const counts = { user: 0, item: 0 };
  for (const entity of ['item', 'user'] as const) {
    const all = [...(await knownOf(entity, options))];
    // There it was never known who is forgotten here.
    const known = all.filter(([id]) => !isErasureMark(id));
    for (let start = 0; start < known.length; start += rowsMax) {
      const told = known.slice(start, start + rowsMax);
      await to.ingestFeatures(
        told.map(([id, features]) => ({ entity, id, features, mode: 'replace' as const })),
        { deadlineMs },
      );
      counts[entity] += told.length;
      progress(`${counts[entity]} of ${known.length} ${entity}s`);
    }
  }
  return counts;
}

/** From the newest snapshot of any data center, and the log behind it. */
async function knownOf(
  entity: Entity,
  { from: { bus, config }, log }: EntityTransfer,
): Promise<Map<string, RawFeatures>> {
  const known = new Map<string, RawFeatures>();
  const target = new CatalogTarget({
    // What is told again stays where it stood.
    put: (id, told, mode) => void known.set(id, changedBy(known.get(id), told, mode)),
    remove: (id) => void known.delete(id),
    clear: () => known.clear(),
  });
  const identity = { dataCenter: trainingDataCenter(config) };
  // What it can't be without fails the start; what comes later is not waited for.
  const crash = (error: unknown): void => log.debug(error);
  const follower = followFeatures({ bus, config, identity, log, crash }, target, [entity]);
  try {
    await follower.start();
  } finally {
    await follower.stop();
  }
  return known;
}
