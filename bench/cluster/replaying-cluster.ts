import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import base from '../../cluster.config.js';
import { connectSites, readReplay } from '../../cli/run-replay.js';
import type { RunningCluster } from '../../cluster/cluster.js';
import { startCluster } from '../../cluster/cluster.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { actorsOf } from '../../messages/actor-status.js';
import type { EventTable } from '../../replay/event-files.js';
import type { ReplayOutcome } from '../../replay/replay.js';
import { replayEvents } from '../../replay/replay.js';
import { ownSite } from '../../site/nats-site.js';
import { movielensFolder } from '../movielens.js';
import { processorTimes } from '../serving/processor-times.js';

/** A cluster of the default configuration that learns from a replay: so many events each second, or all that it can. */
export interface ReplayingCluster {
  readonly cluster: RunningCluster;
  /** Resolves when a trainer has told how many samples it has learned: a moment of which the number is known. */
  readonly untilTold: () => Promise<number>;
}

export interface ReplayPace {
  /** Left out: as fast as it can, whatever becomes of freshness. */
  readonly eventsPerSecond?: number;
  /** Of the replay, so that it ends by itself; more than are measured. The file begins again where it has fewer. */
  readonly eventsMax: number;
}

/** What a cluster did in some seconds. */
export interface Watched {
  readonly samples: number;
  readonly seconds: number;
  /** Processor ms by kind, or kinds of one process; of this process, which is supervisor and replay, as `command line`. */
  readonly ms: ReadonlyMap<string, number>;
}

const pollMs = 10;
const silenceMsMax = 20_000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export const benchConfig = (): ClusterConfig => parseClusterConfig(base);

/** Ends the replay when `measure` has. */
export async function withReplay(
  { eventsPerSecond, eventsMax }: ReplayPace,
  measure: (replaying: ReplayingCluster) => Promise<void>,
): Promise<ReplayOutcome> {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-bench-'));
  const files = await interactions(folder, eventsMax);
  const cluster = await startCluster({
    config: benchConfig(),
    stateDir: path.join(folder, 'state'),
    openSite: ownSite,
  });
  const over = new AbortController();
  try {
    await cluster.untilReady(120_000);
    const sites = await connectSites(cluster, 'replay', 'admin');
    const events = repeated(files.events, eventsMax);
    const every = 1 / (eventsPerSecond ?? 1);
    const timestamps = events.timestamps.map((_unused, i) => events.timestamps[0]! + i * every);
    const speed = eventsPerSecond === undefined ? undefined : 1;
    const replaying = replayEvents({
      cluster: {
        config: cluster.config,
        training: cluster.bus,
        sites,
        status: () => cluster.status(),
        onEvent: (listener) => cluster.onEvent(listener),
      },
      ...{ ...files, events: { ...events, timestamps } },
      ...{ lagMax: Infinity, implicit: false, speed, signal: over.signal },
      ...{ log: () => undefined, progress: () => undefined },
    });
    const measured = measure({ cluster, untilTold: () => untilTold(cluster) }).finally(() =>
      over.abort(),
    );
    const outcome = await Promise.race([replaying, measured.then(() => replaying)]);
    await measured;
    await Promise.all(sites.map(({ bus }) => bus.close()));
    return outcome;
  } finally {
    over.abort();
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function untilTold(cluster: RunningCluster): Promise<number> {
  const samples = (): number =>
    actorsOf(cluster.status().actors, 'trainer').reduce(
      (sum, { stats }) => sum + (stats.samples ?? 0),
      0,
    );
  const before = samples();
  const endMs = performance.now() + silenceMsMax;
  while (samples() === before) {
    if (performance.now() > endMs)
      throw new Error('nothing is learned any more: are all events over?');
    await sleep(pollMs);
  }
  return samples();
}

export async function watch(
  { cluster, untilTold: told }: ReplayingCluster,
  seconds: number,
): Promise<Watched> {
  const look = (): ReadonlyMap<string, number> => {
    const { user, system } = process.cpuUsage();
    return new Map([...processorTimes(cluster), ['command line', (user + system) / 1000]]);
  };
  const from = await told();
  const before = { times: look(), atMs: performance.now() };
  await sleep(1000 * seconds);
  const samples = (await told()) - from;
  const ms = new Map<string, number>();
  for (const [kind, each] of look()) ms.set(kind, each - (before.times.get(kind) ?? 0));
  return { samples, seconds: (performance.now() - before.atMs) / 1000, ms };
}

/** By kind, the largest first: µs of processor for each sample. */
export function byKind({ samples, ms }: Watched): string {
  const each = [...ms].sort(([, a], [, b]) => b - a);
  return each.map(([kind, of]) => `${kind} ${rounded((1000 * of) / samples)}`).join(', ');
}

/** Of all processes: µs of processor for each sample. */
export function perSample({ samples, ms }: Watched): number {
  return rounded((1000 * [...ms.values()].reduce((sum, each) => sum + each, 0)) / samples);
}

export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** So many events, from the first again after the last. */
function repeated(events: EventTable, count: number): EventTable {
  const again = <T>(list: ArrayLike<T>): T[] =>
    Array.from({ length: count }, (_, i) => list[i % events.count]!);
  const context = Object.entries(events.context).map(([name, values]) => [name, again(values)]);
  return {
    count,
    timestamps: Float64Array.from(again(events.timestamps)),
    users: again(events.users),
    items: again(events.items),
    labels: Uint8Array.from(again(events.labels)),
    context: Object.fromEntries(context) as EventTable['context'],
  };
}

/** Of movielens-100k, where it is; else drawn, with as many users and items. */
async function interactions(folder: string, eventsMax: number) {
  const found = movielensFolder('movielens-100k');
  const source = found ?? drawn(folder, eventsMax);
  const ending = found === undefined ? 'csv' : 'csv.gz';
  const plan = {
    events: path.join(source, `events.${ending}`),
    items: path.join(source, `items.${ending}`),
    users: path.join(source, `users.${ending}`),
    ...{ report: undefined, lagMax: Infinity, implicit: false, speed: 1, timezone: undefined },
  };
  return readReplay(plan, benchConfig(), () => undefined);
}

function drawn(folder: string, count: number): string {
  const [users, items] = [943, 1_682];
  const write = (name: string, lines: string[]): void =>
    writeFileSync(path.join(folder, name), `${lines.join('\n')}\n`);
  const below = (limit: number): number => Math.floor(limit * Math.random());
  const list = (length: number, line: (i: number) => string) => Array.from({ length }, (_, i) => line(i)); // prettier-ignore
  write('users.csv', [
    'user,age,gender,occupation',
    ...list(users, (i) => `${i},${18 + (i % 60)},${i % 2 ? 'F' : 'M'},o${i % 20}`),
  ]);
  write('items.csv', [
    'item,year,genres',
    ...list(items, (i) => `${i},${1950 + (i % 50)},g${i % 19}`),
  ]);
  write('events.csv', [
    'timestamp,user,item,label',
    ...list(count, (i) => `${1_000_000_000 + i},${below(users)},${below(items)},${below(2)}`),
  ]);
  return folder;
}
