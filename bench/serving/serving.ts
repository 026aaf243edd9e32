import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import base from '../../cluster.config.js';
import { clientOn, type StarlingClient } from '../../client/client.js';
import type { RunningCluster } from '../../cluster/cluster.js';
import { startCluster } from '../../cluster/cluster.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { encode } from '../../messages/codec.js';
import { connectAs, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { processMs } from '../../runtime/os/process-times.js';
import { findServer } from '../../site/servers/find-server.js';
import { ownSite } from '../../site/nats-site.js';
import type { BenchResult } from '../bench-result.js';
import { withBenchServer } from '../bench-server.js';
import { openLoad, quantile, type LoadFigures } from './open-load.js';
import { processorTimes } from './processor-times.js';

/**
 * What an answer costs and how many there are, beside training: a cluster of the default configuration with as many items as
 * movielens-100k has, asked at rates below and beyond what the machine can do; every tenth slate is clicked on. First while nothing is
 * known in any cache, right after the items were told. The baseline is a slate that was computed before, read from a bucket of NATS by
 * the user's key: what an answer would cost that learns nothing.
 */
const itemCount = 1_682;
const userCount = 943;
const deadlineMs = 2_000;
const k = 10;
const dataCenters = ['east', 'west'];

type Figures = Record<string, number | string>;

export async function run(options: { quick: boolean; full: boolean }): Promise<BenchResult> {
  const figures: Figures = { baseline: 'a slate read from a bucket, by key' };
  const baselineMs = await measureBaseline(figures);
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-bench-'));
  const cluster = await startCluster({
    config: parseClusterConfig(base),
    stateDir: path.join(folder, 'state'),
    openSite: ownSite,
  });
  try {
    await cluster.untilReady(120_000);
    const connections = await Promise.all(
      dataCenters.map((dc) => connectAs(cluster.access(dc, 'client'), { name: 'bench' })),
    );
    const client = clientOn(connections[0]!);
    await tellItems(client);
    const measure = (name: string, perSecond: number, seconds: number) =>
      underLoad(
        { cluster, client, buses: connections, figures, baselineMs },
        { name, perSecond, seconds },
      );
    await measure('cold', 10, 5);
    await measureIdle(cluster, figures);
    const rates = options.quick ? [10, 50] : options.full ? [10, 25, 50, 100, 200, 500] : [10, 50, 100, 500]; // prettier-ignore
    for (const perSecond of rates) {
      await measure(`${perSecond}/s`, perSecond, options.quick ? 6 : 10);
      await sleep(3_000);
    }
    await Promise.all(connections.map((bus) => bus.close()));
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return { name: 'serving', figures };
}

/** @returns processor milliseconds of a read: of the server, and of the client that reads. */
async function measureBaseline(figures: Figures): Promise<number> {
  const { path: binary } = await findServer(console.error);
  const reads = 5_000;
  let msPerRead = NaN;
  await withBenchServer(binary, [], async ({ bus, pid }) => {
    await bus.declareBucket({ name: 'slates', cluster: '', replicas: 1 }, false);
    const slate = encode({
      items: Array.from({ length: k }, (_, i) => ({ item: `i${i}`, score: i })),
    });
    for (let u = 0; u < userCount; u++) await bus.bucketPut('slates', `u${u}`, slate);
    const took: number[] = [];
    const before = { serverMs: processMs(pid), own: process.cpuUsage() };
    for (let n = 0; n < reads; n++) {
      const startMs = performance.now();
      await bus.bucketGet('slates', `u${n % userCount}`);
      took.push(performance.now() - startMs);
    }
    const own = process.cpuUsage(before.own);
    const cpuMs = processMs(pid) - before.serverMs + (own.user + own.system) / 1000;
    msPerRead = cpuMs / reads;
    took.sort((a, b) => a - b);
    figures['baseline: p50 ms'] = rounded(quantile(took, 0.5));
    figures['baseline: p99 ms'] = rounded(quantile(took, 0.99));
    figures['baseline: processor ms per answer'] = rounded(msPerRead);
  });
  return msPerRead;
}

async function tellItems(client: StarlingClient): Promise<void> {
  const genres = ['Action', 'Comedy', 'Drama', 'Horror', 'Romance', 'Thriller'];
  const items = Array.from({ length: itemCount }, (_, i) => ({
    item: `i${i}`,
    title: `Film ${i}`,
    year: 1950 + (i % 50),
    genres: [genres[i % genres.length]!, genres[(7 * i) % genres.length]!],
  }));
  for (let start = 0; start < itemCount; start += 200)
    await client.ingestItems(items.slice(start, start + 200));
  // Recommenders have heard of them; rankers have asked for none.
  await sleep(1_000);
}

/** What a cluster takes that nobody asks. */
async function measureIdle(cluster: RunningCluster, figures: Figures): Promise<void> {
  const seconds = 5;
  const before = processorTimes(cluster);
  await sleep(1000 * seconds);
  const cpu = [...processorTimes(cluster)]
    .map(([kind, ms]) => ({ kind, ms: (ms - (before.get(kind) ?? 0)) / seconds }))
    .sort((a, b) => b.ms - a.ms);
  const byKind = cpu.map(({ kind, ms }) => `${kind} ${ms.toFixed(0)}`).join(', ');
  figures['idle: processor ms per second'] = byKind;
  console.log(`${'idle: processor ms per second'.padEnd(36)} ${byKind}`);
}

interface Measured {
  readonly cluster: RunningCluster;
  readonly client: StarlingClient;
  readonly buses: readonly NatsBus[];
  readonly figures: Figures;
  readonly baselineMs: number;
}

async function underLoad(
  { cluster, client, buses, figures, baselineMs }: Measured,
  { name, ...load }: { name: string; perSecond: number; seconds: number },
): Promise<void> {
  const before = processorTimes(cluster);
  let slates = 0;
  const found = await openLoad({
    ...{ ...load, buses, deadlineMs },
    ask: () => ({ user: `u${Math.floor(Math.random() * userCount)}`, k }),
    answered: ({ requestId, items }, { user }) => {
      if (requestId === '' || ++slates % 10 > 0) return;
      const { item } = items[Math.floor(Math.random() * items.length)]!;
      // What the log refuses is nothing to who measures answers.
      client.ingestEvents([{ type: 'click', user, item, requestId }]).catch(() => undefined); // prettier-ignore
    },
  });
  const after = processorTimes(cluster);
  const cpu = [...after]
    .map(([kind, ms]) => ({ kind, ms: (ms - (before.get(kind) ?? 0)) / found.sent }))
    .sort((a, b) => b.ms - a.ms);
  const all = cpu.reduce((sum, { ms }) => sum + ms, 0);
  tell(figures, name, found);
  figures[`${name}: processor ms per request`] = rounded(all);
  figures[`${name}: / baseline`] = rounded(all / baselineMs);
  const byKind = cpu.filter(({ ms }) => ms >= 0.05).map(({ kind, ms }) => `${kind} ${ms.toFixed(1)}`); // prettier-ignore
  figures[`${name}: by kind`] = byKind.join(', ');
  for (const [key, value] of Object.entries(figures))
    if (key.startsWith(`${name}:`)) console.log(`${key.padEnd(36)} ${value}`);
}

function tell(figures: Figures, name: string, found: LoadFigures): void {
  const { sent, answerMs, refusalMs, refused, degraded, unordered, empty, seconds } = found;
  figures[`${name}: answered of sent`] = `${answerMs.length} of ${sent}`;
  figures[`${name}: answers per second`] = rounded(answerMs.length / seconds);
  figures[`${name}: p50 ms`] = rounded(quantile(answerMs, 0.5));
  figures[`${name}: p99 ms`] = rounded(quantile(answerMs, 0.99));
  figures[`${name}: degraded`] = degraded;
  figures[`${name}: of them in no order`] = unordered;
  figures[`${name}: answers in order per second`] = rounded(
    (answerMs.length - unordered) / seconds,
  );
  if (empty > 0) figures[`${name}: empty`] = empty;
  if (refused.size === 0) return;
  figures[`${name}: refused`] = [...refused].map(([code, n]) => `${code} ${n}`).join(', ');
  figures[`${name}: refusals, p50 ms`] = rounded(quantile(refusalMs, 0.5));
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
