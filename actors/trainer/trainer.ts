import { codeOf, messageOf } from '../../core/base/errors.js';
import { LatencyHistogram } from '../../core/base/histogram.js';
import { emptyExamples } from '../../core/features/example-batch.js';
import { loadBackend } from '../../core/model/backend.js';
import { denseLayout } from '../../core/model/dense-parameters.js';
import { createTrainingStep } from '../../core/model/training-step.js';
import { decode } from '../../messages/codec.js';
import { noFacts } from '../../core/joining/event-facts.js';
import { outcomesOf } from '../../messages/outcomes.js';
import { noProgress } from '../../messages/progress-marks.js';
import type { Samples } from '../../messages/samples.js';
import { parseSamples } from '../../messages/samples.js';
import { PartitionDirectory } from '../../replication/partition-directory.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import type { Stoppable, WorkMessage } from '../../runtime/bus.js';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { deadLetter } from '../shared/dead-letter.js';
import type { QueuedBatch } from './batch-queue.js';
import { BatchQueue } from './batch-queue.js';
import { Learner } from './learner.js';
import { ParameterClient } from './parameter-client.js';

/** Batches in hand. Too few: small ones do not make a full step. Too many: another trainer finds nothing to do. */
const pendingMax = 512;
/** Weight of the newest step in the shown loss. */
const lossMemory = 0.05;

/**
 * Learns from the sample stream. A batch is acknowledged when every partition and the dense shard have it durably; a
 * trainer or shard that dies before leaves the batch to be delivered again, and what was applied already is not
 * applied twice. A batch that keeps failing becomes a dead letter and is entered in the ledgers without being learned.
 */
export function createTrainer(context: ActorContext): Actor {
  const { bus, config, log } = context;
  const blueprint = blueprintOf(config);
  const queue = new BatchQueue(config.training.batchRowsMax);
  const unsettled = new Set<Promise<void>>();
  const timings = {
    pull: new LatencyHistogram(),
    compute: new LatencyHistogram(),
    settle: new LatencyHistogram(),
  };
  const counts = { samples: 0, batches: 0, steps: 0, retried: 0, deadLettered: 0 };
  let loss = 0;
  let backendName = '';
  let directory: PartitionDirectory | undefined;
  let consumer: Stoppable | undefined;
  let running: Promise<void> | undefined;
  let learner: Learner;

  function receive(message: WorkMessage): void {
    try {
      queue.put({ message, samples: parseSamples(decode(message.bytes), blueprint.spec) });
    } catch (error) {
      void refuse({ message, samples: nothing() }, error);
    }
  }

  function nothing(): Samples {
    const { slotCount, model } = blueprint;
    return {
      specHash: blueprint.spec.hash,
      resolved: 0,
      requestIds: [],
      users: [],
      items: [],
      outcomes: outcomesOf(new Float32Array(0)),
      sampleRates: new Float32Array(0),
      scores: new Float32Array(0),
      atMs: new Float64Array(0),
      acceptedAtMs: new Float64Array(0),
      facts: noFacts,
      examples: emptyExamples(slotCount, model.denseCount),
      progress: noProgress,
    };
  }

  /** Poison: keep it with its error, and let the watermarks pass it. */
  async function refuse(batch: QueuedBatch, error: unknown): Promise<void> {
    try {
      counts.deadLettered += batch.samples.items.length;
      const events = Math.max(1, batch.samples.items.length);
      await deadLetter(context, {
        origin: batch.message.subject,
        sequence: batch.message.sequence,
        content: batch.message.bytes,
        error,
        events,
      });
      await (
        await learner.enter([batch])
      ).settled;
      batch.message.ack();
    } catch (failure) {
      giveBack([batch], failure);
    }
  }

  function giveBack(group: readonly QueuedBatch[], error: unknown): void {
    counts.retried += group.length;
    log.warn(
      { code: codeOf(error), err: messageOf(error), batches: group.length },
      'batches given back',
    );
    for (const { message } of group) message.nak(100);
  }

  async function fail(group: readonly QueuedBatch[], error: unknown): Promise<void> {
    const hopeless = group.filter(
      ({ message }) =>
        codeOf(error) === 'INTERNAL' && message.deliveries >= config.training.deliveriesMax,
    );
    for (const batch of hopeless) await refuse(batch, error);
    giveBack(
      group.filter((batch) => !hopeless.includes(batch)),
      error,
    );
  }

  async function teach(group: readonly QueuedBatch[]): Promise<void> {
    const taught = await learner.learn(group);
    counts.steps++;
    timings.pull.record(taught.pullMs);
    timings.compute.record(taught.computeMs);
    if (taught.rows > 0) loss += (counts.steps === 1 ? 1 : lossMemory) * (taught.loss - loss);
    const startMs = performance.now();
    const settling = taught.settled
      .then(async (outcome) => {
        timings.settle.record(performance.now() - startMs);
        if (outcome === 'mixed') return teachOneByOne(group);
        counts.batches += group.length;
        if (outcome === 'applied') counts.samples += taught.rows;
        for (const { message } of group) message.ack();
      })
      .catch((error: unknown) => fail(group, error))
      .finally(() => unsettled.delete(settling));
    unsettled.add(settling);
  }

  /** Some of the group were applied before a crash; alone, each is either new or a duplicate. */
  async function teachOneByOne(group: readonly QueuedBatch[]): Promise<void> {
    for (const batch of group) {
      const taught = await learner.learn([batch]);
      if ((await taught.settled) === 'applied') counts.samples += taught.rows;
      counts.batches++;
      batch.message.ack();
    }
  }

  async function run(): Promise<void> {
    for (;;) {
      const group = await queue.take();
      if (!group) return;
      try {
        await teach(group);
      } catch (error) {
        await fail(group, error);
      }
      while (unsettled.size >= config.training.inFlightMax) await Promise.race(unsettled);
    }
  }

  return {
    async start() {
      const backend = await loadBackend(config.model.backend);
      backendName = backend.name;
      directory = await PartitionDirectory.open(bus);
      const parameterCount = denseLayout(blueprint.model).size;
      const client = new ParameterClient({ bus, blueprint, directory, parameterCount });
      learner = new Learner(blueprint, client, createTrainingStep(backend, blueprint.model));
      const { ackWaitMs } = config.training;
      consumer = await bus.work(
        { stream: bus.names.stream.samples, durable: 'trainer', ackWaitMs, pendingMax },
        receive,
      );
      running = run();
    },
    async stop() {
      await consumer?.stop();
      // Another trainer need not wait for them.
      for (const { message } of queue.close()) message.nak();
      await running;
      await Promise.allSettled(unsettled);
      await directory?.stop();
      await bus.flush();
    },
    stats: () => ({
      ...counts,
      loss,
      backend: backendName,
      queued: queue.length,
      unsettled: unsettled.size,
      pullP50Ms: timings.pull.quantile(0.5),
      computeP50Ms: timings.compute.quantile(0.5),
      settleP50Ms: timings.settle.quantile(0.5),
    }),
  };
}
