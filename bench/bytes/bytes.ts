import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import base from '../../cluster.config.js';
import type { ReplayFiles, ReplayPlan } from '../../cli/run-replay.js';
import { connectSites, readReplay } from '../../cli/run-replay.js';
import type { RunningCluster } from '../../cluster/cluster.js';
import { startCluster } from '../../cluster/cluster.js';
import { blueprintOf, parameterCounts } from '../../core/blueprint/blueprint.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { actorsOf } from '../../messages/actor-status.js';
import { replayEvents } from '../../replay/replay.js';
import { ownSite } from '../../site/nats-site.js';
import type { BenchResult } from '../bench-result.js';
import { movielensFolder } from '../movielens.js';
import { LogMeter } from './log-meter.js';
import { tell, type Figures } from './tell.js';

/**
 * What one sample costs on its way, byte by byte: real interactions are replayed into the default cluster as fast as they are taken
 * (`--max-lag none`), and every record of every log of the way is read afterwards, field by field. What is asked between
 * trainer and shards is in no log; its bytes follow from rows and steps. What that takes of the processor is `end-to-end`.
 *
 * Figures are bytes per event; the baseline is another commit, by turns.
 */
const quickEvents = 20_000;

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const data = movielensFolder('movielens-100k');
  if (data === undefined)
    throw new Error('movielens-100k not found; set STARLING_DATA to the folder that holds it');
  const config = parseClusterConfig(base);
  const files = await readReplay(planOf(data), config, () => undefined);
  const figures: Figures = { baseline: 'the same of another commit' };
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-bench-'));
  const cluster = await startCluster({
    config,
    stateDir: path.join(folder, 'state'),
    openSite: ownSite,
  });
  try {
    await cluster.untilReady(120_000);
    await measure(cluster, shortened(files, options.quick ? quickEvents : Infinity), figures);
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return { name: 'bytes', figures };
}

function planOf(data: string): ReplayPlan {
  const file = (name: string) => path.join(data, `${name}.csv.gz`);
  return {
    ...{ events: file('events'), items: file('items'), users: file('users') },
    ...{ report: undefined, lagMax: Infinity, implicit: false, speed: undefined },
    timezone: undefined,
  };
}

function shortened({ events, told }: ReplayFiles, eventsMax: number): ReplayFiles {
  const { timestamps, users, items, labels, context } = events;
  const first = Math.min(events.count, eventsMax);
  return {
    events: {
      count: first,
      timestamps: timestamps.subarray(0, first),
      users: users.slice(0, first),
      items: items.slice(0, first),
      labels: labels.subarray(0, first),
      context: Object.fromEntries(
        Object.entries(context).map(([name, values]) => [name, values.slice(0, first)]),
      ),
    },
    told,
  };
}

async function measure(
  cluster: RunningCluster,
  files: ReplayFiles,
  figures: Figures,
): Promise<void> {
  const meter = await LogMeter.open(cluster);
  const sites = await connectSites(cluster, 'bench', 'admin');
  const outcome = await replayEvents({
    cluster: {
      config: cluster.config,
      training: cluster.bus,
      sites,
      status: () => cluster.status(),
      onEvent: (listener) => cluster.onEvent(listener),
    },
    ...files,
    ...{ lagMax: Infinity, implicit: false },
    signal: new AbortController().signal,
    log: () => undefined,
    progress: () => undefined,
  });
  const samples = outcome.accepted;
  await Promise.all(sites.map(({ bus }) => bus.close()));
  await meter.read();
  figures['samples'] = samples;
  const [network] = actorsOf(outcome.status.actors, 'dense-shard');
  meter.tell({ samples, saves: network?.stats.saves ?? NaN }, figures);
  tellRequests(cluster, samples, figures);
}

/** What trainer and shards ask of each other, from what they say of themselves. */
function tellRequests(cluster: RunningCluster, samples: number, figures: Figures): void {
  const { actors } = cluster.status();
  const blueprint = blueprintOf(cluster.config);
  const steps = actorsOf(actors, 'trainer').reduce((sum, { stats }) => sum + (stats.steps ?? 0), 0);
  const shards = actorsOf(actors, 'ps-shard').map(({ stats }) => stats);
  const rows = shards.reduce((sum, { rowsPushed = 0 }) => sum + rowsPushed, 0);
  tell(figures, 'samples per step', samples / steps);
  const rowBytes = 8 + 4 * blueprint.dim;
  tell(figures, 'pull and push of rows, bytes', (2 * rows * rowBytes) / samples);
  const networkBytes = 4 * parameterCounts(blueprint).all;
  tell(figures, 'push of the network, bytes', (2 * steps * networkBytes) / samples);
}
