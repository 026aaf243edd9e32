import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import { correctedProbability } from '../../core/model/calibration.js';
import { denseLayout } from '../../core/model/dense-parameters.js';
import { loadBackend } from '../../core/model/backend.js';
import type { Scorer } from '../../core/model/scorer.js';
import { createScorer } from '../../core/model/scorer.js';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import { createTransform } from '../../core/features/transform.js';
import type { EncodedEntity } from '../../core/features/transform.js';
import { encode } from '../../messages/codec.js';
import { noFacts } from '../../core/joining/event-facts.js';
import { impressionsMessage } from '../../messages/events.js';
import { parseRank, publicExamples } from '../../messages/public.js';
import type { RankBatch } from '../../messages/ranking.js';
import { isRankBatch, parseRankBatch, rankBatchReply } from '../../messages/ranking.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import type { Deadline } from '../../runtime/deadline.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { inTime } from '../../runtime/time-limit.js';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { Hedges } from '../shared/replica-hedges.js';
import { FeatureSource } from '../shared/feature-source.js';
import { answersAt } from '../shared/guest-replicas.js';
import { cameFromElsewhere } from '../shared/rerouted-request.js';
import { DenseFollower } from './dense-follower.js';
import { RowSource } from './row-source.js';

/** Of the time that is left, and at most, for the log before an answer leaves without it. Too low: a busy log degrades answers; too high: they are late. */
const offeredShare = 3 / 4;
const offeredMsMax = 250;

interface Found {
  readonly examples: ExampleBatch;
  readonly degraded: boolean;
}

/**
 * Scores candidates with the dense network, local rows and local features. Replicas form one queue group; when one
 * dies its peers, or another data center, take over.
 */
export function createRanker(context: ActorContext): Actor<'ranker'> {
  const { bus, config, identity, log } = context;
  const blueprint = blueprintOf(config);
  const { spec } = blueprint;
  const transform = createTransform(spec);
  const hedges = new Hedges(context);
  const features = new FeatureSource(bus, transform);
  const rows = new RowSource(context, blueprint, hedges);
  const versions = new DenseFollower(context, {
    hash: blueprint.hash,
    parameterCount: denseLayout(blueprint.model).size,
  });
  // Rerouted: requests from another data center, and those whose rows came from one.
  const counts = { scored: 0, logged: 0, unlogged: 0, degraded: 0, rerouted: 0, rowsRerouted: 0 };
  let scorer: Scorer;
  let backendName = '';
  let endpoint: ServedEndpoint | undefined;
  let open = true;
  let logFails = false;

  async function examplesOf(batch: RankBatch, deadline: Deadline): Promise<Found> {
    const hurry = { hedges, deadline };
    const { users, items, degraded } = await features.get(batch.users, batch.items, hurry);
    const encoded = batch.contexts.map((each) => transform.encodeEntity('context', '', each));
    const first: EncodedEntity = encoded[0] ?? transform.encodeEntity('context', '', {});
    const contexts = encoded.length > 1 ? encoded : users.map(() => first);
    return { examples: transform.assemble(users, items, contexts), degraded };
  }

  async function score({ examples, degraded }: Found, deadline: Deadline) {
    const found = await rows.pooledRows(examples, deadline);
    // What comes too late is shown to nobody, and must not be logged as if it were.
    deadline.require(bus.names.subject.rank);
    const version = versions.versionFor(found.through);
    if (!version)
      throw new StarlingError('NOT_READY', 'no dense version has reached this data center yet.');
    const logits = scorer.score(
      { rowCount: examples.rowCount, pooled: found.pooled, dense: examples.dense },
      { version: version.denseVersion, values: version.parameters },
    );
    const rate = config.joining.negativeSamplingRate;
    counts.scored += examples.rowCount;
    if (found.degraded || degraded) counts.degraded++;
    if (found.rerouted) counts.rowsRerouted++;
    return {
      scores: Float32Array.from(logits, (logit) => correctedProbability(logit, rate)),
      denseVersion: version.denseVersion,
      through: found.through,
      degraded: found.degraded || degraded,
      rerouted: found.rerouted,
      dataCenter: identity.dataCenter,
    };
  }

  /** What was shown, with the features and the score it was shown with: what a label is later joined to. */
  async function logImpressions(
    batch: RankBatch,
    examples: ExampleBatch,
    scores: Float32Array,
  ): Promise<void> {
    const { requestIds, users, items, atMs, facts } = batch;
    const message = impressionsMessage(spec, {
      ...{ requestIds, users, items, atMs },
      ...{ scores, facts, examples },
    });
    try {
      await bus.append(bus.names.subject.ingest('impression'), encode(message), {
        timeoutMs: config.serving.deadlineMs,
      });
      counts.logged += users.length;
      logFails = false;
    } catch (error) {
      counts.unlogged += users.length;
      if (!logFails)
        log.warn({ code: codeOf(error), err: messageOf(error) }, 'log refuses impressions');
      logFails = true;
      throw error;
    }
  }

  /** @returns whether the log has the impressions by now; it may yet take them later. */
  async function offerImpressions(logging: Promise<void>, deadline: Deadline): Promise<boolean> {
    const logged = logging.then(
      () => true,
      () => false, // Told by logImpressions.
    );
    return (await inTime(deadline.share(offeredShare, offeredMsMax), logged)) ?? false;
  }

  async function rankBatch(value: unknown, deadline: Deadline) {
    const batch = parseRankBatch(value, config.serving.candidatesMax);
    if (cameFromElsewhere(context, batch.from)) counts.rerouted++;
    const found = await examplesOf(batch, deadline);
    const { examples } = found;
    const result = await score(found, deadline);
    if (batch.log === 'none') return rankBatchReply(result);
    const logging = logImpressions(batch, examples, result.scores);
    if (batch.log === 'offered') {
      const logged = await offerImpressions(logging, deadline);
      return rankBatchReply({ ...result, degraded: result.degraded || !logged });
    }
    await logging;
    return rankBatchReply(result);
  }

  async function rankPublic(value: unknown, deadline: Deadline) {
    const request = parseRank(value, config.serving);
    if (cameFromElsewhere(context, request.from)) counts.rerouted++;
    const users = request.candidates.map(() => request.user);
    const batch = {
      requestIds: [],
      users,
      items: request.candidates,
      atMs: new Float64Array(0),
      contexts: [request.context],
      log: 'none' as const,
      facts: noFacts,
    };
    const found = await examplesOf(batch, deadline);
    const { scores, denseVersion, degraded, dataCenter } = await score(found, deadline);
    return {
      scores: Array.from(scores),
      modelVersion: denseVersion,
      dataCenter,
      degraded,
      elsewhere: hedges.elsewhere,
    };
  }

  return {
    async start() {
      const backend = await loadBackend(config.model.backend);
      backendName = backend.name;
      scorer = createScorer(backend, blueprint.model);
      features.start();
      await versions.start();
      endpoint = new ServedEndpoint(bus, {
        subject: bus.names.subject.rank,
        example: publicExamples.rank,
        alsoAt: bus.names.subject.rankAt(identity.dataCenter),
        answersAt: answersAt(context),
        queue: 'ranker',
        open,
        inFlightMax: 64,
        deadlineMs: config.serving.deadlineMs,
        handle: async (value, deadline) =>
          isRankBatch(value) ? rankBatch(value, deadline) : rankPublic(value, deadline),
      });
      log.info({ backend: backendName }, 'scoring');
    },
    async stop() {
      await endpoint?.stop();
      await versions.stop();
      await features.stop();
      scorer?.dispose();
    },
    /**
     * Recommenders of the data center that still answer what they were given find a ranker of another one meanwhile,
     * as when this one dies; so neither kind has to leave before the other.
     */
    async serve(wanted) {
      open = wanted;
      await (open ? endpoint?.resume() : endpoint?.suspend());
    },
    stats() {
      const rank = endpoint?.stats() ?? null;
      return {
        ...counts,
        hedged: hedges.count,
        backend: backendName,
        denseVersion: versions.activeVersion,
        denseWaiting: versions.waiting,
        featureHits: features.hits,
        featureMisses: features.misses,
        rank,
        rankLatency: endpoint ? Array.from(endpoint.latency.encode()) : [],
        health: { p99Ms: rank?.recentP99Ms ?? null },
      };
    },
  };
}
