import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { ChaosResult } from '../../chaos/run.js';
import { runChaos } from '../../chaos/run.js';
import { rowsOf, stood } from '../../chaos/table.js';
import { openConnection } from '../../client/connect.js';
import { trainingDataCenter } from '../../core/config/data-centers.js';
import { loadClusterConfig } from '../../core/config/load.js';
import { connectAs } from '../../runtime/nats.js';
import type { RunningCluster } from '../../supervisor/cluster.js';
import { startCluster } from '../../supervisor/cluster.js';
import { stateDirDefault } from '../cluster-access.js';
import type { Command, Output } from '../command.js';
import { UsageError, exitCode, expectPositionals, integerOf } from '../command.js';
import { onInterrupt } from '../interrupt.js';
import { table } from '../table.js';

const minutesDefault = 1;
const requestsPerSecond = 20;
/** Between two faults, on average. */
const everyMsDefault = 1_000;
const readyMsMax = 180_000;

export const chaos: Command = {
  name: 'chaos',
  summary: 'starts a cluster, breaks it at random while it is used, and checks its books',
  usage: '[--minutes N] [--seed S] [options]',
  text: 'Kills and pauses actors of every kind, NATS servers and whole inference data centers of a cluster of its own, by a schedule that the seed makes, while people ask for recommendations and react. Then it waits until all is whole again, and looks whether anything was lost, counted twice or left behind. The exit code is 1 if so. A recommendation fails when two tries of 500 ms have no answer.',
  options: [
    { name: 'minutes', value: 'N', text: `how long things break (default ${minutesDefault})` },
    { name: 'seed', value: 'S', text: 'the same seed breaks the same things (default 1)' },
    {
      name: 'every',
      value: 'MS',
      text: `mean time between two faults (default ${everyMsDefault})`,
    },
    {
      name: 'state',
      value: 'DIR',
      text: 'state folder, emptied first (default .starling/chaos)',
    },
    { name: 'config', value: 'FILE', text: 'configuration (default cluster.config.ts)' },
  ],
  examples: ['starling chaos --minutes 30 --seed 7'],
  async run(args, out) {
    expectPositionals(args, []);
    const minutes = Number(args.value('minutes') ?? minutesDefault);
    if (!(minutes > 0)) throw new UsageError('--minutes: expected a number above 0.');
    const seed = integerOf(args.value('seed') ?? '1', 'seed', 0);
    const everyMs = integerOf(args.value('every') ?? String(everyMsDefault), 'every', 1);
    const config = await loadClusterConfig(args.value('config'));
    const stateDir = args.value('state') ?? path.join(stateDirDefault, 'chaos');
    const interrupt = onInterrupt(out.note);
    await rm(stateDir, { recursive: true, force: true });
    const cluster = await startCluster({ config, stateDir });
    try {
      await cluster.untilReady(readyMsMax);
      const result = await breakIt(cluster, {
        seed,
        durationMs: minutes * 60_000,
        everyMs,
        signal: interrupt.signal,
        log: out.note,
      });
      report(result, out);
      return stood(result) ? exitCode.ok : exitCode.failure;
    } finally {
      interrupt.dispose();
      await cluster.stop();
    }
  },
};

async function breakIt(
  cluster: RunningCluster,
  options: {
    readonly seed: number;
    readonly durationMs: number;
    readonly everyMs: number;
    readonly signal: AbortSignal;
    readonly log: (line: string) => void;
  },
): Promise<ChaosResult> {
  const { config, stateDir } = cluster;
  const places = config.dataCenters.filter(({ role }) => role === 'inference');
  // As a client there: at home first, elsewhere when its servers are away.
  const sites = await Promise.all(
    places.map(({ name: dataCenter }) =>
      openConnection({ stateDir, dataCenter }, { name: 'chaos', connectTimeoutMs: 5_000 }),
    ),
  );
  const training = trainingDataCenter(config);
  const admin = await connectAs(cluster.access(training, 'admin'), { name: 'chaos-audit' });
  try {
    return await runChaos({
      ...options,
      requestsPerSecond,
      cluster: {
        status: () => cluster.status(),
        onEvent: (listener) => cluster.onEvent(listener),
        sites,
        admin,
      },
    });
  } finally {
    await Promise.all([admin, ...sites].map((bus) => bus.close()));
  }
}

function report(result: ChaosResult, out: Output): void {
  const { seed, seconds, load, availability, audit, orphans, recovered } = result;
  const rows = rowsOf(result);
  if (out.json) {
    const { requests, failed, degraded, failures, actions, latency } = load;
    const figures = {
      requests,
      failed,
      degraded,
      failures,
      actions,
      p99Ms: latency.quantile(0.99),
    };
    out.document({
      seed,
      seconds,
      rows,
      load: figures,
      availability,
      audit: audit.ok,
      orphans,
      recovered,
    });
    return;
  }
  const cells = rows.map(({ target, kills, pauses, recoveries, p50Ms, maxMs }) => [
    target,
    String(kills),
    String(pauses),
    String(recoveries),
    p50Ms === undefined ? '-' : `${Math.round(p50Ms)} ms`,
    maxMs === undefined ? '-' : `${Math.round(maxMs)} ms`,
  ]);
  const head = ['', 'killed', 'paused', 'came back', 'p50', 'max'];
  for (const line of table(head, cells)) out.line(line);
  const failures = Object.entries(load.failures)
    .map(([code, count]) => `${count} ${code}`)
    .join(', ');
  const share = (100 * availability).toFixed(2);
  out.line(
    `${load.requests} recommendations in ${Math.round(seconds)} s: ${share} % answered${failures === '' ? '' : ` (${failures})`}, ${load.degraded} degraded, p99 ${Math.round(load.latency.quantile(0.99))} ms`,
  );
  for (const { name, left, right, holds, remark } of audit.laws)
    if (!holds)
      out.line(`${name}: ${left.count} ${left.text}, ${right.count} ${right.text}; ${remark}`);
  out.line(audit.ok ? 'nothing is lost, nothing counts twice' : 'the books do not balance');
  if (orphans.length > 0) out.line(`left behind: ${orphans.join(', ')}`);
  if (!recovered) out.line('it is not whole again');
  out.line(`seed ${seed}`);
}
