import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import { joinPartitions } from '../../core/config/join-partitions.js';
import { attributeTypesOf, contextTypesOf } from '../../core/features/attributes.js';
import { joinPartitionOf } from '../../core/joining/join-partition.js';
import { Catalog } from '../../core/retrieval/catalog.js';
import { decode, protocolVersion } from '../../messages/codec.js';
import type { FeaturesReply, FeaturesRequest } from '../../messages/features.js';
import { featuresRequest, parseFeaturesReply } from '../../messages/features.js';
import { parseRecommend, publicExamples } from '../../messages/public.js';
import type { RankBatch, RankBatchReply } from '../../messages/ranking.js';
import {
  isLackingReply,
  parsePopular,
  parseRankBatchReply,
  rankBatchMessage,
} from '../../messages/ranking.js';
import { placedRequestId } from '../../messages/request-ids.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import type { Deadline } from '../../runtime/deadline.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { followFeatures } from '../shared/follow-features.js';
import { answersAt } from '../shared/guest-replicas.js';
import { ImpressionAppends } from '../shared/impression-appends.js';
import { AnsweringModels } from '../shared/answering-models.js';
import { standingOf } from '../shared/model-standing.js';
import { Hedges } from '../shared/replica-hedges.js';
import { SettingsFollower } from '../shared/settings-follower.js';
import { cameFromElsewhere } from '../shared/rerouted-request.js';
import { CandidateScores } from './candidate-scores.js';
import { CatalogPlaces } from './catalog-places.js';
import { CatalogTarget } from '../shared/catalog-target.js';
import { ItemFilters } from './item-filters.js';
import { LatelyDone } from './lately-done.js';
import { Recommendations } from './recommendations.js';
import { SliceTurns } from './slice-turns.js';
import { ShownAttributes } from './shown-attributes.js';

/** A ranker that is only busy need not be asked again. */
const attemptMsMin = 50;

/** The parts of a recommender, each given the others that it needs. */
function partsOf(context: ActorContext, overloaded: () => void) {
  const { bus, clock, config, log } = context;
  const { serving } = config;
  const partitions = joinPartitions(config);
  const scope = {
    item: attributeTypesOf(config.features, config.attributes, 'item'),
    user: attributeTypesOf(config.features, config.attributes, 'user'),
    context: contextTypesOf(config.features),
  };
  const catalog = new Catalog(scope.item);
  const places = new CatalogPlaces(catalog, context.random.id());
  const items = followFeatures(context, new CatalogTarget(catalog), ['item']);
  const answering = new AnsweringModels({
    clock,
    standing: (model) => standingOf(context, model),
    changed: (model) => log.info({ model }, 'another model answers'),
  });
  const settings: SettingsFollower = new SettingsFollower(context, () =>
    answering.heed(settings.models),
  );
  const hedges = new Hedges(context);
  const scores = new CandidateScores({
    rank: (batch, deadlineMs) => askModels(context, { hedges, answering }, batch, deadlineMs),
    placesOf: (ids) => places.of(ids),
    deadlineMsMax: serving.deadlineMs,
    nowMs: () => clock.wallMs(),
  });
  const ask = (request: FeaturesRequest, deadlineMs: number) =>
    askStore(context, hedges, request, deadlineMs);
  const nowMs = () => clock.wallMs();
  const exclude = () => settings.config.serving.exclude;
  const random = (): number => context.random.next();
  const impressions = new ImpressionAppends({ bus, log, timeoutMs: serving.deadlineMs });
  const recommendations = new Recommendations({
    ...{ catalog, scores, impressions, overloaded, serving, nowMs, turns: new SliceTurns(clock) },
    filters: new ItemFilters({ scope, ask, nowMs }),
    attributes: new ShownAttributes({ ask }),
    lately: new LatelyDone({ config, exclude, nowMs, ask }),
    random,
    newId: () => context.random.id(),
    itemsSubject: context.bus.names.subject.ingest('items'),
    placed: (id, user) => placedRequestId(id, joinPartitionOf(user, partitions), partitions),
  });
  return { catalog, items, settings, hedges, impressions, recommendations, answering };
}

/**
 * The public request: candidates, scores, slate. A slate that rankers have scored is logged as impressions before the answer
 * leaves, with the features and scores that the ranker used, so that the actions to come find what they belong to. Where the log is
 * late or refuses, the answer leaves without it, `degraded`. Not logged: with `log: false`, and slates in no order, of which nothing
 * can be learned.
 */
export function createRecommender(context: ActorContext): Actor<'recommender'> {
  const { bus, config, identity, log } = context;
  const { serving } = config;
  const { dataCenter } = identity;
  // Answers in no order cost, too: as many requests are let in as rankers can take.
  const overloaded = (): void => endpoint?.backOff();
  const parts = partsOf(context, overloaded);
  const { catalog, items, settings, hedges, impressions, recommendations } = parts;
  let popular: Stoppable | undefined;
  let endpoint: ServedEndpoint | undefined;
  let rerouted = 0;
  let open = true;

  async function recommend(value: unknown, deadline: Deadline) {
    const request = parseRecommend(value, serving);
    if (cameFromElsewhere(context, request.from)) rerouted++;
    if (!items.isWhole)
      throw new StarlingError('NOT_READY', 'the items are being restored from a snapshot.');
    const recommendation = await recommendations.recommend(request, deadline);
    return { ...recommendation, dataCenter, elsewhere: hedges.elsewhere };
  }

  function hearPopular(bytes: Uint8Array): void {
    try {
      catalog.setPopular(parsePopular(decode(bytes)).items);
    } catch (error) {
      const err = messageOf(error);
      log.warn({ err }, 'unreadable notice of popular items; the last one stays');
    }
  }

  return {
    async start() {
      await Promise.all([items.start(), settings.start()]);
      popular = bus.subscribe(bus.names.subject.popular, hearPopular);
      endpoint = new ServedEndpoint(bus, {
        subject: bus.names.subject.recommend,
        example: publicExamples.recommend,
        alsoAt: bus.names.subject.recommendAt(dataCenter),
        answersAt: answersAt(context),
        queue: 'recommender',
        open,
        inFlightMax: 128,
        byTime: true,
        // Scoring and logging have their own deadlines, each shorter than this.
        deadlineMs: 2 * serving.deadlineMs + 100,
        handle: recommend,
      });
    },
    async stop() {
      await endpoint?.stop();
      await Promise.all([popular?.stop(), items.stop(), settings.stop(), parts.answering.stop()]);
    },
    async serve(wanted) {
      open = wanted;
      await (open ? endpoint?.resume() : endpoint?.suspend());
    },
    stats() {
      const recommend = endpoint?.stats() ?? null;
      return {
        ...recommendations.counts,
        ...impressions.counts,
        /** Requests from another data center. */
        rerouted,
        hedged: hedges.count,
        items: catalog.size,
        ...items.stats,
        settingsVersion: settings.version,
        settings: settings.text,
        recommend,
        health: { p99Ms: recommend?.recentP99Ms ?? null },
        protocol: protocolVersion,
      };
    },
  };
}

async function askStore(
  { bus }: Pick<ActorContext, 'bus'>,
  hedges: Pick<Hedges, 'call'>,
  request: FeaturesRequest,
  deadlineMs: number,
): Promise<FeaturesReply> {
  const { featuresGet, featuresGetAt } = bus.names.subject;
  const options = { deadlineMs, retry: 'none' as const };
  const message = featuresRequest(request);
  const reply = await hedges.call(featuresGet, featuresGetAt, message, options);
  return parseFeaturesReply(reply, request);
}

type AskingContext = Pick<ActorContext, 'bus' | 'identity' | 'clock'>;

/** The model that answers here, or the canary; where none of its rankers is left, the other one that there is. */
async function askModels(
  context: AskingContext,
  {
    hedges,
    answering,
  }: { readonly hedges: Pick<Hedges, 'call'>; readonly answering: AnsweringModels },
  batch: RankBatch,
  deadlineMs: number,
): Promise<RankBatchReply> {
  if (answering.isOne) return askRanker(context, hedges, undefined, batch, deadlineMs);
  const endMs = context.clock.nowMs() + deadlineMs;
  const model = answering.modelFor(batch.users[0] ?? '');
  const other = model === answering.live ? answering.other : answering.live;
  const ask = (of: string): Promise<RankBatchReply> => {
    const leftMs = Math.max(1, endMs - context.clock.nowMs());
    return askRanker(context, hedges, of, batch, leftMs);
  };
  try {
    return await ask(model);
  } catch (error) {
    if (other === undefined || codeOf(error) !== 'NO_RESPONDERS') throw error;
    return ask(other);
  }
}

/** With places first, where there are any: with ids where a ranker does not know them yet, or reads none. */
async function askRanker(
  { bus, identity, clock }: AskingContext,
  hedges: Pick<Hedges, 'call'>,
  model: string | undefined,
  batch: RankBatch,
  deadlineMs: number,
): Promise<RankBatchReply> {
  const endMs = clock.nowMs() + deadlineMs;
  const { rank, rankAt, rankOf, rankOfAt } = bus.names.subject;
  // While nobody has chosen among models, those are asked who have always been.
  const [subject, at] =
    model === undefined
      ? ([rank, rankAt] as const)
      : ([rankOf(model), (dataCenter: string): string => rankOfAt(dataCenter, model)] as const);
  const ask = async (isShort: boolean): Promise<unknown> => {
    const leftMs = Math.max(1, endMs - clock.nowMs());
    const request = rankBatchMessage({ ...batch, from: identity.dataCenter }, { isShort }, model);
    const attemptMs = Math.max(attemptMsMin, leftMs / 2);
    const options = { deadlineMs: leftMs, attemptMs, refused: 'final' as const };
    return hedges.call(subject, at, request, options);
  };
  const short = batch.places && (await unlessUnread(ask(true)));
  const reply = short === undefined || isLackingReply(short) ? await ask(false) : short;
  return parseRankBatchReply(reply, batch.users.length, model);
}

/** Undefined where a ranker of an earlier release misses the ids. */
async function unlessUnread(reply: Promise<unknown>): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    if (codeOf(error) !== 'BAD_MESSAGE') throw error;
    return undefined;
  }
}
