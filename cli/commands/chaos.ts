import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { aftermathOf } from '../../chaos/aftermath.js';
import { Fleet, type HostPlan } from '../../chaos/fleet.js';
import type { Site } from '../../chaos/steady-load.js';
import type { ChaosOptions, ChaosResult } from '../../chaos/chaos-run.js';
import { runChaos } from '../../chaos/chaos-run.js';
import { stood } from '../../chaos/fault-table.js';
import { clientOn } from '../../client/client.js';
import { StarlingError } from '../../core/base/errors.js';
import { answersRequests, trainingDataCenter, trains } from '../../core/config/data-centers.js';
import { loadClusterConfig } from '../../core/config/load.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { makeFolders } from '../../runtime/os/make-folders.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { connectAs } from '../../runtime/nats/nats-bus.js';
import type { MachineNetwork } from '../../chaos/network.js';
import { reportChaos } from '../chaos-report.js';
import { startServers, type ChaosServers } from '../chaos-servers.js';
import { stateDirDefault } from '../cluster-access.js';
import type { Command } from '../command.js';
import { UsageError, exitCode, expectPositionals, integerOf } from '../command.js';
import { exitCodeOf, onInterrupt } from '../interrupt.js';

const minutesDefault = 1;
/** Twenty-odd processes that have just started have their code still to compile. */
const warmUpMinutesDefault = 0.25;
const requestsPerSecondDefault = 20;
/** Between two faults, on average. */
const everyMsDefault = 9_000;
const readyMsMax = 180_000;
/** So that impressions nobody reacts to are learned during the run, and the windows of joiners soon are as full as they get. */
const windowMs = 60_000;
/** A caller waits half a second and has one more try; in the servers' place for as long as that. */
const suspectMs = 200;

export const chaos: Command = {
  name: 'chaos',
  summary:
    'starts a cluster of several hosts, breaks it at random while it is used, and checks its books',
  usage: '[--minutes N] [--seed S] [options]',
  text: 'Starts NATS servers, and hosts as processes of their own that are started again when they end, as by an init system: two for training, one for each inference data center. Then it kills and pauses actors of every kind, supervisors, the leader and NATS servers, and takes whole data centers away for some seconds, by a schedule that the seed makes, while people ask for recommendations and react; and in the middle another configuration is rolled out, and that of before again. Then it waits until all is whole again, and looks whether anything was lost, counted twice, left behind, or thrown where nobody caught it. The exit code is 1 if so. A recommendation fails when two tries of 500 ms have no answer.\nUnless --config names one, each partition has a standby, each public kind two replicas in a data center, and an impression a minute to wait for its action.',
  options: [
    { name: 'minutes', value: 'N', text: `how long things break (default ${minutesDefault})` },
    { name: 'seed', value: 'S', text: 'the same seed breaks the same things (default 1)' },
    {
      name: 'every',
      value: 'MS',
      text: `mean time between two faults (default ${everyMsDefault}); 0 for none: steady load, and what becomes of the memory of each process`,
    },
    {
      name: 'warm-up',
      value: 'N',
      text: `minutes of load before the first fault; requests count and memory is looked at from then on (default ${warmUpMinutesDefault})`,
    },
    {
      name: 'rate',
      value: 'N',
      text: `recommendations a second (default ${requestsPerSecondDefault})`,
    },
    { name: 'no-config', text: 'roll out no other configuration in the middle' },
    {
      name: 'network',
      text: 'give each host a network of its own (Linux, as root), and cut, block and slow down their links too',
    },
    {
      name: 'state',
      value: 'DIR',
      text: 'state folder, emptied first (default .starling/chaos)',
    },
    { name: 'config', value: 'FILE', text: 'configuration' },
  ],
  examples: [
    'starling chaos --minutes 30 --seed 7',
    'starling chaos --minutes 30 --every 0 --warm-up 10',
  ],
  async run(args, out) {
    expectPositionals(args, []);
    const plan = {
      seed: integerOf(args.value('seed') ?? '1', 'seed', 0),
      durationMs: minutesOf(args.value('minutes'), 'minutes', minutesDefault),
      warmUpMs: minutesOf(args.value('warm-up'), 'warm-up', warmUpMinutesDefault),
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
      await makeFolders(folder, 0o700);
      const { signal } = interrupt;
      const result = await breakCluster(
        config,
        folder,
        { ...plan, config, changesConfig: !args.has('no-config'), signal, log: out.note },
        args.has('network'),
      );
      const aftermath = await aftermathOf(folder, result.processes);
      reportChaos(result, aftermath, out);
      if (!stood(result, aftermath)) return exitCode.failure;
      return interrupt.signal.aborted ? exitCodeOf(interrupt.name) : exitCode.ok;
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
  const joining = { ...config.joining, windowMs };
  return { ...config, standby: 1, actors, joining };
}

/** In milliseconds. */
function minutesOf(value: string | undefined, option: string, otherwise: number): number {
  const minutes = value === undefined ? otherwise : Number(value);
  if (minutes > 0) return minutes * 60_000;
  throw new UsageError(`--${option}: expected a number above 0.`);
}

type Plan = Pick<
  ChaosOptions,
  | 'seed'
  | 'durationMs'
  | 'everyMs'
  | 'warmUpMs'
  | 'requestsPerSecond'
  | 'signal'
  | 'log'
  | 'config'
  | 'changesConfig'
>;

async function breakCluster(
  config: ClusterConfig,
  folder: string,
  plan: Plan,
  isNetworked: boolean,
): Promise<ChaosResult> {
  const plans = hostsOf(config);
  const servers = await startServers(config, folder, plans, isNetworked, plan.log);
  try {
    const configFile = path.join(folder, 'config.json');
    await writeFile(configFile, JSON.stringify(config));
    const starling = fileURLToPath(new URL('../starling.js', import.meta.url));
    const { accessFile, network } = servers;
    const fleet = new Fleet({
      plans: plans.map((each) => ({ ...each, within: network?.within(each.name) ?? [] })),
      folder,
      command: [starling, 'host', '--access', accessFile, '--config', configFile],
      servers: () => servers.running(),
    });
    fleet.start();
    try {
      return await withConnections(config, servers, async (sites, admin) => {
        await untilReady(admin, plan.signal);
        const links = network && linkFaults(network);
        const ground = { fleet, network };
        return await runChaos({ ...plan, ...(links ? { links } : {}), ground, sites, admin });
      });
    } finally {
      await fleet.stop();
    }
  } finally {
    await servers.stop();
  }
}

function linkFaults({ slows }: MachineNetwork): NonNullable<ChaosOptions['links']> {
  return slows ? ['cut', 'block', 'slow'] : ['cut', 'block'];
}

/** Two hosts learn, so that one can stand in for the other; elsewhere another data center does. */
function hostsOf({ dataCenters }: ClusterConfig): HostPlan[] {
  return dataCenters.flatMap((each) =>
    (trains(each) ? ['1', '2'] : ['1']).map((number) => ({
      name: `${each.name}-${number}`,
      dataCenters: [each.name],
    })),
  );
}

async function withConnections<T>(
  config: ClusterConfig,
  { access }: ChaosServers,
  use: (sites: readonly Site[], admin: NatsBus) => Promise<T>,
): Promise<T> {
  const name = 'chaos';
  const admin = await connectAs(access(trainingDataCenter(config), 'admin'), { name });
  const places = config.dataCenters.filter(answersRequests);
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
