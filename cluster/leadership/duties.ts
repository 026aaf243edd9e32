import { codeOf, messageOf } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { SupervisionEvent } from '../../messages/supervision-events.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { builtUp, type UndoStack } from '../../runtime/undo-stack.js';
import type { SharedState } from '../hosts/shared-state.js';
import type { ClusterView } from '../hosts/cluster-view.js';
import type { HostState } from '../hosts/host-registry.js';
import { AlarmKeeper } from '../alarms/alarm-keeper.js';
import { BooksKeeper, type BookTimes } from '../books/books-keeper.js';
import { RolloutKeeper } from '../config/rollout-keeper.js';
import type { RunningConfigs } from '../config/running-configs.js';
import { DrainKeeper } from '../drains/drain-keeper.js';
import { PartitionServices } from '../partitions/partition-services.js';
import { PlacementKeeper, placementFailure } from '../placement/placement-keeper.js';

export interface DutiesOptions {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  /** Of the actors; left out: all run `config`, for good. */
  readonly configs?: RunningConfigs | undefined;
  readonly host: string;
  readonly term: number;
  /** @throws StarlingError FENCED where the term is over. */
  readonly confirm: () => Promise<void>;
  readonly view: ClusterView;
  readonly shared: SharedState;
  /** Brings the streams up to what the configuration says. */
  readonly prepareStreams: () => Promise<void>;
  readonly bookTimes?: BookTimes | undefined;
  readonly log: (line: string) => void;
}

type Happened = Omit<SupervisionEvent, 'atMs'>;

/**
 * What the leader does, and nobody else: it places actors on hosts, looks after partitions and snapshots, keeps the books
 * of the events, and does what people ask of the cluster. All that it begins, `stop` ends; what it has written stays, and the next leader goes on
 * from there.
 */
export function takeUpDuties(options: DutiesOptions): Promise<Stoppable> {
  const { log } = options;
  return builtUp(
    async (undo) => {
      await begin(options, undo);
      // Nobody waits for it: what is there already is enough to go on with.
      options
        .prepareStreams()
        .catch((error: unknown) =>
          log(`streams are not up to date: ${codeOf(error)}: ${messageOf(error)}`),
        );
      return { stop: () => undo.disposeAsync() };
    },
    (error) => log(`while stepping down: ${codeOf(error)}: ${messageOf(error)}`),
  );
}

async function begin(options: DutiesOptions, undo: UndoStack): Promise<void> {
  const { bus, config, configs, host, term, confirm, view, shared, log } = options;
  const { events } = shared;
  const record = (event: Happened): void => events.record({ atMs: bus.clock.wallMs(), ...event });
  record({ address: host, type: 'lead', detail: `term ${term}`, epoch: term });
  const services = undo.use(
    await PartitionServices.open({ bus, config, configs, events, log, term, confirm }),
  );
  const keeper = undo.use(
    new PlacementKeeper({
      ...{ config, term, view, record },
      ...{ clock: bus.clock, random: bus.random },
      store: shared.placement,
      registry: shared.registry,
      counts: services.counts,
      models: () => services.models,
      failed: (error) => {
        if (codeOf(error) !== 'FENCED') log(placementFailure(error));
      },
    }),
  );
  keeper.plan();
  undo.defer(placeWhenHostsChange(options, keeper, record));
  const actors = {
    view,
    place: (counts?: typeof services.counts) => keeper.place(counts),
    hostOf: (address: string) => keeper.hostOf(address),
  };
  await services.prepare(actors);
  await keeper.place();
  const { clock } = bus;
  const drainer = undo.use(
    new DrainKeeper({ term, store: shared.drains, view, record, clock, log }),
  );
  undo.use(
    new AlarmKeeper({
      ...{ term, view, record, clock, log },
      ...{ training: config.training, store: shared.alarms },
    }),
  );
  const dataCenters = config.dataCenters.map(({ name }) => name);
  undo.use(new BooksKeeper({ bus, dataCenters, times: options.bookTimes, log }));
  const rollout =
    configs &&
    undo.use(
      new RolloutKeeper({
        ...{ bus, config, configs, term, view, drainer, drains: shared.drains },
        ...{ record, log },
      }),
    );
  await services.watch({ ...actors, drainer, rollout });
  rollout?.resume();
  // Before the actors go: what they leave behind then is not to be replaced.
  undo.defer(() => services.unwatch());
}

/** @returns what ends it. */
function placeWhenHostsChange(
  { shared: { registry }, term }: DutiesOptions,
  keeper: PlacementKeeper,
  record: (event: Happened) => void,
): () => void {
  const states = new Map<string, HostState>();
  return registry.onChange((name, state) => {
    if (states.get(name) === state) return;
    states.set(name, state);
    record({ address: name, type: 'host', detail: state, epoch: term });
    keeper.placeSoon();
  });
}
