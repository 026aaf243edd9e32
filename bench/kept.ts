import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import base from '../cluster.config.js';
import { clientOn } from '../client/client.js';
import { LatencyHistogram } from '../core/base/histogram.js';
import { parseClusterConfig } from '../core/config/schema.js';
import type { RunningCluster } from '../cluster/cluster.js';
import { startCluster } from '../cluster/cluster.js';
import { parseActivityNotice } from '../messages/activity.js';
import { decode } from '../messages/codec.js';
import { connectAs, type NatsBus } from '../runtime/nats/nats-bus.js';
import { ownSite } from '../site/nats-site.js';
import type { BenchResult } from './bench-result.js';

/**
 * How soon what somebody does is in what is kept of him, in each data center: from the call that sends the event in one of them to the
 * notice by which rankers of each ask anew, which is said after answers have it. One event at a time, first alone and
 * then beside events of others. The baseline is the acknowledgement of the event: that JetStream has it at all.
 */
const config = parseClusterConfig({
  ...base,
  features: {
    ...base.features,
    recent: { entity: 'user', kind: 'history', of: 'item', events: ['click'], length: 10 },
  },
});
const pauseMs = 40;
const besidePerSecond = 200;
const patienceMs = 10_000;

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const count = options.quick ? 50 : 300;
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-bench-'));
  const cluster = await startCluster({
    config,
    stateDir: path.join(folder, 'state'),
    openSite: ownSite,
  });
  try {
    await cluster.untilReady(120_000);
    const bus = await connectAs(cluster.access('east', 'client'), { name: 'bench' });
    const figures: Record<string, number | string> = {};
    await measure(cluster, bus, { count: 20, name: 'warm' }, {});
    await measure(cluster, bus, { count, name: 'alone' }, figures);
    const beside = feedOn(bus);
    await measure(cluster, bus, { count, name: `beside ${besidePerSecond}/s` }, figures);
    await beside.stop();
    await bus.close();
    console.log(figures);
    return { name: 'kept', figures };
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  cluster: RunningCluster,
  bus: NatsBus,
  { count, name }: { count: number; name: string },
  figures: Record<string, number | string>,
): Promise<void> {
  const dataCenters = ['east', 'west'];
  const seen = dataCenters.map(() => new LatencyHistogram());
  const acknowledged = new LatencyHistogram();
  const heard = dataCenters.map(() => new Map<string, () => void>());
  const listening = dataCenters.map((dc, i) =>
    cluster.bus.subscribe(cluster.bus.names.pattern('keptChanged', { dc }), (bytes) => {
      for (const id of parseActivityNotice(decode(bytes)).ids) heard[i]!.get(id)?.();
    }),
  );
  await cluster.bus.flush();
  const client = clientOn(bus);
  for (let n = 0; n < count; n++) {
    const user = `${name} ${n}`;
    const startMs = performance.now();
    const all = seen.map((histogram, i) => {
      const told = new Promise<void>((resolve) => heard[i]!.set(user, resolve));
      return Promise.race([told, sleep(patienceMs)]).then(() =>
        histogram.record(performance.now() - startMs),
      );
    });
    await client.ingestEvents([{ user, item: `i${n % 50}`, type: 'click' }]);
    acknowledged.record(performance.now() - startMs);
    await Promise.all(all);
    await sleep(pauseMs);
  }
  await Promise.all(listening.map((each) => each.stop()));
  const ms = (histogram: LatencyHistogram, q: number) =>
    Math.round(10 * histogram.quantile(q)) / 10;
  for (const q of [0.5, 0.99]) {
    const baseline = ms(acknowledged, q);
    figures[`${name}: acknowledged, p${100 * q} ms`] = baseline;
    dataCenters.forEach((dc, i) => {
      const value = ms(seen[i]!, q);
      figures[`${name}: kept in ${dc}, p${100 * q} ms`] = value;
      figures[`${name}: kept in ${dc} / acknowledged, p${100 * q}`] =
        Math.round((10 * value) / baseline) / 10;
    });
  }
}

/** Events of others, until it is stopped. */
function feedOn(bus: NatsBus): { stop: () => Promise<void> } {
  const client = clientOn(bus);
  let goes = true;
  const run = (async () => {
    for (let n = 0; goes; n++) {
      const rows = Array.from({ length: besidePerSecond / 20 }, (_unused, i) => ({
        ...{ user: `other ${(n * 7919 + i) % 997}`, item: `i${(n * 31 + i) % 50}` },
        type: 'click',
      }));
      await client.ingestEvents(rows);
      await sleep(50);
    }
  })();
  return {
    stop: async () => {
      goes = false;
      await run;
    },
  };
}
