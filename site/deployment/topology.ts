import { z } from 'zod';
import { StarlingError } from '../../core/base/errors.js';
import { problemsOf, type ConfigProblem } from '../../core/config/explain.js';
import { integer, section } from '../../core/config/fields.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { ServerPorts } from '../servers/server-config.js';

/**
 * On which hosts the servers of a deployment run: a small JSON file that operators write, beside the configuration of the
 * cluster, which says what all of them have in common. The same cluster may run on other hosts tomorrow.
 */
const nameError =
  "expected a host name, such as n1.east.example: letters, digits, '.', '_' and '-'";

/** Becomes part of file names and of the servers' own configuration. */
const serverName = z
  .string({ error: nameError })
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, { error: nameError })
  .max(253, { error: nameError });

const hostError = 'expected a host name or an IP address';
const host = z.string({ error: hostError }).regex(/^[A-Za-z0-9._:-]+$/, { error: hostError });

const filled = (error: string) => z.string({ error }).min(1, { error });

const port = (meaning: string) => integer({ min: 1, max: 65_535 }, meaning);

const portsSchema = section({
  client: port('For actors, clients and the command line.').default(4222),
  cluster: port('For the other servers of its data center.').default(6222),
  gateway: port('For the servers of other data centers.').default(7222),
  monitor: port('HTTP: readiness and health.').default(8222),
});

const ownPortsSchema = section({
  client: port('Instead of that of the others.').optional(),
  cluster: port('Instead of that of the others.').optional(),
  gateway: port('Instead of that of the others.').optional(),
  monitor: port('Instead of that of the others.').optional(),
});

const serverSchema = section({
  server: serverName.describe('Its name, which must stay: streams know by it what it holds.'),
  host: host.optional().describe('Where others reach it; its name if left out.'),
  storeDir: filled('expected a folder of that host, such as /var/lib/nats')
    .default('/var/lib/nats')
    .describe('Folder of its streams.'),
  ports: ownPortsSchema.prefault({}),
});

const pem = filled(
  'expected the path of a PEM file; {server} in it becomes the name of the server',
);

const topologySchema = section({
  dataCenters: z.record(
    z.string(),
    z.array(serverSchema, { error: "expected a list of servers such as {server: 'n1.example'}" }),
    { error: 'expected an object of lists of servers, by data center' },
  ),
  ports: portsSchema.prefault({}).describe('Of each server, unless it says otherwise.'),
  listen: section({
    monitor: host.default('127.0.0.1'),
    others: host.default('0.0.0.0'),
  })
    .prefault({})
    .describe(
      'Addresses that each server listens on. Whoever reaches the monitor sees who is there.',
    ),
  tls: section({ ca: pem, cert: pem, key: pem })
    .optional()
    .describe('Paths on the hosts. Absent: what is sent can be read on the way, passwords too.'),
  syncAlways: z
    .boolean({ error: 'expected true or false' })
    .optional()
    .describe('As nats.syncAlways of the configuration, which holds where this is absent.'),
});

export type Topology = z.output<typeof topologySchema>;
export type TopologyServer = Topology['dataCenters'][string][number];

/**
 * Checks a topology, and that it is one of this cluster.
 *
 * @throws StarlingError CONFIG_INVALID with one line for each problem: the path of the field, what is expected, and what
 *   was found. `details.fields` has the paths.
 */
export function parseTopology(
  input: unknown,
  config: Pick<ClusterConfig, 'dataCenters'>,
): Topology {
  const parsed = topologySchema.safeParse(input);
  const problems = parsed.success
    ? [...mismatches(parsed.data, config), ...collisions(parsed.data)]
    : problemsOf(parsed.error.issues, input);
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new StarlingError('CONFIG_INVALID', problems.map(({ text }) => text).join('\n'), {
    fields: problems.map(({ path }) => path),
  });
}

/** The host at which others reach a server. */
export function hostOf({ server, host }: TopologyServer): string {
  return host ?? server;
}

export function portsOf({ ports }: Topology, { ports: own }: TopologyServer): ServerPorts {
  return {
    client: own.client ?? ports.client,
    monitor: own.monitor ?? ports.monitor,
    cluster: own.cluster ?? ports.cluster,
    gateway: own.gateway ?? ports.gateway,
  };
}

function problem(path: string, text: string): ConfigProblem {
  return { path, text: `${path}: ${text}` };
}

function mismatches(
  topology: Topology,
  config: Pick<ClusterConfig, 'dataCenters'>,
): ConfigProblem[] {
  const names = config.dataCenters.map(({ name }) => name);
  const strangers = Object.keys(topology.dataCenters)
    .filter((name) => !names.includes(name))
    .map((name) =>
      problem(`dataCenters.${name}`, `the configuration knows only ${names.join(', ')}`),
    );
  const counts = config.dataCenters.flatMap(({ name, servers }) => {
    const count = topology.dataCenters[name]?.length ?? 0;
    if (count === servers) return [];
    const text = `expected as many servers as the configuration says with dataCenters[].servers, ${servers}; got ${count}`;
    return [problem(`dataCenters.${name}`, text)];
  });
  return [...strangers, ...counts];
}

/** Names, and addresses as far as they can be told apart by their text. */
function collisions(topology: Topology): ConfigProblem[] {
  const seen = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  const claim = (path: string, what: string): void => {
    const before = seen.get(what);
    if (before !== undefined) problems.push(problem(path, `${what} is already ${before}`));
    else seen.set(what, path);
  };
  for (const [name, servers] of Object.entries(topology.dataCenters)) {
    for (const [index, each] of servers.entries()) {
      const path = `dataCenters.${name}[${index}]`;
      claim(`${path}.server`, `server ${each.server}`);
      for (const [kind, own] of Object.entries(portsOf(topology, each))) {
        claim(`${path}.ports.${kind}`, `port ${own} of ${hostOf(each)}`);
      }
    }
  }
  return problems;
}
