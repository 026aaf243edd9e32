import type { ClusterStatus } from '../messages/cluster-status.js';
import type { ActorKind } from '../messages/actor-kinds.js';
import type { ActorStatus } from '../messages/actor-status.js';
import { table } from './text-table.js';

/** Main figures of a kind: the name in its statistics, and the words for it. */
const figuresOf: Readonly<Record<ActorKind, readonly (readonly [name: string, label: string])[]>> =
  {
    processor: [
      ['impressions', 'impressions'],
      ['actions', 'actions'],
      ['deadLettered', 'dead-lettered'],
    ],
    joiner: [
      ['impressions', 'impressions'],
      ['open', 'open'],
      ['positives', 'positives'],
      ['negatives', 'negatives'],
    ],
    'feature-store': [['entities', 'entities']],
    'ps-shard': [
      ['rows', 'rows'],
      ['appliedThrough', 'batches applied'],
    ],
    'dense-shard': [
      ['denseVersion', 'version'],
      ['batchesApplied', 'batches applied'],
    ],
    trainer: [
      ['samples', 'samples'],
      ['loss', 'loss'],
      ['queued', 'queued'],
    ],
    'serving-shard': [
      ['rows', 'rows'],
      ['freshnessP50Ms', 'ms fresh p50'],
      ['freshnessP99Ms', 'ms p99'],
      ['propagationP99Ms', 'ms p99 from training'],
    ],
    ranker: [
      ['scored', 'scored'],
      ['denseVersion', 'version'],
    ],
    recommender: [
      ['recommended', 'recommended'],
      ['items', 'items'],
    ],
  };

/** Lines for a person. */
export function statusLines(status: ClusterStatus, nowMs: number): string[] {
  const { name, leader, ready, startedAtMs, natsServer, backend } = status;
  const server = natsServer ? `, nats-server ${natsServer.version}` : '';
  const head = `${name}: ${ready ? 'ready' : 'not ready'}, up ${ago(nowMs - startedAtMs)}, leader ${leader}`;
  return [
    `${head}${server}${backend ? `, backend ${backend}` : ''}`,
    ...hostLines(status),
    ...status.dataCenters.flatMap((dataCenter) => ['', ...dataCenterLines(status, dataCenter)]),
  ];
}

/** A lone host goes without saying. */
function hostLines({ hosts, leader, term }: ClusterStatus): string[] {
  if (hosts.length < 2) return [];
  const rows = [...hosts]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, dataCenters, capacity, actors }) => [
      name,
      dataCenters.join(','),
      `${actors} of ${capacity}`,
      name === leader ? `leads, term ${term}` : '',
    ]);
  return ['', ...table(['host', 'data centers', 'actors', ''], rows)];
}

function dataCenterLines(
  status: ClusterStatus,
  { name, role, state }: ClusterStatus['dataCenters'][number],
): string[] {
  const servers = status.natsServers
    .filter((server) => server.dataCenter === name)
    .map(({ url, pid }) => (pid === null ? url : `${url} (pid ${pid})`));
  const actors = status.actors.filter((actor) => actor.dataCenter === name);
  const rerouted = reroutedTo(actors);
  const title = [
    `${name} (${role}): ${state}, NATS ${servers.join(', ') || 'not known'}`,
    ...(rerouted > 0 ? [`${short(rerouted)} rerouted here`] : []),
  ].join(', ');
  const rows = actors.map((actor) => [
    `${actor.kind}.${actor.address.slice(actor.address.lastIndexOf('.') + 1)}`,
    ...(status.hosts.length > 1 ? [actor.host] : []),
    actor.state,
    String(actor.epoch),
    String(actor.restarts),
    actor.pid === null ? '-' : String(actor.pid),
    actor.partitions && actor.partitions.length > 0 ? actor.partitions.join(',') : '-',
    figures(actor),
  ]);
  const host = status.hosts.length > 1 ? ['host'] : [];
  const head = ['actor', ...host, 'state', 'epoch', 'restarts', 'pid', 'partitions', ''];
  return [title, ...table(head, rows)];
}

function figures({ kind, stats, state, reason }: ActorStatus): string {
  const known = figuresOf[kind].flatMap(([name, label]) => {
    const value = stats[name];
    return typeof value === 'number' ? [`${short(value)} ${label}`] : [];
  });
  const why = reason !== undefined && state !== 'ready' ? [reason] : [];
  const { awayAt } = stats;
  const away = typeof awayAt === 'string' ? [`connected to ${awayAt}`] : [];
  return [...why, ...away, ...known].join(', ');
}

/** Requests made in other data centers, as those count them who answer requests; since they were started last. */
function reroutedTo(actors: readonly ActorStatus[]): number {
  return actors
    .filter(({ kind }) => kind === 'recommender' || kind === 'ranker')
    .reduce(
      (sum, { stats: { rerouted } }) => sum + (typeof rerouted === 'number' ? rerouted : 0),
      0,
    );
}

function short(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US');
  return value.toFixed(Math.abs(value) < 10 ? 3 : 0);
}

function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
