import { connect } from 'node:net';

/** What is read of the line that a nats-server greets with. */
export interface ServerInfo {
  /** The cluster of the server: with us, its data center. */
  readonly cluster: string | undefined;
  readonly version: string | undefined;
  /** `max_payload`, the longest message that it takes. */
  readonly payloadBytesMax: number | undefined;
}

/** The line carries a key and addresses of other servers; a longer one is from something else. */
const lineBytesMax = 64 * 1024;

/**
 * The greeting of a nats-server, which comes in the clear before either side says more, also where TLS follows. A
 * connection alone proves little: the host takes it for a server that is stopped. Undefined: nobody greets in time, or
 * the server is about to leave.
 *
 * @param address `host:port`
 */
export function readServerInfo(address: string, msMax: number): Promise<ServerInfo | undefined> {
  const { hostname, port } = new URL(`nats://${address}`);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) });
    const timer = setTimeout(() => answer(undefined), msMax);
    let text = '';
    const answer = (info: ServerInfo | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(info);
    };
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n')) answer(parseGreeting(text));
      else if (text.length > lineBytesMax) answer(undefined);
    });
    socket.once('error', () => answer(undefined)); // Refused, or cut off: nobody is there.
    socket.once('close', () => answer(undefined));
  });
}

export function parseGreeting(text: string): ServerInfo | undefined {
  const line = /^INFO\s+(\{.*\})\s*\r?\n/.exec(text)?.[1];
  if (line === undefined) return undefined;
  try {
    const { cluster, version, max_payload, ldm } = JSON.parse(line) as Greeting;
    // In "lame duck mode" a server sends its clients away before it ends.
    if (ldm === true) return undefined;
    return {
      cluster: textOrNone(cluster),
      version: textOrNone(version),
      payloadBytesMax: typeof max_payload === 'number' ? max_payload : undefined,
    };
  } catch {
    return undefined; // Not JSON, so not a nats-server.
  }
}

type Greeting = Readonly<Record<'cluster' | 'version' | 'max_payload' | 'ldm', unknown>>;

function textOrNone(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
