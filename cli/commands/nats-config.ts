import { replicasOf } from '../../core/config/data-centers.js';
import { loadClusterConfig } from '../../core/config/load.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { WrittenDeployment } from '../../site/deployment/write-deployment.js';
import { readTopology, writeDeployment } from '../../site/deployment/write-deployment.js';
import type { Arguments, Command } from '../command.js';
import { UsageError, exitCode, expectPositionals } from '../command.js';

export const natsConfig: Command = {
  name: 'nats-config',
  summary: 'writes the configuration of the NATS servers of a deployment on several hosts',
  usage: '--topology FILE --out DIR [options]',
  text: 'Writes a configuration file for each server, access.json for the hosts that run actors, and client-access.json for programs that ask for recommendations. Nothing is started, and nobody is asked. Passwords are drawn on the first run and kept in DIR: run it again when servers change, and those that were set up before go on. The files hold passwords; only their owner can read them.\ndocs/deployment.md walks through a whole deployment.',
  options: [
    { name: 'topology', value: 'FILE', text: 'JSON: the servers of each data center, and where' },
    {
      name: 'out',
      value: 'DIR',
      text: 'folder for the files: a new one, or that of an earlier run',
    },
    {
      name: 'config',
      value: 'FILE',
      text: 'configuration of the cluster (default cluster.config.ts)',
    },
  ],
  examples: ['starling nats-config --topology topology.json --out deployment'],
  async run(args, out) {
    expectPositionals(args, []);
    const topologyFile = required(args, 'topology');
    const folder = required(args, 'out');
    const config = await loadClusterConfig(args.value('config'));
    const topology = await readTopology(topologyFile, config);
    const written = await writeDeployment(folder, { config, topology });
    if (out.json) out.document({ ...written, dataCenters: summaryOf(config) });
    else for (const line of report(config, written)) out.line(line);
    for (const file of written.leftovers) {
      out.note(`${file} is of an earlier topology; delete it, and stop that server.`);
    }
    return exitCode.ok;
  },
};

function required(args: Arguments, name: string): string {
  const value = args.value(name);
  if (value !== undefined && value !== '') return value;
  throw new UsageError(`nats-config needs --${name}; see \`starling nats-config --help\`.`);
}

function summaryOf(config: ClusterConfig) {
  const replicas = replicasOf(config);
  return config.dataCenters.map(({ name, servers }) => {
    return { name, servers, replicas: replicas[name] };
  });
}

function report(config: ClusterConfig, { folder, files }: WrittenDeployment): string[] {
  return [
    ...summaryOf(config).map(({ name, servers, replicas }) => {
      const copies = replicas === 1 ? 'one copy' : `${replicas} copies`;
      return `${name}: ${servers} ${servers === 1 ? 'server' : 'servers'}, ${copies} of each stream`;
    }),
    '',
    `In ${folder}:`,
    ...files.map((file) => `  ${file}`),
    '',
    'They hold passwords: copy each over a channel that nobody else can read, and keep credentials.json.',
  ];
}
