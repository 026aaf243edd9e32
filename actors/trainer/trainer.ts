import { turn } from '../../core/base/clock.js';
import type { ModelIdentity } from '../../core/base/model-identity.js';
import type { Blueprint } from '../../core/blueprint/blueprint.js';
import { blueprintOf, parameterCounts } from '../../core/blueprint/blueprint.js';
import { driftShapeOf } from '../../core/blueprint/drift-shape.js';
import { samplesWithin } from '../../core/blueprint/message-sizes.js';
import { emptyExamples } from '../../core/features/example-batch.js';
import { noFacts } from '../../core/joining/event-facts.js';
import { ownBackends } from '../../core/model/backend-source.js';
import { createRowStep } from '../../core/model/training-step.js';
import { decode, encode } from '../../messages/codec.js';
import { trainerQueue } from '../../messages/models.js';
import { noProgress } from '../../messages/progress-marks.js';
import type { Samples } from '../../messages/samples.js';
import { parseSamples, samplesMessage } from '../../messages/samples.js';
import { PartitionDirectory } from '../../replication/partition-directory.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { requireCurrent } from '../shared/current-configuration.js';
import { deadLetter } from '../shared/dead-letter.js';
import { BatchQueue } from './batch-queue.js';
import { BatchTeacher } from './batch-teacher.js';
import { Learner } from './learner.js';
import { ParameterClient } from './parameter-client.js';
import { weighingOf } from './sample-weights.js';
import { ProgressiveJudge } from './progressive-judge.js';

/** Batches in hand. Too few: small ones do not make a full step. Too many: another trainer finds nothing to do. */
const pendingMax = 512;

/** Of a full step, what one has far behind. */
const laggingFactor = 4;

/**
 * Learns from the sample stream. A batch is acknowledged when every partition and the dense shard have it durably; a
 * trainer or shard that dies before leaves the batch to be delivered again, and what was applied already is not
 * applied twice. A batch that keeps failing becomes a dead letter and is entered in the ledgers without being learned.
 */
export function createTrainer(context: ActorContext): Actor<'trainer'> {
  const { bus, clock, config } = context;
  const blueprint = blueprintOf(config);
  const rowsMax = samplesWithin(blueprint, bus.payloadBytesMax);
  const { batchRowsMax, batchRowsLagging = laggingFactor * batchRowsMax } = config.training;
  const queue = new BatchQueue(
    Math.min(batchRowsMax, rowsMax),
    Math.min(batchRowsLagging, rowsMax),
  );
  let backendName = '';
  let directory: PartitionDirectory | undefined;
  let consumer: Stoppable | undefined;
  let running: Promise<void> | undefined;
  let teacher: BatchTeacher | undefined;
  let judging: Learner | undefined;
  const judge = new ProgressiveJudge({
    blueprint,
    drift: driftShapeOf(config, blueprint),
    negativeSamplingRate: config.joining.negativeSamplingRate,
  });

  return {
    async start() {
      const { backends = ownBackends, log } = context;
      const backend = await backends.load(config.model.backend, blueprint.model, 'training');
      backendName = backend.detail;
      log.info({ backend: backend.detail }, 'training');
      directory = await PartitionDirectory.open(bus, blueprint.of.name);
      const parameterCount = parameterCounts(blueprint).all;
      const client = new ParameterClient({ bus, blueprint, directory, parameterCount });
      const step = createRowStep(backend, blueprint.model, {
        squares: blueprint.countsExamples.includes(true),
      });
      const { explosionFactor, stalenessMax } = config.training;
      // A trainer alone is never behind another.
      const isBounded = config.actors.trainer > 1 && stalenessMax > 0;
      const learner = new Learner(blueprint, client, step, clock, {
        ...{ explosionFactor, judge, isBounded, weighing: weighingOf(config) },
      });
      judging = learner;
      const learning = teacherOf(context, blueprint, queue, learner);
      teacher = learning;
      const { ackWaitMs } = config.training;
      const options = {
        stream: bus.names.stream.samples,
        ...consumerOf(blueprint.of),
        ackWaitMs,
        pendingMax,
      };
      consumer = await bus.work(options, (message) => learning.receive(message));
      running = learning.run();
    },
    async stop() {
      await consumer?.stop();
      // Another trainer need not wait for them.
      for (const { message } of queue.close()) message.nak();
      await running;
      await teacher?.settled();
      await directory?.stop();
      await bus.flush();
    },
    stats: () => ({
      ...statsOf(teacher, judging),
      ...{ shown: judge.shown, organic: judge.organic, drift: judge.drift },
      backend: backendName,
      queued: queue.length,
    }),
  };
}

function statsOf(teacher: BatchTeacher | undefined, learner: Learner | undefined) {
  const medianOf = (timing: keyof BatchTeacher['timings']): number =>
    teacher?.timings[timing].quantile(0.5) ?? NaN;
  return {
    ...(teacher?.counts ?? noCounts),
    loss: teacher?.loss ?? 0,
    stalenessMean: learner?.staleness.mean ?? NaN,
    stalenessMax: learner?.staleness.max ?? NaN,
    gradientNorm: learner?.gradientNorm ?? NaN,
    judged: learner?.judged ?? {},
    unsettled: teacher?.unsettled ?? 0,
    pullP50Ms: medianOf('pull'),
    computeP50Ms: medianOf('compute'),
    settleP50Ms: medianOf('settle'),
  };
}

/** `main` has had its place in the stream from the first start on; another model begins behind its cut. */
function consumerOf(of: ModelIdentity) {
  const durable = trainerQueue(of);
  return of.number === 0 ? { durable } : { durable, after: of.cut };
}

/** Before the start. */
const noCounts: BatchTeacher['counts'] = {
  ...{ samples: 0, batches: 0, steps: 0, retried: 0, deadLettered: 0 },
};

function teacherOf(
  context: ActorContext,
  blueprint: Blueprint,
  queue: BatchQueue,
  learner: Learner,
): BatchTeacher {
  const { inFlightMax, deliveriesMax } = context.config.training;
  return new BatchTeacher({
    learner,
    queue,
    parse: (bytes) => parseSamples(decode(bytes), blueprint.spec),
    noSamples: noSamples(blueprint),
    bury: async ({ message, samples }, error, isPart = false) => {
      await requireCurrent(context, error);
      await deadLetter(context, {
        origin: message.subject,
        sequence: message.sequence,
        // Of a batch of which the rest is learned, only what is not.
        content: isPart ? encode(samplesMessage(blueprint.spec, samples)) : message.bytes,
        error,
        events: Math.max(1, samples.items.length),
      });
    },
    crash: context.crash,
    log: context.log,
    nowMs: () => context.clock.nowMs(),
    turn: () => turn(context.clock),
    inFlightMax,
    deliveriesMax,
  });
}

function noSamples({ spec, slotCount, model }: Blueprint): Samples {
  return {
    specHash: spec.hash,
    resolved: 0,
    requestIds: [],
    users: [],
    items: [],
    outcomes: {},
    sampleRates: new Float32Array(0),
    scores: new Float32Array(0),
    atMs: new Float64Array(0),
    acceptedAtMs: new Float64Array(0),
    facts: noFacts,
    examples: emptyExamples(slotCount, model.denseCount),
    progress: noProgress,
  };
}
