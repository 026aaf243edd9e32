import { codeOf, messageOf } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { SupervisionEvent } from '../../messages/supervision-events.js';
import type { Bus, Stoppable } from '../../runtime/bus.js';
import type { ClusterView } from '../hosts/cluster-view.js';
import type { HostRegistry, HostState } from '../hosts/host-registry.js';
import type { PlacementStore } from '../placement/placement-store.js';
import type { DrainStore } from '../drains/drain-store.js';
import { PartitionServices } from '../partitions/partition-services.js';
import type { SupervisionLog } from '../supervision-log.js';
import { DrainKeeper } from '../drains/drain-keeper.js';
import { PlacementKeeper, placementFailure } from '../placement/placement-keeper.js';

export interface DutiesOptions {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  readonly host: string;
  readonly term: number;
  readonly events: SupervisionLog;
  readonly view: ClusterView;
  readonly placement: PlacementStore;
  readonly drains: DrainStore;
  readonly registry: HostRegistry;
  /** Brings the streams up to what the configuration says. */
  readonly prepareStreams: () => Promise<void>;
  readonly log: (line: string) => void;
}

/**
 * What the leader does, and nobody else: it places actors on hosts, looks after partitions and snapshots, and does what
 * people ask of the cluster. All that it begins, `stop` ends; what it has written stays, and the next leader goes on
 * from there.
 */
export async function takeUpDuties(options: DutiesOptions): Promise<Stoppable> {
  const { bus, config, events, view, placement, drains, registry, log, term, host } = options;
  const undo: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step; step = undo.pop()) await step();
  };
  const record = (event: Omit<SupervisionEvent, 'atMs'>): void =>
    events.record({ atMs: Date.now(), ...event });
  try {
    record({ address: host, type: 'lead', detail: `term ${term}`, epoch: term });
    const services = await PartitionServices.open({ bus, config, events, log, term });
    undo.push(() => services.stop());
    const keeper = new PlacementKeeper({
      config,
      term,
      store: placement,
      registry,
      view,
      counts: services.counts,
      record,
      failed: (error) => {
        if (codeOf(error) !== 'FENCED') log(placementFailure(error));
      },
    });
    undo.push(() => keeper.stop());
    keeper.plan();
    const states = new Map<string, HostState>();
    undo.push(async () => forget());
    const forget = registry.onChange((name, state) => {
      if (states.get(name) === state) return;
      states.set(name, state);
      record({ address: name, type: 'host', detail: state, epoch: term });
      keeper.placeSoon();
    });
    const actors = {
      view,
      place: (counts: typeof services.counts) => keeper.place(counts),
      hostOf: (address: string) => keeper.hostOf(address),
    };
    await services.prepare(actors);
    // Lost with the last leader, perhaps: their standbys are quicker than who will be started in their place.
    await services.replace(keeper.onLostHosts, 'its host is lost');
    await keeper.place();
    const drainer = new DrainKeeper({ term, store: drains, view, record, log });
    undo.push(() => drainer.stop());
    await services.watch({ ...actors, drainer });
    // Before the actors go: what they leave behind then is not to be replaced.
    undo.push(() => services.unwatch());
    // Nobody waits for it: what is there already is enough to go on with.
    options
      .prepareStreams()
      .catch((error: unknown) =>
        log(`streams are not up to date: ${codeOf(error)}: ${messageOf(error)}`),
      );
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
