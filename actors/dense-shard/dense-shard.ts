import { sleep, type Cancel } from '../../core/base/clock.js';
import { configOfMain } from '../../core/config/model-config.js';
import type { Blueprint } from '../../core/blueprint/blueprint.js';
import { blueprintOf, initialParameters, parameterCounts } from '../../core/blueprint/blueprint.js';
import { encode } from '../../messages/codec.js';
import { denseVersionMessage } from '../../messages/network-state.js';
import { fenced } from '../../messages/ownership.js';
import { ShardLease } from '../../replication/shard-lease.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { openSnapshots } from '../../runtime/stores/open-snapshots.js';
import { denseCommands } from './dense-commands.js';
import { DenseLedger } from './dense-ledger.js';
import { DenseLog } from './dense-log.js';
import { DenseRequests } from './dense-requests.js';
import { DenseSaver, pauseMsAfterSave } from './dense-saver.js';
import { VersionPublisher } from './version-publisher.js';

/**
 * The dense parameters: every save is the whole state, and saves take a tenth of the time at most. Gradients are answered at once
 * with the new parameters; `denseDurable` answers when the batches are in the log. Versions for serving follow every
 * `sync.denseMsMax` and carry the watermark they were trained on.
 */
export function createDenseShard(context: ActorContext): Actor<'dense-shard'> {
  const { clock, config } = context;
  const blueprint = blueprintOf(config);
  const ledger = new DenseLedger(
    initialParameters(blueprint),
    blueprint.adam,
    parameterCounts(blueprint),
    blueprint.of.cut,
  );
  const log = new DenseLog(context, ledger, blueprint);
  const lease = new ShardLease(context, config.supervision.leaseMs, async () => undefined);
  const { saver, publisher } = writersOf(context, { ledger, log, blueprint });
  const endpoints: ServedEndpoint[] = [];
  let cancelVersion: Cancel | undefined;

  function scheduleVersions(tookMs = 0): void {
    cancelVersion = clock.after(Math.max(config.sync.denseMsMax, pauseMsAfterSave(tookMs)), () => {
      const startMs = clock.nowMs();
      publisher.publish().then(
        () => scheduleVersions(clock.nowMs() - startMs),
        (error: unknown) => context.crash(error),
      );
    });
  }

  return {
    async start() {
      await lease.start();
      await log.open();
      saver.begin();
      await publisher.publish();
      scheduleVersions();
      const handlers = handlersOf(context, { ledger, log, saver, publisher, lease });
      const limits = { inFlightMax: 256, deadlineMs: 10_000 };
      for (const [name, handle] of handlers)
        endpoints.push(new ServedEndpoint(context.bus, { ...limits, subject: name, handle }));
    },
    async stop() {
      cancelVersion?.();
      await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
      await saver.idle();
      await publisher.publish();
      lease.stop();
    },
    stats: () => ({
      parameters: ledger.parameters.length,
      denseVersion: ledger.denseVersion,
      servedVersion: publisher.servedVersion,
      saves: saver.saves,
      appliedThrough: ledger.applied.watermark,
      batchesApplied: ledger.applied.count,
      leaseLapses: lease.lapses,
      push: endpoints[0]?.stats() ?? null,
    }),
  };
}

interface State {
  readonly ledger: DenseLedger;
  readonly log: DenseLog;
}

/** What writes the network into its log, and tells serving of it. */
function writersOf(
  context: ActorContext,
  { ledger, log, blueprint }: State & { readonly blueprint: Blueprint },
) {
  const version = () => ledger.denseVersion;
  const saver = new DenseSaver({
    version,
    save: () => log.save(),
    pause: (ms) => sleep(context.clock, ms),
    nowMs: () => context.clock.nowMs(),
    crash: context.crash,
  });
  const publisher = new VersionPublisher({
    version,
    publish: async () => {
      const { denseVersion, applied, parameters } = ledger;
      const trainedThrough = applied.watermark;
      const message = denseVersionMessage(
        {
          ...{ specHash: blueprint.hash, outcomes: blueprint.outcomes },
          ...{ denseVersion, trainedThrough, parameters },
        },
        blueprint.of.name,
      );
      await appendDurably(
        context,
        context.bus.names.subject.denseVersion(blueprint.of.name),
        encode(message),
      );
    },
    checkpoint: () => log.checkpoint(),
    nowMs: () => context.clock.nowMs(),
  });
  return { saver, publisher };
}

interface HandledState extends State {
  readonly saver: DenseSaver;
  readonly publisher: VersionPublisher;
  readonly lease: { readonly valid: boolean };
}

/** By subject; that of pushes first. */
function handlersOf(
  { bus, config, identity }: ActorContext,
  { ledger, log, saver, publisher, lease }: HandledState,
): [string, (value: unknown) => Promise<unknown>][] {
  const blueprint = blueprintOf(config);
  const requests = new DenseRequests({
    ledger,
    ...{ specHash: blueprint.hash, stalenessMax: config.training.stalenessMax },
    model: blueprint.of.name,
    sequence: () => log.sequence,
    requireLease: () => {
      const { address } = identity;
      if (!lease.valid) throw fenced(`${address} could not renew its lease.`, { address });
    },
    durable: () => saver.durable(),
  });
  const commands = denseCommands({
    log,
    ledger,
    store: openSnapshots(bus, config, identity.dataCenter),
    first: openSnapshots(bus, configOfMain(config), identity.dataCenter),
    model: blueprint.of.name,
    initial: () => ({
      parameters: initialParameters(blueprint),
      optimizerState: new Float32Array(2 * ledger.parameters.length),
      steps: 0,
    }),
    // Durable, served and in the log for the next one, before the restore is answered.
    publishAll: async () => {
      publisher.checkpointNext();
      await saver.durable();
      await publisher.publish();
    },
  });
  return [
    [bus.names.subject.densePush(blueprint.of.name), requests.push],
    [bus.names.subject.densePull(blueprint.of.name), requests.pull],
    [bus.names.subject.denseDurable(blueprint.of.name), requests.durable],
    [bus.names.subject.denseControl('snapshot', blueprint.of.name), commands.snapshot],
    [bus.names.subject.denseControl('restore', blueprint.of.name), commands.restore],
  ];
}
