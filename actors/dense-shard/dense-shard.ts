import { decode, encode, protocolVersion } from '../../messages/codec.js';
import type { DensePush } from '../../messages/parameters.js';
import { parseDensePush, parseDenseState, refuseSpec } from '../../messages/parameters.js';
import { asMessage, f64 } from '../../messages/checks.js';
import { streamName } from '../../messages/streams.js';
import { subject } from '../../messages/subjects.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';
import { ServedEndpoint } from '../../runtime/serve.js';
import { blueprintOf, initialParameters } from '../shared/blueprint.js';
import { DenseLedger } from './dense-ledger.js';

/** Between two saves of the whole state, milliseconds: small enough for acks, large enough that 100 KB each is cheap. */
const saveIntervalMs = 100;

/**
 * The dense parameters: one small array, so every save is the whole state. Gradients are answered at once with the
 * new parameters; `denseDurable` answers when the batches are in the log. Versions for serving follow every
 * `sync.denseMsMax` and carry the watermark they were trained on.
 */
export function createDenseShard(context: ActorContext): Actor {
  const blueprint = blueprintOf(context.config);
  const parameters = initialParameters(blueprint);
  const ledger = new DenseLedger(parameters, blueprint.adam);
  const endpoints: ServedEndpoint[] = [];
  let waiting: (() => void)[] = [];
  let saving: Promise<void> | undefined;
  let savedVersion = 0;
  let servedVersion = -1;
  let saves = 0;
  let versionTimer: NodeJS.Timeout | undefined;

  async function recover(): Promise<void> {
    const last = await context.bus.lastMessage(streamName.dense, subject.denseState);
    if (!last) return;
    const state = parseDenseState(decode(last.bytes), parameters.length);
    refuseSpec(state.specHash, blueprint.hash, 'dense state');
    ledger.restore(state);
    savedVersion = state.denseVersion;
  }

  const reply = (outcome: string) => ({
    v: protocolVersion,
    outcome,
    denseVersion: ledger.denseVersion,
    parameters,
  });

  function push(request: DensePush) {
    refuseSpec(request.specHash, blueprint.hash, 'dense push');
    return reply(ledger.apply(request.batches, request.gradient));
  }

  function durable(batches: Float64Array): Promise<void> {
    // What is not applied can't become durable; the trainer sends it again with its batch.
    if (
      savedVersion === ledger.denseVersion ||
      !batches.every((batch) => ledger.applied.has(batch))
    )
      return Promise.resolve();
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
      const bytes = encode({
        v: protocolVersion,
        specHash: blueprint.hash,
        denseVersion,
        trainedThrough: ledger.applied.watermark,
        parameters,
        epoch: context.identity.epoch,
        ...ledger.optimizerState(),
        applied: ledger.applied.encode(),
      });
      try {
        await appendDurably(context, subject.denseState, bytes);
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
    const bytes = encode({
      v: protocolVersion,
      specHash: blueprint.hash,
      denseVersion: ledger.denseVersion,
      trainedThrough: ledger.applied.watermark,
      parameters,
    });
    await appendDurably(context, subject.denseVersion, bytes);
  }

  function scheduleVersions(): void {
    versionTimer = setTimeout(() => {
      publishVersion().then(scheduleVersions, (error: unknown) => context.crash(error));
    }, context.config.sync.denseMsMax);
  }

  return {
    async start() {
      await recover();
      await publishVersion();
      scheduleVersions();
      const common = { inFlightMax: 256, deadlineMs: 10_000 };
      const handlers: [string, (value: unknown) => Promise<unknown>][] = [
        [subject.densePush, async (value) => push(parseDensePush(value, parameters.length))],
        [subject.densePull, async () => reply('applied')],
        [
          subject.denseDurable,
          async (value) => {
            const batches = f64(asMessage(value, 'dense durable'), 'batches', 'dense durable');
            await durable(batches);
            return {
              v: protocolVersion,
              durable: batches.every((batch) => ledger.applied.has(batch)),
            };
          },
        ],
      ];
      for (const [name, handle] of handlers) {
        endpoints.push(new ServedEndpoint(context.bus, { ...common, subject: name, handle }));
      }
    },
    async stop() {
      clearTimeout(versionTimer);
      await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
      await saving;
      await publishVersion();
    },
    stats: () => ({
      parameters: parameters.length,
      denseVersion: ledger.denseVersion,
      servedVersion,
      saves,
      appliedThrough: ledger.applied.watermark,
      batchesApplied: ledger.applied.count,
      push: endpoints[0]?.stats(),
    }),
  };
}
