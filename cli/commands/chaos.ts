import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { aftermathOf } from '../../chaos/aftermath.js';
import { Fleet, type HostPlan } from '../../chaos/fleet.js';
import type { Site } from '../../chaos/load.js';
import type { ChaosOptions, ChaosResult } from '../../chaos/run.js';
import { runChaos } from '../../chaos/run.js';
import { stood } from '../../chaos/table.js';
import { clientOn } from '../../client/client.js';
import { StarlingError } from '../../core/base/errors.js';
import { trainingDataCenter } from '../../core/config/data-centers.js';
import { loadClusterConfig } from '../../core/config/load.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { NatsBus } from '../../runtime/nats.js';
import { connectAs } from '../../runtime/nats.js';
import type { NatsSite } from '../../supervisor/nats-site.js';
import { ownSite } from '../../supervisor/nats-site.js';
import { reportChaos } from '../chaos-report.js';
import { stateDirDefault } from '../cluster-access.js';
import type { Command, Output } from '../command.js';
import { UsageError, exitCode, expectPositionals, integerOf } from '../command.js';
import { onInterrupt } from '../interrupt.js';

const minutesDefault = 1;
const requestsPerSecondDefault = 20;
/** Between two faults, on average. */
const everyMsDefault = 9_000;
const readyMsMax = 180_000;
/** A caller waits half a second and has one more try; in the servers' place for as long as that. */
const suspectMs = 200;

export const chaos: Command = {
  name: 'chaos',
  summary:
    'starts a cluster of several hosts, breaks it at random while it is used, and checks its books',
  usage: '[--minutes N] [--seed S] [options]',
  text: 'Starts NATS servers, and hosts as processes of their own that are started again when they end, as by an init system: two for training, one for each inference data center. Then it kills and pauses actors of every kind, supervisors, the leader and NATS servers, and takes whole data centers away for some seconds, by a schedule that the seed makes, while people ask for recommendations and react. Then it waits until all is whole again, and looks whether anything was lost, counted twice, left behind, or thrown where nobody caught it. The exit code is 1 if so. A recommendation fails when two tries of 500 ms have no answer.\nUnless --config names one, each partition has a standby and each public kind two replicas in a data center.',
  options: [
    { name: 'minutes', value: 'N', text: `how long things break (default ${minutesDefault})` },
    { name: 'seed', value: 'S', text: 'the same seed breaks the same things (default 1)' },
    {
      name: 'every',
      value: 'MS',
      text: `mean time between two faults (default ${everyMsDefault}); 0 for none: steady load, and what becomes of the memory of each process`,
    },
    {
      name: 'rate',
      value: 'N',
      text: `recommendations a second (default ${requestsPerSecondDefault})`,
    },
    {
      name: 'state',
      value: 'DIR',
      text: 'state folder, emptied first (default .starling/chaos)',
    },
    { name: 'config', value: 'FILE', text: 'configuration' },
  ],
  examples: ['starling chaos --minutes 30 --seed 7', 'starling chaos --minutes 30 --every 0'],
  async run(args, out) {
    expectPositionals(args, []);
    const minutes = Number(args.value('minutes') ?? minutesDefault);
    if (!(minutes > 0)) throw new UsageError('--minutes: expected a number above 0.');
    const plan = {
      seed: integerOf(args.value('seed') ?? '1', 'seed', 0),
      durationMs: minutes * 60_000,
      everyMs: integerOf(args.value('every') ?? String(everyMsDefault), 'every', 0),
      requestsPerSecond: integerOf(
        args.value('rate') ?? String(requestsPerSecondDefault),
        'rate',
        1,
      ),
    };
    const config = await configOf(args.value('config'));
    const folder = path.resolve(args.value('state') ?? path.join(stateDirDefault, 'chaos'));
    const interrupt = onInterrupt(out.note);
    try {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const { signal } = interrupt;
      const result = await breakCluster(config, folder, { ...plan, signal, log: out.note }, out);
      const aftermath = await aftermathOf(folder, result.processes);
      reportChaos(result, aftermath, out);
      return stood(result, aftermath) ? exitCode.ok : exitCode.failure;
    } finally {
      interrupt.dispose();
    }
  },
};

/** With what a cluster needs to stand the loss of any one process without a pause. */
async function configOf(file: string | undefined): Promise<ClusterConfig> {
  const config = await loadClusterConfig(file);
  if (file !== undefined) return config;
  const actors = { ...config.actors, recommender: 2, 'feature-store': 2 };
  return { ...config, standby: 1, actors };
}

type Plan = Pick<
  ChaosOptions,
  'seed' | 'durationMs' | 'everyMs' | 'requestsPerSecond' | 'signal' | 'log'
>;

async function breakCluster(
  config: ClusterConfig,
  folder: string,
  plan: Plan,
  out: Output,
): Promise<ChaosResult> {
  const site = await ownSite({
    config,
    stateDir: folder,
    log: out.note,
    onRestart: () => undefined,
  });
  try {
    const configFile = path.join(folder, 'config.json');
    await writeFile(configFile, JSON.stringify(config));
    const starling = fileURLToPath(new URL('../starling.js', import.meta.url));
    const accessFile = path.join(folder, 'nats', 'access.json');
    const fleet = new Fleet({
      plans: hostsOf(config),
      folder,
      command: [starling, 'host', '--access', accessFile, '--config', configFile],
      servers: () => site.servers(),
    });
    fleet.start();
    try {
      return await withConnections(config, site, async (sites, admin) => {
        await untilReady(admin, plan.signal);
        return await runChaos({ ...plan, fleet, sites, admin });
      });
    } finally {
      await fleet.stop();
    }
  } finally {
    await site.stop();
  }
}

/** Two hosts learn, so that one can stand in for the other; elsewhere another data center does. */
function hostsOf({ dataCenters }: ClusterConfig): HostPlan[] {
  return dataCenters.flatMap(({ name, role }) =>
    (role === 'training' ? ['1', '2'] : ['1']).map((number) => ({
      name: `${name}-${number}`,
      dataCenters: [name],
    })),
  );
}

async function withConnections<T>(
  config: ClusterConfig,
  { access }: NatsSite,
  use: (sites: readonly Site[], admin: NatsBus) => Promise<T>,
): Promise<T> {
  const name = 'chaos';
  const admin = await connectAs(access(trainingDataCenter(config), 'admin'), { name });
  const places = config.dataCenters.filter(({ role }) => role === 'inference');
  const sites = await Promise.all(
    places.map(async ({ name: dataCenter }) => {
      const bus = await connectAs(access(dataCenter, 'client'), { name, suspectMs });
      return { dataCenter, bus };
    }),
  );
  try {
    return await use(sites, admin);
  } finally {
    await Promise.all([admin, ...sites.map(({ bus }) => bus)].map((bus) => bus.close()));
  }
}

async function untilReady(admin: NatsBus, signal: AbortSignal): Promise<void> {
  const client = clientOn(admin, 1_000);
  const endMs = performance.now() + readyMsMax;
  while (!signal.aborted) {
    const status = await client.status().catch(() => undefined); // No host has joined yet.
    if (status?.ready) return;
    if (performance.now() > endMs) {
      const late = status?.actors.filter(({ state }) => state !== 'ready') ?? [];
      const names = late.map(({ address }) => address).join(', ') || 'nobody answers';
      throw new StarlingError('TIMEOUT', `the cluster is not ready: ${names}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
