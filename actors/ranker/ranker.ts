import { StarlingError } from '../../core/base/errors.js';
import { correctedProbability } from '../../core/model/calibration.js';
import { denseLayout } from '../../core/model/dense-parameters.js';
import { loadBackend } from '../../core/model/backend.js';
import type { Scorer } from '../../core/model/scorer.js';
import { createScorer } from '../../core/model/scorer.js';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import { createTransform } from '../../core/features/transform.js';
import type { EncodedEntity } from '../../core/features/transform.js';
import { encode, protocolVersion } from '../../messages/codec.js';
import { impressionsMessage } from '../../messages/events.js';
import { parseRank } from '../../messages/public.js';
import type { RankBatch } from '../../messages/ranking.js';
import { isRankBatch, parseRankBatch } from '../../messages/ranking.js';
import { subject } from '../../messages/subjects.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { ServedEndpoint } from '../../runtime/serve.js';
import { blueprintOf } from '../shared/blueprint.js';
import { FeatureSource } from '../shared/feature-source.js';
import { DenseFollower } from './dense-follower.js';
import { RowSource } from './row-source.js';

/**
 * Scores candidates with the dense network, local rows and local features. Replicas form one queue group; when one
 * dies its peers, or another data center, take over.
 */
export function createRanker(context: ActorContext): Actor {
  const { bus, config, identity, log } = context;
  const blueprint = blueprintOf(config);
  const { spec } = blueprint;
  const transform = createTransform(spec);
  const features = new FeatureSource(bus, transform);
  const rows = new RowSource(context, blueprint);
  const versions = new DenseFollower(context, {
    hash: blueprint.hash,
    parameterCount: denseLayout(blueprint.model).size,
  });
  const counts = { scored: 0, logged: 0, degraded: 0, rerouted: 0 };
  let scorer: Scorer;
  let backendName = '';
  let endpoint: ServedEndpoint | undefined;

  async function examplesOf(batch: RankBatch): Promise<ExampleBatch> {
    const { users, items } = await features.get(batch.users, batch.items);
    const encoded = batch.contexts.map((each) => transform.encodeEntity('context', '', each));
    const first: EncodedEntity = encoded[0] ?? transform.encodeEntity('context', '', {});
    return transform.assemble(users, items, encoded.length > 1 ? encoded : users.map(() => first));
  }

  async function score(examples: ExampleBatch) {
    const found = await rows.pooledRows(examples);
    const version = versions.versionFor(found.through);
    if (!version)
      throw new StarlingError('NOT_READY', 'no dense version has reached this data center yet.');
    const logits = scorer.score(
      { rowCount: examples.rowCount, pooled: found.pooled, dense: examples.dense },
      { version: version.denseVersion, values: version.parameters },
    );
    const rate = config.joining.negativeSamplingRate;
    counts.scored += examples.rowCount;
    if (found.degraded) counts.degraded++;
    if (found.rerouted) counts.rerouted++;
    return {
      scores: Float32Array.from(logits, (logit) => correctedProbability(logit, rate)),
      denseVersion: version.denseVersion,
      through: found.through,
      degraded: found.degraded,
      rerouted: found.rerouted,
      dataCenter: identity.dataCenter,
    };
  }

  /** The answer leaves only after the log has the impressions: what was shown is then known for good. */
  async function logImpressions(
    batch: RankBatch,
    examples: ExampleBatch,
    scores: Float32Array,
  ): Promise<void> {
    const { requestIds, users, items, atMs } = batch;
    const message = impressionsMessage(spec.hash, {
      requestIds,
      users,
      items,
      atMs,
      scores,
      examples,
    });
    await bus.append(subject.ingest('impression'), encode(message), {
      timeoutMs: config.serving.deadlineMs,
    });
    counts.logged += users.length;
  }

  async function rankBatch(value: unknown) {
    const batch = parseRankBatch(value, config.serving.candidatesMax);
    const examples = await examplesOf(batch);
    const result = await score(examples);
    if (batch.log) await logImpressions(batch, examples, result.scores);
    return { v: protocolVersion, ...result };
  }

  async function rankPublic(value: unknown) {
    const request = parseRank(value, config.serving);
    const users = request.candidates.map(() => request.user);
    const batch = {
      requestIds: [],
      users,
      items: request.candidates,
      atMs: new Float64Array(0),
      contexts: [request.context],
      log: false,
    };
    const { scores, denseVersion, degraded, dataCenter } = await score(await examplesOf(batch));
    return { scores: Array.from(scores), modelVersion: denseVersion, dataCenter, degraded };
  }

  return {
    async start() {
      const backend = await loadBackend(config.model.backend);
      backendName = backend.name;
      scorer = createScorer(backend, blueprint.model);
      features.start();
      await versions.start();
      endpoint = new ServedEndpoint(bus, {
        subject: subject.rank,
        queue: 'ranker',
        inFlightMax: 64,
        deadlineMs: config.serving.deadlineMs,
        handle: async (value) => (isRankBatch(value) ? rankBatch(value) : rankPublic(value)),
      });
      log.info({ backend: backendName }, 'scoring');
    },
    async stop() {
      await endpoint?.stop();
      await versions.stop();
      await features.stop();
      scorer?.dispose();
    },
    stats: () => ({
      ...counts,
      backend: backendName,
      denseVersion: versions.activeVersion,
      denseWaiting: versions.waiting,
      featureHits: features.hits,
      featureMisses: features.misses,
      rank: endpoint?.stats(),
      rankLatency: endpoint ? Array.from(endpoint.latency.encode()) : [],
    }),
  };
}
