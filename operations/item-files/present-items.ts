import { followFeatures } from '../../actors/shared/follow-features.js';
import { trainingDataCenter } from '../../core/config/data-centers.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { ItemPrints } from '../../core/retrieval/item-prints.js';
import type { EntityRows } from '../../messages/feature-snapshots.js';
import { modeOf, type FeatureChange } from '../../messages/features.js';
import type { EntityTarget } from '../../replication/entity-fold.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { Bus } from '../../runtime/bus/bus.js';

/** Fills prints of items from snapshots and the log. */
class PrintsTarget implements EntityTarget {
  readonly prints = new ItemPrints();
  sequence = 0;

  reset(): void {
    this.prints.clear();
    this.sequence = 0;
  }

  add({ ids, features }: EntityRows): void {
    ids.forEach((id, i) => this.prints.put(id, features[i]!));
  }

  restored(sequence: number): void {
    this.sequence = sequence;
  }

  take(change: FeatureChange | undefined, sequence: number): void {
    change?.ids.forEach((id, i) => {
      if (change.erased?.[i]) this.prints.remove(id);
      else this.prints.put(id, change.features[i]!, modeOf(change, i));
    });
    this.sequence = sequence;
  }
}

/** What the cluster knows of its items now, from the newest snapshot of any data center and the log behind it. */
export async function presentItems(from: {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  readonly log: ActorContext['log'];
}): Promise<ItemPrints> {
  const target = new PrintsTarget();
  const identity = { dataCenter: trainingDataCenter(from.config) };
  // What it can't be without fails the start; what comes later is not waited for.
  const crash = (error: unknown): void => from.log.debug(error);
  const follower = followFeatures({ ...from, identity, crash }, target, ['item']);
  try {
    await follower.start();
  } finally {
    await follower.stop();
  }
  return target.prints;
}
