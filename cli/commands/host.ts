import path from 'node:path';
import { loadClusterConfig } from '../../core/config/load.js';
import type { RunningCluster } from '../../cluster/cluster.js';
import type { OpenSite } from '../../site/nats-site.js';
import { accessSite, externalSite } from '../../site/nats-site.js';
import { startCluster } from '../../cluster/cluster.js';
import { stateDirDefault } from '../cluster-access.js';
import type { Arguments, Command } from '../command.js';
import { UsageError, exitCode, expectPositionals, integerOf } from '../command.js';
import { hostNameFrom, hostNameOption } from '../host-name.js';
import { onInterrupt } from '../interrupt.js';
import { plainEvent } from '../live-view-rendering.js';

export const host: Command = {
  name: 'host',
  summary: 'joins this machine to a cluster',
  usage: '--name NAME (--access FILE | --nats URL) [options]',
  text: 'Runs the actors that the leader of the cluster places on this machine, and stands ready to lead. The first host of a cluster starts it. Servers are not started here: `starling nats-config` writes what they need, and the access file that hosts need. Ctrl-C or SIGTERM drains the actors and leaves; they are started on other hosts then.',
  options: [
    hostNameOption,
    {
      name: 'access',
      value: 'FILE',
      text: 'servers of each data center, and a password for each role, from `starling nats-config`',
    },
    {
      name: 'nats',
      value: 'URL',
      text: 'instead: servers that know one user for everybody (or NATS_URL)',
    },
    {
      name: 'data-centers',
      value: 'LIST',
      text: 'whose actors it may run, such as train,east (default all)',
    },
    { name: 'capacity', value: 'N', text: 'most actors it takes (default 32 for each core)' },
    {
      name: 'state',
      value: 'DIR',
      text: `state folder of this machine (default ${stateDirDefault})`,
    },
    { name: 'config', value: 'FILE', text: 'configuration (default cluster.config.ts)' },
  ],
  examples: [
    'starling host --name h1 --access access.json --data-centers train',
    'starling host --name h2 --nats tls://n1.example:4222 --data-centers east,west',
  ],
  async run(args, out) {
    expectPositionals(args, []);
    const name = hostNameFrom(args);
    const openSite = siteOf(args);
    const config = await loadClusterConfig(args.value('config'));
    const dataCenters = listOf(args.value('data-centers'));
    for (const each of dataCenters ?? [])
      if (!config.dataCenters.some((known) => known.name === each))
        throw new UsageError(`--data-centers: the configuration has no data center ${each}.`);
    const capacity = args.value('capacity');
    const interrupt = onInterrupt(out.note);
    try {
      const cluster = await startCluster({
        config,
        stateDir: path.resolve(args.value('state') ?? stateDirDefault),
        openSite,
        host: {
          name,
          ...(dataCenters ? { dataCenters } : {}),
          ...(capacity === undefined ? {} : { capacity: integerOf(capacity, 'capacity', 1) }),
        },
        log: out.note,
      });
      await runUntil(cluster, interrupt.signal, name, out.note);
      return exitCode.ok;
    } finally {
      interrupt.dispose();
    }
  },
};

/** Tells what happens on this host, and stops when it is asked to. */
async function runUntil(
  cluster: RunningCluster,
  signal: AbortSignal,
  name: string,
  tell: (line: string) => void,
): Promise<void> {
  const forget = cluster.onEvent((event) => {
    if (event.host === name) tell(plainEvent(event));
  });
  tell(`host ${name} has joined`);
  try {
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  } finally {
    forget();
    await cluster.stop();
  }
}

function siteOf(args: Arguments): OpenSite {
  const accessFile = args.value('access');
  const natsUrl = args.value('nats') ?? process.env['NATS_URL'];
  if (accessFile !== undefined && args.value('nats') !== undefined)
    throw new UsageError('--access and --nats exclude each other.');
  if (accessFile !== undefined) return ({ config }) => accessSite(config, path.resolve(accessFile));
  if (natsUrl !== undefined && natsUrl !== '') return ({ config }) => externalSite(config, natsUrl);
  throw new UsageError(
    'a host needs --access FILE or --nats URL; `starling up` starts servers of its own.',
  );
}

function listOf(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  const names = text.split(',').map((each) => each.trim());
  if (names.some((each) => each === ''))
    throw new UsageError('--data-centers: expected names, separated by commas.');
  return names;
}
