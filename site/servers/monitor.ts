import { connect } from 'node:net';
import type { ServerPorts } from './server-config.js';

/**
 * Questions to a server over its monitoring port. A server that does not answer in time is not there, as far as its
 * callers are concerned, so each answer is a plain value and never an error.
 */
const answerMsMax = 2_000;

/**
 * Whether streams can be created through this server: it knows the leader of the meta group. `/healthz` says the same
 * and more, but logs a warning for every time it has to say no, and a start asks many times.
 */
export async function hasMetaLeader(ports: ServerPorts): Promise<boolean> {
  const answer = await ask(ports, '/jsz');
  const cluster = (answer as { meta_cluster?: { leader?: string } } | undefined)?.meta_cluster;
  return Boolean(cluster?.leader);
}

/** Whether the server has outbound gateways to all of `others`; until then, interest does not cross. */
export async function hasGateways(ports: ServerPorts, others: readonly string[]): Promise<boolean> {
  const answer = await ask(ports, '/gatewayz');
  const outbound = (answer as { outbound_gateways?: Record<string, unknown> } | undefined)
    ?.outbound_gateways;
  return others.every((name) => outbound !== undefined && Object.hasOwn(outbound, name));
}

/** Whether the server reports itself healthy, its streams recovered and up to date with their leaders. */
export async function isHealthy(ports: ServerPorts): Promise<boolean> {
  return (await ask(ports, '/healthz')) !== undefined;
}

/**
 * Whether the server answers at all, be it that it is unwell. One that is stopped or caught in a deadlock (2.9.10 on a
 * full disk) still accepts connections, but answers nothing.
 */
export async function isAlive(ports: ServerPorts): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${ports.monitor}/jsz`, {
      signal: AbortSignal.timeout(answerMsMax),
    });
    await answer.arrayBuffer();
    return true;
  } catch (error) {
    // Refused: it is starting, or gone, which its exit tells.
    return (error as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED';
  }
}

/** Whether clients can connect; the server listens to them only once its streams are recovered. */
export function acceptsClients(ports: ServerPorts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: ports.client });
    const answer = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.setTimeout(answerMsMax, () => answer(false));
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}

async function ask(ports: ServerPorts, path: string): Promise<unknown> {
  try {
    const response = await fetch(`http://127.0.0.1:${ports.monitor}${path}`, {
      signal: AbortSignal.timeout(answerMsMax),
    });
    const body: unknown = await response.json();
    return response.ok ? body : undefined;
  } catch {
    return undefined; // Refused, cut off, late or not JSON: whatever listens there, it is no server that is ready.
  }
}
