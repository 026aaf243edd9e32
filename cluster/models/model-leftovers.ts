import type { ModelIdentity } from '../../core/base/model-identity.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { trainerQueue } from '../../messages/models.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { openSnapshots } from '../../runtime/stores/open-snapshots.js';

export interface LeftoverPorts {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  /** That have copies of what it has learned. */
  readonly dataCenters: readonly string[];
}

/** Of a model that nobody runs any more: its records in the logs and their copies, its snapshots, and how far it was in SAMPLES. */
export async function removeLeftovers(
  identity: ModelIdentity,
  { bus, config, dataCenters }: LeftoverPorts,
): Promise<void> {
  const { name: model } = identity;
  const { pattern, stream } = bus.names;
  const rows = pattern('deltaRows', { model });
  const weights = pattern('deltaWeights', { model });
  const version = pattern('denseVersion', { model });
  for (const subject of [rows, weights, pattern('deltaDense', { model })])
    await bus.purge(stream.deltas, { subject });
  for (const row of ['denseVersion', 'denseState', 'denseStatePart'] as const)
    await bus.purge(stream.dense, { subject: pattern(row, { model }) });
  for (const dataCenter of dataCenters) {
    await bus.purge(stream.deltasAt(dataCenter), { subject: weights });
    await bus.purge(stream.denseAt(dataCenter), { subject: version });
  }
  for (const { name: dataCenter } of config.dataCenters) {
    const store = openSnapshots(bus, { ...config, ofModel: identity }, dataCenter);
    for (const snapshot of await store.list()) await store.remove(snapshot);
    await store.removeUnfinished();
  }
  await bus.endWork(stream.samples, trainerQueue(identity));
}
