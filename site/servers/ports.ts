import { createServer } from 'node:net';
import { StarlingError } from '../../core/base/errors.js';
import type { ServerPorts } from './server-config.js';

/**
 * Ports of the servers. Automatic ones are whatever is free, but a cluster keeps those it had: clients that outlive a
 * restart then find it again. Named ones must be free, since somebody relies on them.
 */
export type PortChoice = 'auto' | { readonly base: number };

const loopback = '127.0.0.1';
const portNames = ['client', 'monitor', 'cluster', 'gateway'] as const;

/**
 * @param names     of data centers; with a base, clients connect to base, base + 1, … in this order. Only client ports
 *   are fixed that way: nobody outside has to know the others.
 * @param earlier   what was chosen last time; kept where it is free
 * @throws PORT_IN_USE for a named port that is taken
 */
export async function choosePorts(
  names: readonly string[],
  choice: PortChoice,
  earlier: Readonly<Record<string, ServerPorts>>,
): Promise<Record<string, ServerPorts>> {
  const fixed = choice === 'auto' ? [] : names.map((_, index) => choice.base + index);
  for (const port of fixed) await requireFree(port);
  const taken = new Set(fixed);
  const chosen: Record<string, ServerPorts> = {};
  for (const [index, name] of names.entries()) {
    const ports = { client: 0, monitor: 0, cluster: 0, gateway: 0 };
    for (const portName of portNames) {
      const named = portName === 'client' ? fixed[index] : undefined;
      ports[portName] = named ?? (await freePort(taken, earlier[name]?.[portName]));
      taken.add(ports[portName]);
    }
    chosen[name] = ports;
  }
  return chosen;
}

/** The ports that were chosen last time, if they are what would be chosen again were they free. */
export function keptPorts(
  names: readonly string[],
  choice: PortChoice,
  earlier: Readonly<Record<string, ServerPorts>>,
): Record<string, ServerPorts> | undefined {
  const kept: Record<string, ServerPorts> = {};
  for (const [index, name] of names.entries()) {
    const ports = earlier[name];
    if (ports === undefined || portNames.some((portName) => !Number.isSafeInteger(ports[portName])))
      return undefined;
    if (choice !== 'auto' && ports.client !== choice.base + index) return undefined;
    kept[name] = ports;
  }
  return kept;
}

async function requireFree(port: number): Promise<void> {
  if (await isFree(port)) return;
  throw new StarlingError(
    'PORT_IN_USE',
    `port ${port} on ${loopback} is in use by another process; stop it, or set nats.ports to another base or to 'auto'`,
    { port },
  );
}

export async function isFree(port: number): Promise<boolean> {
  return (await tryBind(port)) === port;
}

/** The bound is generous: two draws in a row rarely give the same port. */
const drawsMax = 100;

/** @param taken chosen already, and not bound yet. */
export async function freePort(
  taken: ReadonlySet<number> = new Set(),
  preferred?: number,
): Promise<number> {
  if (preferred !== undefined && !taken.has(preferred) && (await isFree(preferred))) {
    return preferred;
  }
  for (let draw = 0; draw < drawsMax; draw++) {
    const port = await tryBind(0);
    if (port !== undefined && !taken.has(port)) return port;
  }
  throw new StarlingError('PORT_IN_USE', `no free port found on ${loopback} in ${drawsMax} draws`);
}

/**
 * Binds and lets go. Another process may take the port before the server does; then the server fails to start and says
 * so, and the next start draws again.
 */
function tryBind(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: loopback, exclusive: true }, () => {
      const address = server.address();
      const bound = address !== null && typeof address === 'object' ? address.port : undefined;
      server.close(() => resolve(bound));
    });
  });
}
