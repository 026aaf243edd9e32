import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { answersRequests, trainingDataCenter } from '../../core/config/data-centers.js';
import { connectAs } from '../../runtime/nats/nats-bus.js';
import { processMs } from '../../runtime/os/process-times.js';
import { ClusterStreams } from '../../site/cluster-streams.js';
import type { NatsSite } from '../../site/nats-site.js';
import { ownSite } from '../../site/nats-site.js';
import type { BenchResult } from '../bench-result.js';
import {
  benchConfig,
  byKind,
  perSample,
  rounded,
  watch,
  withReplay,
  type ReplayingCluster,
  type Watched,
} from '../cluster/replaying-cluster.js';
import type { BareNews, BarePlan } from './bare-clients.js';

import { recordTrace } from './tap.js';
import { actionsOf, summaryOf, type Trace } from './trace.js';

/**
 * How much of what a sample costs is messages: a cluster learns from 2,000 events a second, all that its actors say to each other is
 * recorded, and then said again by clients that compute nothing, to the same nats-servers with the same streams, copies and consumers and
 * no actors. What that takes is the floor: no work of the actors can be cheaper than it while they say the same.
 *
 * Messages between actors of one process are not on the wire, and in neither. What bare clients leave out: encoding, checks, and all but two
 * connections for each data center. Linux, where the time of servers can be known.
 */
const eventsPerSecond = 2_000;

const catchUpMsMax = 20_000;

const bareEntry = fileURLToPath(new URL('./bare-clients.js', import.meta.url));

type Figures = Record<string, number | string>;

interface Sizes {
  readonly settleSeconds: number;
  readonly lookSeconds: number;
  readonly recordSeconds: number;
  readonly rounds: number;
}

export async function run(options: { quick: boolean; full: boolean }): Promise<BenchResult> {
  const sizes: Sizes = options.quick
    ? { settleSeconds: 3, lookSeconds: 6, recordSeconds: 3, rounds: 2 }
    : options.full
      ? { settleSeconds: 10, lookSeconds: 30, recordSeconds: 10, rounds: 3 }
      : { settleSeconds: 5, lookSeconds: 12, recordSeconds: 4, rounds: 3 };
  const figures: Figures = { baseline: 'the same messages between bare servers and clients' };
  const { settleSeconds, lookSeconds, recordSeconds } = sizes;
  let trace: Trace | undefined;
  let cluster: Watched | undefined;
  const outcome = await withReplay(
    // The rest is for trainers to tell, and for a machine that is behind.
    {
      eventsPerSecond,
      eventsMax: eventsPerSecond * (2 * (settleSeconds + lookSeconds + recordSeconds) + 40),
    },
    async (paced) => {
      await untilSteady(paced, settleSeconds);
      cluster = await watch(paced, lookSeconds);
      trace = await recordPaced(paced, recordSeconds);
    },
  );
  const bare = await measureBare(trace!, sizes);
  tell(figures, { cluster: cluster!, bare, trace: trace! });
  for (const [dataCenter, { p50, p99 }] of Object.entries(outcome.freshnessMs))
    figures[`cluster: freshness ${dataCenter}, p50 / p99 ms`] =
      `${Math.round(p50)} / ${Math.round(p99)}`;
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(44)} ${value}`);
  return { name: 'floor', figures };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What was asked for while all was cold is caught up with in larger batches, which cost less: not what is meant. */
async function untilSteady({ untilTold }: ReplayingCluster, secondsMin: number): Promise<void> {
  await sleep(1000 * secondsMin);
  const endMs = performance.now() + catchUpMsMax;
  while (performance.now() < endMs) {
    const [from, fromMs] = [await untilTold(), performance.now()];
    await sleep(2_000);
    const perSecond = (1000 * ((await untilTold()) - from)) / (performance.now() - fromMs);
    if (perSecond < 1.1 * eventsPerSecond) return;
  }
}

async function recordPaced(
  { cluster, untilTold }: ReplayingCluster,
  seconds: number,
): Promise<Trace> {
  const supervisor = cluster.access(trainingDataCenter(cluster.config), 'supervisor');
  const from = { samples: await untilTold(), atMs: performance.now() };
  const recorded = await recordTrace(supervisor, seconds);
  const samples = (await untilTold()) - from.samples;
  // Told a moment after the recording was over.
  const share = (1000 * recorded.seconds) / (performance.now() - from.atMs);
  return { ...recorded, samples: samples * Math.min(1, share) };
}

interface Bare {
  readonly serversMs: number;
  readonly clientsMs: number;
  /** Of servers that nobody talks to, with all streams and consumers: ms a second. */
  readonly quietMs: number;
  readonly news: Extract<BareNews, { type: 'done' }>;
}

async function measureBare(trace: Trace, { rounds }: Sizes): Promise<Bare> {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-bench-'));
  const site = await ownSite({
    config: benchConfig(),
    stateDir: folder,
    log: () => undefined,
  });
  try {
    const { config, placed, mapped } = site;
    const training = trainingDataCenter(config);
    const bus = await connectAs(site.access(training, 'supervisor'), { name: 'bench' });
    await new ClusterStreams({ bus, config, placed, mapped }).prepare();
    const inference = config.dataCenters.filter(answersRequests).map(({ name }) => name);
    const plan: BarePlan = {
      places: { training, inference },
      access: Object.fromEntries(
        config.dataCenters.map(({ name }) => [name, site.access(name, 'supervisor')]),
      ),
      ...{ actions: actionsOf(trace), consumers: trace.consumers },
      ...{ seconds: trace.seconds, rounds },
    };
    const found = await replayTrace(plan, site);
    await bus.close();
    return found;
  } finally {
    await site.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Look {
  /** Processor time so far. */
  readonly ms: number;
  readonly atMs: number;
}

function replayTrace(plan: BarePlan, site: NatsSite): Promise<Bare> {
  const serversMs = (): number =>
    site.servers().reduce((sum, { pid }) => sum + (pid === null ? 0 : processMs(pid)), 0);
  return new Promise((resolve, reject) => {
    const child = fork(bareEntry, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const looks: Look[] = [];
    child.on('message', (news: BareNews) => {
      looks.push({ ms: serversMs(), atMs: performance.now() });
      if (news.type !== 'done') return;
      const [ready, begun, done] = looks as [Look, Look, Look];
      const quietMs = (1000 * (begun.ms - ready.ms)) / (begun.atMs - ready.atMs);
      resolve({ serversMs: done.ms - begun.ms, clientsMs: news.cpuMs, quietMs, news });
    });
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`bare clients ended with ${code}`)));
    child.send(plan);
  });
}

function tell(
  figures: Figures,
  { cluster, bare, trace }: { cluster: Watched; bare: Bare; trace: Trace },
): void {
  const actions = actionsOf(trace);
  const floorSamples = (trace.samples * bare.news.wallMs) / 1000 / trace.seconds;
  const floorOf = (ms: number): number => rounded((1000 * ms) / floorSamples);
  const floor = floorOf(bare.serversMs + bare.clientsMs);
  figures[`cluster: samples/s of ${eventsPerSecond}`] = rounded(cluster.samples / cluster.seconds);
  figures['cluster: µs of CPU per sample'] = perSample(cluster);
  figures['cluster: by kind'] = byKind(cluster);
  figures['floor: µs of CPU per sample'] = floor;
  figures['floor: of it servers'] = floorOf(bare.serversMs);
  figures['floor: of it servers that nobody talks to'] = floorOf((bare.quietMs * bare.news.wallMs) / 1000); // prettier-ignore
  figures['floor: of it clients'] = floorOf(bare.clientsMs);
  figures['cluster / floor, ratio'] = rounded(perSample(cluster) / floor);
  const serversMs = cluster.ms.get('nats-server') ?? 0;
  figures['servers of the cluster / of the floor, ratio'] = rounded(
    (1000 * serversMs) / cluster.samples / floorOf(bare.serversMs),
  );
  figures['recorded: samples/s'] = rounded(trace.samples / trace.seconds);
  figures['messages sent per sample'] = rounded(actions.length / trace.samples);
  figures['bytes sent per sample'] = Math.round(
    actions.reduce((sum, { bytes }) => sum + bytes, 0) / trace.samples,
  );
  figures['floor: failed of sent'] = `${bare.news.failed} of ${bare.news.sent}`;
  figures['floor: delivered per sample'] = rounded(bare.news.delivered / floorSamples);
  console.log('messages, while they were recorded:');
  for (const line of summaryOf(actions, trace.seconds).slice(0, 24)) console.log(`  ${line}`);
}
