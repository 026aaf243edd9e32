import { StarlingError, codeOf } from '../core/base/errors.js';
import type { PublicLimits } from '../messages/public.js';
import { parseRank, parseRecommend } from '../messages/public.js';
import type { RankBatch, RankBatchReply } from '../messages/ranking.js';
import { parseRankBatchReply, rankBatchMessage } from '../messages/ranking.js';
import type { Bus } from '../runtime/bus/bus.js';
import { call } from '../runtime/idempotent-call.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import { parseClusterStatus, statusMessage } from '../messages/cluster-status.js';
import type { ClusterLocation } from './connect.js';
import { openConnection } from './connect.js';
import { Detour } from './detour.js';
import type {
  ActionInput,
  AliasInput,
  EraseInput,
  EventInput,
  ShownInput,
  FeaturesInput,
  ImpressionInput,
  IngestOptions,
  IngestReceipt,
  ItemInput,
  MergeInput,
  UserInput,
} from './ingest.js';
import { ingest } from './ingest.js';
import type { Ranking, Recommendation } from './replies.js';
import { parseRanking, parseRecommendation } from './replies.js';

/** Ids may be numbers: 42 and "42" are the same user. */
export type Id = string | number;

export interface ExcludeInput {
  readonly items?: readonly Id[] | undefined;
  /** Types of events; those of the configuration if left out. */
  readonly events?: readonly string[] | undefined;
  /** How long ago, such as '30d'; as in the configuration if left out. */
  readonly within?: string | undefined;
}

export interface RecommendInput {
  readonly user?: Id | undefined;
  /** An anonymous id, instead of a user or beside one; both say that they are one person from now on. */
  readonly visitor?: Id | undefined;
  /** How many items; 10 if left out. */
  readonly k?: number | undefined;
  /** Context features by the name of their source. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** Choose among these only. */
  readonly candidates?: readonly Id[] | undefined;
  /** In CEL, such as 'item.stock > 0 && item.price <= 50'; or attributes of items by name, with the value or values allowed. */
  readonly filter?: string | Readonly<Record<string, Id | readonly Id[]>> | undefined;
  /** Items, or also what the person did something with lately: types of events, within a duration such as '30d'. */
  readonly exclude?: readonly Id[] | ExcludeInput | undefined;
  /** Attributes of items that the answer is to have, such as a title. */
  readonly attributes?: readonly string[] | undefined;
  /** Drawn if left out. */
  readonly requestId?: string | undefined;
  /**
   * true, which is usual: all that is answered counts as shown. `shown`: an item counts once `ingestShown` or an event says so.
   * false: nothing is logged, as of probes, and no event can follow; the answer has no request id.
   */
  readonly log?: boolean | 'shown' | undefined;
  /** The data center that the user belongs to, which may be down; that of the connection if left out. */
  readonly from?: string | undefined;
}

export interface RankInput {
  readonly user?: Id | undefined;
  /** As of a recommendation. */
  readonly visitor?: Id | undefined;
  readonly candidates: readonly Id[];
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** As of a recommendation. */
  readonly from?: string | undefined;
}

export interface ClientOptions {
  /** Shown in the lists of connections of the servers. */
  readonly connectionName?: string | undefined;
  /**
   * For one call; 5 s if left out. What is not answered after half of it is asked again, perhaps another replica, and
   * the first answer counts. Too low: callers fail while a replica is being replaced. Too high: they hang.
   */
  readonly deadlineMs?: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
}

/** What one call is given in place of what the client was made with. */
export interface CallOptions {
  readonly deadlineMs?: number | undefined;
}

/** A connection to a cluster. All methods throw StarlingError, whose `code` tells what happened. */
export interface StarlingClient {
  /** The k best items for a user; they are logged as impressions, so that actions may follow. */
  recommend(request: RecommendInput, options?: CallOptions): Promise<Recommendation>;
  /** Scores of given candidates; nothing is logged. */
  rank(request: RankInput, options?: CallOptions): Promise<Ranking>;
  /** Many pairs of user and item in one message, by column. */
  rankBatch(batch: RankBatch): Promise<RankBatchReply>;
  /** What was shown by somebody else than `recommend`. */
  ingestImpressions(
    events: readonly ImpressionInput[],
    options?: IngestOptions,
  ): Promise<IngestReceipt>;
  /** What people did, with the items of a request or of their own accord. */
  ingestEvents(events: readonly EventInput[], options?: IngestOptions): Promise<IngestReceipt>;
  /** What `ingestEvents` was called first. */
  ingestActions(events: readonly ActionInput[], options?: IngestOptions): Promise<IngestReceipt>;
  /** What was on screen, of slates that were asked for with `log: 'shown'`. */
  ingestShown(events: readonly ShownInput[], options?: IngestOptions): Promise<IngestReceipt>;
  /** Which users visitors are. */
  ingestAliases(events: readonly AliasInput[], options?: IngestOptions): Promise<IngestReceipt>;
  /** Accounts `from` that are those of users `to` as well: what they did, and all that comes under their names, is of the others. */
  ingestMerges(events: readonly MergeInput[], options?: IngestOptions): Promise<IngestReceipt>;
  /**
   * People who are to be forgotten, with all that they were by other names; operators may, clients may not (FORBIDDEN). What happened
   * by the moment of acceptance is forgotten, also what arrives later; who comes later under that id is somebody new.
   */
  ingestErasures(events: readonly EraseInput[], options?: IngestOptions): Promise<IngestReceipt>;
  /**
   * What is known of items: features, and whatever else is to be filtered on or returned. What an event does not name stays, unless it
   * says `mode: 'replace'`; `deleted: true` takes the item away.
   */
  ingestItems(events: readonly ItemInput[], options?: IngestOptions): Promise<IngestReceipt>;
  ingestUsers(events: readonly UserInput[], options?: IngestOptions): Promise<IngestReceipt>;
  /** Both by one name, as they were told first. */
  ingestFeatures(events: readonly FeaturesInput[], options?: IngestOptions): Promise<IngestReceipt>;
  status(): Promise<ClusterStatus>;
  close(): Promise<void>;
}

const deadlineMsDefault = 5_000;
const connectTimeoutMsDefault = 5_000;

/** How much may be asked for is the cluster's to say; here only the shape is checked. */
const noLimits: PublicLimits = {
  kMax: Number.MAX_SAFE_INTEGER,
  candidatesMax: Number.MAX_SAFE_INTEGER,
};

/**
 * Connects to a running cluster, by the URLs of its NATS servers or by its state folder on this host.
 *
 * @throws StarlingError NOT_RUNNING or UNAVAILABLE when it can't be reached.
 */
export async function connectStarling(
  options: ClusterLocation & ClientOptions,
): Promise<StarlingClient> {
  const bus = await openConnection(options, {
    connectionName: options.connectionName ?? 'starling-client',
    connectTimeoutMs: options.connectTimeoutMs ?? connectTimeoutMsDefault,
  });
  return clientOn(bus, options.deadlineMs ?? deadlineMsDefault);
}

/** The client over a connection that somebody else opened; `close` closes it. */
export function clientOn(bus: Bus, deadlineMs: number = deadlineMsDefault): StarlingClient {
  const limited = <T extends CallOptions>(options?: T) => ({
    ...options,
    deadlineMs: options?.deadlineMs ?? deadlineMs,
  });
  const timesOf = (options?: CallOptions) => {
    const limit = limited(options).deadlineMs;
    return { deadlineMs: limit, attemptMs: limit / 2 };
  };
  const detour = new Detour(bus);
  const withHome = (batch: RankBatch): RankBatch => {
    const from = batch.from ?? bus.home;
    return from === undefined ? batch : { ...batch, from };
  };
  return {
    async recommend(request, options) {
      // Drawn here, so that a second attempt is the same request to those who log it.
      const idempotencyKey = request.requestId === undefined ? bus.random.id() : undefined;
      const checked = parseRecommend(
        withoutGaps({ ...request, idempotencyKey, from: request.from ?? bus.home }),
        noLimits,
      );
      const { recommend, recommendAt } = bus.names.subject;
      const reply = await detour.call(recommend, recommendAt, checked, timesOf(options));
      return parseRecommendation(reply);
    },
    async rank(request, options) {
      const from = request.from ?? bus.home;
      const checked = parseRank(withoutGaps({ ...request, from }), noLimits);
      const { rank, rankAt } = bus.names.subject;
      const reply = await detour.call(rank, rankAt, checked, timesOf(options));
      return parseRanking(reply, checked.candidates.length);
    },
    async rankBatch(batch) {
      const message = rankBatchMessage(withHome(batch));
      const reply = await call(bus, bus.names.subject.rank, message, timesOf());
      return parseRankBatchReply(reply, batch.users.length);
    },
    ingestImpressions: (events, options) => ingest(bus, 'impression', events, limited(options)),
    ingestEvents: (events, options) => ingest(bus, 'event', events, limited(options)),
    ingestShown: (events, options) => ingest(bus, 'shown', events, limited(options)),
    ingestAliases: (events, options) => ingest(bus, 'alias', events, limited(options)),
    ingestMerges: (events, options) => ingest(bus, 'merge', events, limited(options)),
    ingestErasures: (events, options) => ingest(bus, 'erase', events, limited(options)),
    ingestActions: (events, options) => ingest(bus, 'action', events, limited(options)),
    ingestItems: (events, options) => ingest(bus, 'items', events, limited(options)),
    ingestUsers: (events, options) => ingest(bus, 'users', events, limited(options)),
    ingestFeatures: (events, options) => ingest(bus, 'features', events, limited(options)),
    async status() {
      try {
        return parseClusterStatus(
          await call(bus, bus.names.subject.status, statusMessage(), timesOf()),
        );
      } catch (cause) {
        if (codeOf(cause) !== 'NO_RESPONDERS') throw cause;
        const { cluster } = bus.names;
        const text = `nobody answers for a cluster named "${cluster}" on these NATS servers.`;
        throw new StarlingError('NOT_RUNNING', text, { cluster }, { cause });
      }
    },
    close: () => bus.close(),
  };
}

/** A field that is there but undefined counts as left out. */
function withoutGaps(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
