import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startAudience } from '../../audience/audience.js';
import { clientOn } from '../../client/client.js';
import base from '../../cluster.config.js';
import type { RunningCluster } from '../../cluster/cluster.js';
import { startCluster } from '../../cluster/cluster.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { connectAs } from '../../runtime/nats/nats-bus.js';
import { ownSite } from '../../site/nats-site.js';

/** What one cluster takes, in a process that has done nothing else: the child of footprint.ts. */
export interface Footprint {
  readonly processes: number;
  /** Proportional set size of all of them: what is shared is counted once. */
  readonly pssBytes: number;
  readonly readySeconds: number;
  /** Of processor, per second, with nothing to do. */
  readonly idleCores: number;
  /** The same with the usual audience. */
  readonly busyCores: number;
  readonly p99Ms: number;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const settleMs = 3_000;
const lookMs = 10_000;
const ticksPerSecond = 100;

const processes = process.argv[2] === 'each' ? 'each' : Number(process.argv[2]);
const folder = mkdtempSync(path.join(tmpdir(), 'starling-footprint-'));
const config = parseClusterConfig({ ...base, supervision: { processes } });
const startMs = performance.now();
const cluster = await startCluster({
  config,
  stateDir: path.join(folder, 'state'),
  openSite: ownSite,
});
try {
  await cluster.untilReady(120_000);
  const readySeconds = (performance.now() - startMs) / 1000;
  await sleep(settleMs);
  const idleCores = await coresWhile(() => sleep(lookMs));
  let p99Ms = NaN;
  const busyCores = await coresWhile(async () => void (p99Ms = await p99WithAudience(cluster)));
  const pids = family();
  const pssBytes = pids.map(pssOf).reduce((sum, bytes) => sum + bytes, 0);
  const figures: Footprint = {
    ...{ processes: pids.length, pssBytes, readySeconds, idleCores, busyCores, p99Ms },
  };
  process.stdout.write(JSON.stringify(figures));
} finally {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** With its introduction, which tells of everybody. */
async function p99WithAudience(running: RunningCluster): Promise<number> {
  const sites = await Promise.all(
    ['east', 'west'].map(async (dataCenter) => {
      const bus = await connectAs(running.access(dataCenter, 'client'), { name: 'audience' });
      return { dataCenter, bus, client: clientOn(bus) };
    }),
  );
  const quiet = { info: () => undefined, warn: () => undefined };
  const audience = startAudience({ sites, config: running.config, log: quiet });
  await sleep(lookMs);
  const { latencyMs } = audience.figures();
  await audience.stop();
  await Promise.all(sites.map(({ bus }) => bus.close()));
  return latencyMs.p99;
}

async function coresWhile(work: () => Promise<unknown>): Promise<number> {
  const before = ticks();
  const beganMs = performance.now();
  await work();
  const seconds = (performance.now() - beganMs) / 1000;
  return (ticks() - before) / ticksPerSecond / seconds;
}

/** This process, which is the supervisor, and its children. */
function family(): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => Number(statOf(pid)[1]) === process.pid);
  return [process.pid, ...children];
}

function ticks(): number {
  return family()
    .map((pid) => Number(statOf(pid)[11] ?? 0) + Number(statOf(pid)[12] ?? 0))
    .reduce((sum, each) => sum + each, 0);
}

/** Fields of /proc/PID/stat from the state on. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return []; // It has just ended.
  }
}

function pssOf(pid: number): number {
  const [, kibibytes = '0'] =
    /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}
