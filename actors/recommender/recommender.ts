import { randomUUID } from 'node:crypto';
import { codeOf, errorCodes } from '../../core/base/errors.js';
import { noFacts } from '../../core/joining/event-facts.js';
import { chooseSlate } from '../../core/retrieval/slate.js';
import { decode, protocolVersion } from '../../messages/codec.js';
import { parseFeatureChange } from '../../messages/features.js';
import type { RecommendRequest } from '../../messages/public.js';
import { parseRecommend, publicExamples } from '../../messages/public.js';
import type { RankBatch, RankBatchReply } from '../../messages/ranking.js';
import { parsePopular, parseRankBatchReply, rankBatchMessage } from '../../messages/ranking.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import type { Stoppable } from '../../runtime/bus.js';
import type { Deadline } from '../../runtime/deadline.js';
import { follow } from '../../runtime/followers/follow.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { answersAt } from '../shared/guest-replicas.js';
import { cameFromElsewhere } from '../shared/rerouted-request.js';
import { Hedges } from '../shared/replica-hedges.js';
import { Catalog } from './catalog.js';

/** Candidates per rank message: large enough to amortise it, small enough to share the work between rankers. */
const rankRowsMax = 2048;
/** Of the time that is left: candidates are scored within half of it, and the chosen ones logged within most of the rest. */
const scoreShare = 1 / 2;
const logShare = 9 / 10;
/** A ranker that is only busy need not be asked again. */
const attemptMsMin = 50;

type Scored = Pick<RankBatchReply, 'scores' | 'denseVersion' | 'rerouted' | 'degraded'>;

/**
 * The public request: candidates, scores, slate. What it answers has been logged as impressions first, with the
 * features and scores the ranker used, so that the actions to come find what they belong to.
 */
export function createRecommender(context: ActorContext): Actor<'recommender'> {
  const { bus, config, identity, log } = context;
  const catalog = new Catalog();
  const hedges = new Hedges(context);
  const heard: Stoppable[] = [];
  // Rerouted: requests from another data center, and those whose rows came from one.
  const counts = { recommended: 0, degraded: 0, rerouted: 0, rowsRerouted: 0 };
  let endpoint: ServedEndpoint | undefined;
  let open = true;

  function candidatesFor(request: RecommendRequest): string[] {
    const exclude = new Set(request.exclude);
    if (request.candidates) {
      return [...new Set(request.candidates)].filter(
        (id) => !exclude.has(id) && catalog.matches(id, request.filter),
      );
    }
    const { candidatesMax, popularItems, recentItems } = config.serving;
    return catalog.candidates(
      { exclude, filter: request.filter },
      { max: candidatesMax, popular: popularItems, recent: recentItems, start: Math.random() },
    );
  }

  async function rank(batch: RankBatch, deadlineMs: number): Promise<RankBatchReply> {
    const request = rankBatchMessage({ ...batch, from: identity.dataCenter });
    const options = { deadlineMs, attemptMs: Math.max(attemptMsMin, deadlineMs / 2) };
    const reply = await hedges.call(
      bus.names.subject.rank,
      bus.names.subject.rankAt,
      request,
      options,
    );
    return parseRankBatchReply(reply, batch.users.length);
  }

  async function scoreAll(
    request: RecommendRequest,
    candidates: readonly string[],
    deadline: Deadline,
  ): Promise<Scored> {
    const scores = new Float32Array(candidates.length);
    const starts = Array.from(
      { length: Math.ceil(candidates.length / rankRowsMax) },
      (_unused, i) => i * rankRowsMax,
    );
    const deadlineMs = deadline.share(scoreShare, config.serving.deadlineMs);
    const replies = await Promise.all(
      starts.map(async (start) => {
        const items = candidates.slice(start, start + rankRowsMax);
        const users = items.map(() => request.user);
        const none = { requestIds: [], atMs: new Float64Array(0), log: 'none' as const };
        const batch = { ...none, facts: noFacts, users, items, contexts: [request.context] };
        const reply = await rank(batch, deadlineMs);
        scores.set(reply.scores, start);
        return reply;
      }),
    );
    return {
      scores,
      denseVersion: Math.min(...replies.map(({ denseVersion }) => denseVersion)),
      rerouted: replies.some(({ rerouted }) => rerouted),
      degraded: replies.some(({ degraded }) => degraded),
    };
  }

  /**
   * Scored once more as it is logged: the impression then holds the very features and score it was shown with. When no
   * ranker does that in time, the user sees what was chosen all the same, and the answer says `degraded`.
   */
  async function show(
    request: RecommendRequest,
    requestId: string,
    items: string[],
    deadline: Deadline,
  ): Promise<Scored | undefined> {
    const batch = {
      requestIds: items.map(() => requestId),
      users: items.map(() => request.user),
      items,
      atMs: new Float64Array(items.length).fill(Date.now()),
      contexts: [request.context],
      log: 'offered' as const,
      facts: noFacts,
    };
    try {
      return await rank(batch, deadline.share(logShare, config.serving.deadlineMs));
    } catch (error) {
      if (!errorCodes[codeOf(error)].retryable) throw error;
      return undefined;
    }
  }

  async function recommend(value: unknown, deadline: Deadline) {
    const request = parseRecommend(value, config.serving);
    if (cameFromElsewhere(context, request.from)) counts.rerouted++;
    const candidates = candidatesFor(request);
    const requestId = request.requestId ?? randomUUID();
    // Also where no items are known yet: that is nothing to recommend, and nothing to try again for.
    if (candidates.length === 0) {
      return {
        items: [],
        requestId,
        modelVersion: 0,
        dataCenter: identity.dataCenter,
        degraded: false,
      };
    }
    const scored = await scoreAll(request, candidates, deadline);
    const { exploration } = config.serving;
    const slate = chooseSlate({
      candidates,
      scores: scored.scores,
      k: request.k,
      exploration,
      random: Math.random,
    });
    const items = slate.map((i) => candidates[i]!);
    const shown = (await show(request, requestId, items, deadline)) ?? {
      ...scored,
      scores: Float32Array.from(slate, (i) => scored.scores[i]!),
      degraded: true,
    };
    const degraded = scored.degraded || shown.degraded;
    counts.recommended += items.length;
    if (degraded) counts.degraded++;
    if (shown.rerouted) counts.rowsRerouted++;
    return {
      items: items.map((item, i) => ({ item, score: shown.scores[i]! })),
      requestId,
      modelVersion: shown.denseVersion,
      dataCenter: identity.dataCenter,
      degraded,
      elsewhere: hedges.elsewhere,
    };
  }

  return {
    async start() {
      const catalogue = await follow(
        bus,
        {
          stream: bus.names.stream.featuresAt(identity.dataCenter),
          filter: bus.names.subject.features('item'),
        },
        ({ bytes }) => {
          const { ids, features } = parseFeatureChange(decode(bytes));
          ids.forEach((id, i) => catalog.put(id, features[i]!));
        },
        context.crash,
      );
      heard.push(catalogue);
      heard.push(
        bus.subscribe(bus.names.subject.popular, (bytes) => {
          try {
            catalog.setPopular(parsePopular(decode(bytes)).items);
          } catch (error) {
            log.warn(
              { err: String(error) },
              'unreadable notice of popular items; the last one stays',
            );
          }
        }),
      );
      await catalogue.caughtUp;
      endpoint = new ServedEndpoint(bus, {
        subject: bus.names.subject.recommend,
        example: publicExamples.recommend,
        alsoAt: bus.names.subject.recommendAt(identity.dataCenter),
        answersAt: answersAt(context),
        queue: 'recommender',
        open,
        inFlightMax: 128,
        // Scoring and logging have their own deadlines, each shorter than this.
        deadlineMs: 2 * config.serving.deadlineMs + 100,
        handle: recommend,
      });
    },
    async stop() {
      await endpoint?.stop();
      await Promise.all(heard.map((each) => each.stop()));
    },
    async serve(wanted) {
      open = wanted;
      await (open ? endpoint?.resume() : endpoint?.suspend());
    },
    stats() {
      const recommend = endpoint?.stats() ?? null;
      return {
        ...counts,
        hedged: hedges.count,
        items: catalog.size,
        recommend,
        health: { p99Ms: recommend?.recentP99Ms ?? null },
        protocol: protocolVersion,
      };
    },
  };
}
