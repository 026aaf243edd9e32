import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { clientOn, type StarlingClient } from '../../client/client.js';
import type { EventInput } from '../../client/ingest.js';
import type { RunningCluster } from '../../cluster/cluster.js';
import { startCluster } from '../../cluster/cluster.js';
import { encode } from '../../messages/codec.js';
import { actorsOf } from '../../messages/actor-status.js';
import { connectAs } from '../../runtime/nats/nats-bus.js';
import { findServer } from '../../site/servers/find-server.js';
import { ownSite } from '../../site/nats-site.js';
import type { BenchResult } from '../bench-result.js';
import { withBenchServer } from '../bench-server.js';
import { processorTimes } from '../serving/processor-times.js';
import { benchConfig, rounded } from './replaying-cluster.js';

/**
 * Events as people's programs send them, until they are acknowledged, and until all of them are checked and on their way to joiners: in messages of
 * 500 and one by one. The baseline are the same bytes, in as many messages, stored by a bare nats-server, in turns with it.
 */
type Figures = Record<string, number | string>;

interface Manner {
  readonly name: string;
  readonly eventsPerCall: number;
  readonly inFlight: number;
}

const manners: readonly Manner[] = [
  { name: 'by 500', eventsPerCall: 500, inFlight: 4 },
  { name: 'one by one', eventsPerCall: 1, inFlight: 64 },
];

// As many people that nobody of them is taken for a bot.
const [userCount, itemCount] = [100_000, 1_682];
const pollMs = 50;
const settleMsMax = 120_000;

export async function run(options: { quick: boolean; full: boolean }): Promise<BenchResult> {
  const rounds = options.quick ? 1 : 3;
  const events = options.full ? 200_000 : options.quick ? 20_000 : 60_000;
  const figures: Figures = { baseline: 'the same bytes stored by a bare nats-server' };
  const { path: binary } = await findServer(console.error);
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-bench-'));
  const state = path.join(folder, 'state');
  const cluster = await startCluster({ config: benchConfig(), stateDir: state, openSite: ownSite });
  try {
    await cluster.untilReady(120_000);
    const bus = await connectAs(cluster.access('east', 'client'), { name: 'bench' });
    const client = clientOn(bus);
    await tellItems(client);
    for (const manner of manners) {
      // One by one is some tens of times as slow.
      const count = manner.eventsPerCall === 1 ? events / 10 : events;
      const found: Measured[] = [];
      for (let round = 0; round < rounds; round++)
        found.push({
          ...(await ingested(cluster, client, manner, count)),
          baselineSeconds: await stored(binary, manner, count),
        });
      tell(figures, manner.name, count, found);
    }
    await bus.close();
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(44)} ${value}`);
  return { name: 'ingest', figures };
}

interface Measured {
  readonly acknowledgedSeconds: number;
  readonly checkedSeconds: number;
  readonly cpuMs: number;
  readonly baselineSeconds: number;
}

function drawn(count: number): EventInput[] {
  const below = (limit: number): number => Math.floor(limit * Math.random());
  return Array.from({ length: count }, () => ({
    type: 'click',
    user: `u${below(userCount)}`,
    item: `i${below(itemCount)}`,
  }));
}

/** Seconds until all are acknowledged, and until processors have taken them; processor time of all actors and servers by then. */
async function ingested(
  cluster: RunningCluster,
  client: StarlingClient,
  { eventsPerCall, inFlight }: Manner,
  count: number,
): Promise<Omit<Measured, 'baselineSeconds'>> {
  const events = drawn(count);
  const cpuMs = (): number =>
    [...processorTimes(cluster).values()].reduce((sum, ms) => sum + ms, 0);
  const before = { processed: processed(cluster), cpuMs: cpuMs(), atMs: performance.now() };
  const seconds = (): number => (performance.now() - before.atMs) / 1000;
  await inTurns(count / eventsPerCall, inFlight, async (call) => {
    const start = call * eventsPerCall;
    await client.ingestEvents(events.slice(start, start + eventsPerCall));
  });
  const acknowledgedSeconds = seconds();
  while (processed(cluster) - before.processed < count) {
    if (performance.now() - before.atMs > settleMsMax)
      throw new Error(`${processed(cluster) - before.processed} of ${count} events are processed`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return { acknowledgedSeconds, checkedSeconds: seconds(), cpuMs: cpuMs() - before.cpuMs };
}

function processed(cluster: RunningCluster): number {
  return actorsOf(cluster.status().actors, 'processor').reduce(
    (sum, { stats }) => sum + (stats.actions ?? 0),
    0,
  );
}

/** As many messages of as many bytes, to one stream of one bare server. */
async function stored(
  binary: string,
  { eventsPerCall, inFlight }: Manner,
  count: number,
): Promise<number> {
  const message = encode(drawn(eventsPerCall));
  let seconds = NaN;
  await withBenchServer(binary, [], async ({ bus }) => {
    const limits = { maxAgeMs: 600_000, discard: 'old', duplicateWindowMs: 1_000 } as const;
    await bus.declareStream({ name: 'BENCH', cluster: '', subjects: ['bench'], ...limits }, false);
    const beganMs = performance.now();
    await inTurns(count / eventsPerCall, inFlight, () => bus.append('bench', message));
    seconds = (performance.now() - beganMs) / 1000;
  });
  return seconds;
}

async function inTurns(
  calls: number,
  inFlight: number,
  make: (call: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < calls) await make(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
}

async function tellItems(client: StarlingClient): Promise<void> {
  const items = Array.from({ length: itemCount }, (_unused, i) => ({ item: `i${i}`, year: 1990 }));
  for (let start = 0; start < itemCount; start += 200)
    await client.ingestItems(items.slice(start, start + 200));
}

function tell(figures: Figures, name: string, count: number, found: readonly Measured[]): void {
  const median = (of: (each: Measured) => number): number =>
    rounded(found.map(of).sort((a, b) => a - b)[found.length >> 1]!);
  figures[`${name}: events/s acknowledged`] = median((each) => count / each.acknowledgedSeconds);
  figures[`${name}: acknowledged / baseline`] = median(
    (each) => each.baselineSeconds / each.acknowledgedSeconds,
  );
  figures[`${name}: events/s checked`] = median((each) => count / each.checkedSeconds);
  figures[`${name}: µs of CPU per event by then`] = median((each) => (1000 * each.cpuMs) / count);
}
