import { scoringOf } from '../../core/blueprint/scoring.js';
import { blueprintOf, parameterCounts } from '../../core/blueprint/blueprint.js';
import { ownBackends } from '../../core/model/backend-source.js';
import { createTransform } from '../../core/features/transform.js';
import { modelOf } from '../../core/config/schema.js';
import { twoSidesOf } from '../../core/model/two-sides.js';
import { parseRank, personIn, publicExamples } from '../../messages/public.js';
import {
  isRankBatch,
  isStanding,
  lackingReply,
  parseRankBatch,
  standingReply,
} from '../../messages/ranking.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import type { Deadline } from '../../runtime/deadline.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { AnsweringModels } from '../shared/answering-models.js';
import { standingOf } from '../shared/model-standing.js';
import { FeatureSource } from '../shared/feature-source.js';
import { answersAt } from '../shared/guest-replicas.js';
import { Hedges } from '../shared/replica-hedges.js';
import { IgnoredImpressions } from '../shared/ignored-impressions.js';
import { SettingsFollower } from '../shared/settings-follower.js';
import { cameFromElsewhere } from '../shared/rerouted-request.js';
import { BackendScorer } from './backend-scorer.js';
import { DenseFollower } from './dense-follower.js';
import { ImpressionLog } from './impression-log.js';
import { KeptScores } from './kept-scores.js';
import { KnownItems } from './known-items.js';
import { RankAnswers } from './rank-answers.js';
import { Ranking } from './ranking.js';
import { RowSource } from './row-source.js';

/** The parts of a ranker, each given the others that it needs. */
function partsOf(context: ActorContext, changed: () => void) {
  const { bus, config, identity, log, random } = context;
  const { dataCenter } = identity;
  const blueprint = blueprintOf(config);
  const { spec, hash, model } = blueprint;
  const transform = createTransform(spec);
  const hedges = new Hedges(context);
  const features = new FeatureSource(bus, transform, dataCenter);
  const rows = new RowSource(context, blueprint, hedges);
  const parameterCount = parameterCounts({ model }).all;
  const versions = new DenseFollower(context, { hash, parameterCount, earlier: blueprint.earlier });
  const scorer = new BackendScorer();
  let scoring = scoringOf(config);
  const answering = new AnsweringModels({
    clock: context.clock,
    standing: (name) => standingOf(context, name),
    changed,
  });
  const settings: SettingsFollower = new SettingsFollower(context, () => {
    scoring = scoringOf(settings.config, settings.version);
    answering.heed(settings.models);
  });
  const sides = twoSidesOf(spec);
  /** Once the backend is there. */
  const openKept = (): KeptScores | undefined => {
    if (!scorer.split(model, sides)) return undefined;
    return new KeptScores({
      ...{ clock: context.clock, transform, features, rows, versions, sides, shape: blueprint },
      newScorer: () => scorer.split(model, sides)!,
    });
  };
  let kept: KeptScores | undefined;
  const ranking = new Ranking({
    ...{ transform, features, rows, versions, scorer, hedges, kept: () => kept },
    networkSize: parameterCounts({ model }).network,
    scoring: () => scoring,
  });
  const timeoutMs = config.serving.deadlineMs;
  const ignored = new IgnoredImpressions(config);
  const impressions = new ImpressionLog({
    ...{ bus, log, spec, timeoutMs, ignored },
    model: blueprint.of.name,
  });
  const answers = new RankAnswers({
    ...{ ranking, features, impressions, dataCenter, model: blueprint.of.name },
    random: () => random.next(),
  });
  const load = async (): Promise<void> => {
    await scorer.load(context.backends ?? ownBackends, config.model.backend, model);
    kept = openKept();
  };
  const standing = (): Promise<number> => rows.standing(timeoutMs);
  return {
    ...{ hedges, features, versions, scorer, settings, ranking, impressions, answers, load },
    ...{ answering, standing },
  };
}

/**
 * Scores candidates with the dense network, local rows and local features. Replicas form one queue group; when one
 * dies its peers, or another data center, take over.
 */
export function createRanker(context: ActorContext): Actor<'ranker'> {
  const { bus, config, identity, log } = context;
  const { serving } = config;
  const { name: model } = modelOf(config);
  const parts = partsOf(context, () => endpoint?.refresh());
  const { hedges, features, versions, scorer, settings, answers, answering } = parts;
  const known = new KnownItems();
  let endpoint: ServedEndpoint | undefined;
  let rerouted = 0;
  let open = true;

  async function rank(value: unknown, deadline: Deadline): Promise<object> {
    if (isStanding(value)) return standingReply(await parts.standing(), model);
    const request = isRankBatch(value)
      ? parseRankBatch(value, serving.candidatesMax, model)
      : parseRank(value, serving);
    if (cameFromElsewhere(context, request.from)) rerouted++;
    if ('log' in request) {
      const whole = known.whole(request);
      return whole ? answers.toBatch(whole, deadline) : lackingReply(model);
    }
    const asked = { ...request, user: personIn(request) };
    return { ...(await answers.toPeople(asked, deadline)), elsewhere: hedges.elsewhere };
  }

  return {
    async start() {
      await parts.load();
      features.start();
      await Promise.all([versions.start(), settings.start()]);
      endpoint = new ServedEndpoint(bus, {
        subject: bus.names.subject.rank,
        example: publicExamples.rank,
        alsoAt: bus.names.subject.rankAt(identity.dataCenter),
        // People ask whoever answers here; recommenders name the one that they mean.
        isAsked: () => answering.live === model,
        beside: {
          subject: bus.names.subject.rankOf(model),
          alsoAt: bus.names.subject.rankOfAt(identity.dataCenter, model),
        },
        answersAt: answersAt(context),
        queue: 'ranker',
        open,
        inFlightMax: 64,
        byTime: true,
        deadlineMs: serving.deadlineMs,
        handle: rank,
      });
      log.info({ backend: scorer.name }, 'scoring');
    },
    async stop() {
      await endpoint?.stop();
      await Promise.all([versions.stop(), settings.stop(), answering.stop()]);
      await features.stop();
      scorer.dispose();
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
        ...figuresOf(parts),
        /** Requests from another data center. */
        rerouted,
        rank,
        rankLatency: endpoint ? Array.from(endpoint.latency.encode()) : [],
        health: { p99Ms: rank?.recentP99Ms ?? null },
      };
    },
  };
}

function figuresOf(parts: ReturnType<typeof partsOf>) {
  const { ranking, impressions, hedges, scorer, settings, versions, features } = parts;
  return {
    ...ranking.counts,
    ...impressions.counts,
    hedged: hedges.count,
    backend: scorer.name,
    denseVersion: versions.activeVersion,
    denseWaiting: versions.waiting,
    settingsVersion: settings.version,
    settings: settings.text,
    featureHits: features.hits,
    featureMisses: features.misses,
  };
}
