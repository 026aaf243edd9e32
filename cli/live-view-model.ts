import { actorKinds, type ActorKind } from '../messages/actor-kinds.js';
import { actorsOf, type ActorStatus } from '../messages/actor-status.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import type { AudienceFigures } from '../audience/audience-figures.js';

/** The actors of one kind in one data center. */
export interface KindLine {
  readonly kind: ActorKind;
  readonly count: number;
  readonly ready: number;
  readonly restarts: number;
  /** Those that are not ready. */
  readonly troubled: readonly ActorStatus[];
}

export interface DataCenterView {
  readonly name: string;
  readonly role: string;
  readonly state: string;
  readonly nats: string;
  readonly kinds: readonly KindLine[];
}

export interface Freshness {
  readonly dataCenter: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LiveViewModel {
  readonly name: string;
  readonly leader: string;
  readonly uptimeMs: number;
  readonly dashboardUrl: string | undefined;
  /** What one may type in another terminal. */
  readonly next: string | undefined;
  readonly dataCenters: readonly DataCenterView[];
  /** Per second over the last seconds; NaN until two readings were taken. */
  readonly throughput: {
    readonly events: number;
    readonly samples: number;
    readonly batches: number;
  };
  readonly backend: string;
  /** Per inference data center; the slowest of its shards. */
  readonly freshness: readonly Freshness[];
  /** Undefined where there is none. */
  readonly audience: AudienceFigures | undefined;
  /** The latest supervision events, oldest first. */
  readonly events: readonly SupervisionEvent[];
}

/** Events kept for the view; fewer fit on a small screen. */
const eventsShown = 6;

type Counter = 'events' | 'samples' | 'batches';

/** What of an actor makes up which rate; undefined where it has not told. */
function countsOf(actor: ActorStatus): readonly (readonly [Counter, number | undefined])[] {
  switch (actor.kind) {
    case 'processor': {
      const { impressions, actions } = actor.stats;
      const isTold = impressions !== undefined && actions !== undefined;
      return [['events', isTold ? impressions + actions : undefined]];
    }
    case 'trainer':
      return [
        ['samples', actor.stats.samples],
        ['batches', actor.stats.batches],
      ];
    default:
      return [];
  }
}

/** Rates are taken over this long. Shorter: they flicker. Longer: a stop shows late. */
const rateWindowMs = 5_000;

/**
 * Turns counters that each actor keeps since its own start into rates of the cluster. A counter that fell belongs to a
 * new life of the actor: it counts from 0. The first reading of an actor only sets the mark.
 */
export class RateMeter {
  readonly #last = new Map<string, number>();
  readonly #totals: Record<Counter, number> = { events: 0, samples: 0, batches: 0 };
  readonly #history: {
    readonly atMs: number;
    readonly totals: Readonly<Record<Counter, number>>;
  }[] = [];

  observe(actors: readonly ActorStatus[], atMs: number): LiveViewModel['throughput'] {
    for (const actor of actors) {
      for (const [counter, value] of countsOf(actor)) {
        if (value === undefined) continue;
        const mark = `${actor.address} ${counter}`;
        const before = this.#last.get(mark) ?? value;
        this.#totals[counter] += value >= before ? value - before : value;
        this.#last.set(mark, value);
      }
    }
    this.#history.push({ atMs, totals: { ...this.#totals } });
    // One reading from before the window stays to begin with: they may be as far apart as the window is long.
    while (this.#history.length > 2 && this.#history[1]!.atMs <= atMs - rateWindowMs)
      this.#history.shift();
    const first = this.#history[0]!;
    const seconds = (atMs - first.atMs) / 1000;
    const rate = (counter: Counter): number =>
      seconds > 0 ? (this.#totals[counter] - first.totals[counter]) / seconds : NaN;
    return { events: rate('events'), samples: rate('samples'), batches: rate('batches') };
  }
}

/** Everything the screen shows, from one reading of the cluster and of the audience. */
export function liveViewModel(
  status: ClusterStatus,
  audience: AudienceFigures | undefined,
  context: {
    readonly throughput: LiveViewModel['throughput'];
    readonly nowMs: number;
    readonly dashboardUrl: string | undefined;
    readonly next?: string | undefined;
  },
): LiveViewModel {
  return {
    name: status.name,
    leader: status.leader,
    uptimeMs: Math.max(0, context.nowMs - status.startedAtMs),
    dashboardUrl: context.dashboardUrl,
    next: context.next,
    dataCenters: status.dataCenters.map((dataCenter) => ({
      ...dataCenter,
      nats: natsOf(status, dataCenter.name),
      kinds: kindLines(status.actors.filter((actor) => actor.dataCenter === dataCenter.name)),
    })),
    throughput: context.throughput,
    backend: backendOf(status.actors),
    freshness: status.dataCenters.flatMap(({ name }) => freshnessOf(name, status.actors)),
    audience,
    events: status.events.slice(-eventsShown),
  };
}

/** In the order of the kinds, which is that of the data. */
function kindLines(actors: readonly ActorStatus[]): KindLine[] {
  return actorKinds.flatMap((kind) => {
    const ofKind = actors.filter((actor) => actor.kind === kind);
    if (ofKind.length === 0) return [];
    const troubled = ofKind.filter((actor) => actor.state !== 'ready');
    const restarts = ofKind.reduce((sum, actor) => sum + actor.restarts, 0);
    return [
      { kind, count: ofKind.length, ready: ofKind.length - troubled.length, restarts, troubled },
    ];
  });
}

function natsOf(status: ClusterStatus, dataCenter: string): string {
  const servers = status.natsServers.filter((server) => server.dataCenter === dataCenter);
  return servers.map(({ url, pid }) => (pid === null ? url : `${url} (pid ${pid})`)).join(', ');
}

function backendOf(actors: readonly ActorStatus[]): string {
  const names = actorsOf(actors, 'trainer').flatMap(({ stats }) => stats.backend ?? []);
  return [...new Set(names)].join(', ');
}

/** The slowest shard decides: a recommendation needs rows of all of them. */
function freshnessOf(dataCenter: string, actors: readonly ActorStatus[]): Freshness[] {
  const shards = actorsOf(actors, 'serving-shard').filter(
    (shard) => shard.dataCenter === dataCenter,
  );
  if (shards.length === 0) return [];
  const slowest = (name: 'freshnessP50Ms' | 'freshnessP99Ms'): number => {
    const known = shards.flatMap(({ stats }) => stats[name] ?? []);
    return known.length > 0 ? Math.max(...known) : NaN;
  };
  return [{ dataCenter, p50Ms: slowest('freshnessP50Ms'), p99Ms: slowest('freshnessP99Ms') }];
}
