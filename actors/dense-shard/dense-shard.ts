import { encode } from '../../messages/codec.js';
import { fenced } from '../../messages/ownership.js';
import type { DensePush } from '../../messages/network-state.js';
import {
  denseReply,
  denseVersionMessage,
  durableReply,
  parseDenseDurable,
  parseDensePull,
  parseDensePush,
} from '../../messages/network-state.js';
import type { PushOutcome } from '../../messages/parameters.js';
import { refuseSpec } from '../../messages/spec-hash.js';
import { shardLease } from '../../replication/shard-lease.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { openSnapshots } from '../../runtime/stores/open-snapshots.js';
import { blueprintOf, initialParameters } from '../../core/blueprint/blueprint.js';
import { denseCommands } from './dense-commands.js';
import { DenseLedger } from './dense-ledger.js';
import { DenseLog } from './dense-log.js';
import { mainModel } from '../../messages/model-name.js';

/** Between two saves of the whole state, milliseconds: small enough for acks, large enough that 100 KB each is cheap. */
const saveIntervalMs = 100;
/** Between two checkpoints. Too low: DELTAS fills with networks. Too high: time travel finds an old one. */
const checkpointIntervalMs = 10_000;

/**
 * The dense parameters: one small array, so every save is the whole state. Gradients are answered at once with the
 * new parameters; `denseDurable` answers when the batches are in the log. Versions for serving follow every
 * `sync.denseMsMax` and carry the watermark they were trained on.
 */
export function createDenseShard(context: ActorContext): Actor {
  const { bus, config, identity } = context;
  const blueprint = blueprintOf(config);
  const parameters = initialParameters(blueprint);
  const ledger = new DenseLedger(parameters, blueprint.adam);
  const log = new DenseLog(context, ledger, blueprint.hash);
  const lease = shardLease(context, config.supervision.leaseMs, async () => undefined);
  const endpoints: ServedEndpoint[] = [];
  let waiting: (() => void)[] = [];
  let saving: Promise<void> | undefined;
  let savedVersion = 0;
  let servedVersion = -1;
  let checkpointAtMs = -Infinity;
  let saves = 0;
  let versionTimer: NodeJS.Timeout | undefined;

  const reply = (outcome: PushOutcome) =>
    denseReply({
      outcome,
      denseVersion: ledger.denseVersion,
      parameters,
      sequence: log.sequence,
    });

  function requireLease(): void {
    if (!lease.valid)
      throw fenced(`${identity.address} could not renew its lease.`, { address: identity.address });
  }

  function push(request: DensePush) {
    requireLease();
    refuseSpec(request.specHash, blueprint.hash, 'dense push');
    return reply(ledger.apply(request.batches, request.gradient));
  }

  function durable(batches: Float64Array): Promise<void> {
    // What is not applied can't become durable; the trainer sends it again with its batch.
    if (!batches.every((batch) => ledger.applied.has(batch))) return Promise.resolve();
    return allDurable();
  }

  function allDurable(): Promise<void> {
    if (savedVersion === ledger.denseVersion) return Promise.resolve();
    return new Promise((resolve) => {
      waiting.push(resolve);
      saving ??= save();
    });
  }

  async function save(): Promise<void> {
    while (waiting.length > 0) {
      const settled = waiting;
      waiting = [];
      const { denseVersion } = ledger;
      try {
        await log.save();
      } catch (error) {
        context.crash(error);
        return;
      }
      savedVersion = denseVersion;
      saves++;
      for (const resolve of settled) resolve();
      if (waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, saveIntervalMs));
    }
    saving = undefined;
  }

  async function publishVersion(): Promise<void> {
    if (servedVersion === ledger.denseVersion) return;
    servedVersion = ledger.denseVersion;
    const version = denseVersionMessage({
      specHash: blueprint.hash,
      denseVersion: ledger.denseVersion,
      trainedThrough: ledger.applied.watermark,
      parameters,
    });
    await appendDurably(context, bus.names.subject.denseVersion(mainModel), encode(version));
    if (performance.now() - checkpointAtMs < checkpointIntervalMs) return;
    checkpointAtMs = performance.now();
    await log.checkpoint();
  }

  /** After a restore: durable, served and in the log for the next one, before it is answered. */
  async function publishAll(): Promise<void> {
    checkpointAtMs = -Infinity;
    await allDurable();
    await publishVersion();
  }

  function scheduleVersions(): void {
    versionTimer = setTimeout(() => {
      publishVersion().then(scheduleVersions, (error: unknown) => context.crash(error));
    }, config.sync.denseMsMax);
  }

  async function answerDurable(value: unknown) {
    const batches = parseDenseDurable(value);
    await durable(batches);
    const isDurable = batches.every((batch) => ledger.applied.has(batch));
    return durableReply({ durable: isDurable, sequence: log.sequence });
  }

  return {
    async start() {
      await lease.start();
      await log.open();
      savedVersion = ledger.denseVersion;
      await publishVersion();
      scheduleVersions();
      const store = openSnapshots(bus, config, identity.dataCenter);
      const initial = () => ({
        parameters: initialParameters(blueprint),
        optimizerState: new Float32Array(2 * parameters.length),
        steps: 0,
      });
      const commands = denseCommands({ log, ledger, store, publishAll, initial });
      const handlers: [string, (value: unknown) => Promise<unknown>][] = [
        [
          bus.names.subject.densePush(mainModel),
          async (value) => push(parseDensePush(value, parameters.length)),
        ],
        [
          bus.names.subject.densePull(mainModel),
          async (value) => {
            parseDensePull(value);
            requireLease();
            return reply('applied');
          },
        ],
        [bus.names.subject.denseDurable(mainModel), answerDurable],
        [bus.names.subject.denseControl('snapshot', mainModel), commands.snapshot],
        [bus.names.subject.denseControl('restore', mainModel), commands.restore],
      ];
      const limits = { inFlightMax: 256, deadlineMs: 10_000 };
      for (const [name, handle] of handlers)
        endpoints.push(new ServedEndpoint(bus, { ...limits, subject: name, handle }));
    },
    async stop() {
      clearTimeout(versionTimer);
      await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
      await saving;
      await publishVersion();
      lease.stop();
    },
    stats: () => ({
      parameters: parameters.length,
      denseVersion: ledger.denseVersion,
      servedVersion,
      saves,
      appliedThrough: ledger.applied.watermark,
      batchesApplied: ledger.applied.count,
      leaseLapses: lease.lapses,
      push: endpoints[0]?.stats(),
    }),
  };
}
