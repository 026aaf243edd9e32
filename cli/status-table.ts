import type { ClusterStatus } from '../messages/cluster-status.js';
import { kindTable } from '../messages/actor-kinds.js';
import { actorsOf, type ActorStatus } from '../messages/actor-status.js';
import type { Figures } from '../messages/stats/figures.js';
import { clockLines } from './clock-lines.js';
import { attributeLines } from './attribute-lines.js';
import { bookLines } from './event-books.js';
import { storageNotice } from './storage-notice.js';
import { alarmLines, qualityLines } from './quality-lines.js';
import { settingsLines } from './settings-lines.js';
import { table } from './text-table.js';

/** Lines for a person. */
export function statusLines(status: ClusterStatus, nowMs: number): string[] {
  const { name, leader, ready, startedAtMs, natsServer, backend } = status;
  const server = natsServer ? `, nats-server ${natsServer.version}` : '';
  const head = `${name}: ${ready ? 'ready' : 'not ready'}, up ${ago(nowMs - startedAtMs)}, leader ${leader}`;
  return [
    `${head}${server}${backend ? `, backend ${backend}` : ''}`,
    ...alarmLines(status, nowMs),
    ...settingsLines(status),
    ...qualityLines(status),
    ...bookLines(status),
    ...clockLines(status),
    ...attributeLines(status),
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
  dataCenter: ClusterStatus['dataCenters'][number],
): string[] {
  const { name, role, state } = dataCenter;
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
  const notice = storageNotice(dataCenter);
  return [title, ...(notice ? [`${name}: ${notice.text}`] : []), ...table(head, rows)];
}

function figures(actor: ActorStatus): string {
  const { stats, state, reason } = actor;
  const why = reason !== undefined && state !== 'ready' ? [reason] : [];
  const away = stats.awayAt === undefined ? [] : [`connected to ${stats.awayAt}`];
  return [...why, ...away, ...labelledFigures(actor), ...callsWithin(actor)].join(', ');
}

/** Of an actor that shares its process: the part of its requests that did not leave it. */
function callsWithin({ stats: { callsDirect, callsOverServer } }: ActorStatus): string[] {
  const all = (callsDirect ?? 0) + (callsOverServer ?? 0);
  if (callsDirect === undefined || all === 0) return [];
  return [`${Math.round((100 * callsDirect) / all)} % of its calls within its process`];
}

/** Those that its kind shows to a person, as far as they were heard. */
function labelledFigures({ kind, stats }: ActorStatus): string[] {
  const table: Figures = kindTable[kind].figures;
  const heard: Readonly<Record<string, unknown>> = stats;
  return Object.entries(table).flatMap(([name, { label }]) => {
    const value = heard[name];
    return label !== undefined && typeof value === 'number' ? [`${short(value)} ${label}`] : [];
  });
}

/** Requests made in other data centers, as those count them who answer requests; since they were started last. */
function reroutedTo(actors: readonly ActorStatus[]): number {
  return [...actorsOf(actors, 'recommender'), ...actorsOf(actors, 'ranker')].reduce(
    // Of one that has not told yet nobody knows of any.
    (sum, { stats }) => sum + (stats.rerouted ?? 0),
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
