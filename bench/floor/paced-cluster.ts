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
import type { ReplayOutcome } from '../../replay/replay.js';
import { replayEvents } from '../../replay/replay.js';
import { ownSite } from '../../site/nats-site.js';
import { movielensFolder } from '../movielens.js';

/** A cluster of the default configuration that learns from a replay, a given number of events each second. */
export interface PacedCluster {
  readonly cluster: RunningCluster;
  /** Resolves when a trainer has told how many samples it has learned: a moment of which the number is known. */
  readonly untilTold: () => Promise<number>;
}

export interface PacedOptions {
  readonly eventsPerSecond: number;
  /** Of the replay at most, so that it ends by itself. */
  readonly secondsMax: number;
}

const pollMs = 10;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export const benchConfig = (): ClusterConfig => parseClusterConfig(base);

/** Ends the replay when `measure` has. */
export async function withPacedCluster(
  { eventsPerSecond, secondsMax }: PacedOptions,
  measure: (paced: PacedCluster) => Promise<void>,
): Promise<ReplayOutcome> {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-bench-'));
  const files = await interactions(folder, eventsPerSecond * secondsMax);
  const cluster = await startCluster({
    config: benchConfig(),
    stateDir: path.join(folder, 'state'),
    openSite: ownSite,
  });
  const over = new AbortController();
  try {
    await cluster.untilReady(120_000);
    const sites = await connectSites(cluster, 'replay', 'admin');
    const { events } = files;
    const timestamps = Float64Array.from(events.timestamps, (_unused, i) => events.timestamps[0]! + i / eventsPerSecond); // prettier-ignore
    const replaying = replayEvents({
      cluster: {
        config: cluster.config,
        training: cluster.bus,
        sites,
        status: () => cluster.status(),
        onEvent: (listener) => cluster.onEvent(listener),
      },
      ...{ ...files, events: { ...events, timestamps } },
      ...{ lagMax: Infinity, implicit: false, speed: 1, signal: over.signal },
      ...{ log: () => undefined, progress: () => undefined },
    });
    const samples = (): number =>
      actorsOf(cluster.status().actors, 'trainer').reduce(
        (sum, { stats }) => sum + (stats.samples ?? 0),
        0,
      );
    const untilTold = async (): Promise<number> => {
      const before = samples();
      while (samples() === before) await sleep(pollMs);
      return samples();
    };
    const measured = measure({ cluster, untilTold }).finally(() => over.abort());
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
