import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { declareStreams, type StreamTopology } from '../../messages/declared-streams.js';
import { names } from '../../messages/default-names.testkit.js';
import { connectBus, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { findServer } from '../../site/servers/find-server.js';
import { freePort } from '../../site/servers/ports.js';
import { temporaryFolder } from './starling-process.js';

export interface MessageServer {
  readonly url: string;
  /** A connection of its own, closed when the server stops. */
  connect(name?: string): Promise<NatsBus>;
  /** As if it hung: connections stay, and nothing is answered. */
  pause(): void;
  resume(): void;
  /** It is killed, and started again in the same place. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Those of a cluster's streams that a test needs, with the subjects and limits they have there. */
export async function declareOnly(
  bus: NatsBus,
  wanted: readonly string[],
  dataCenters: StreamTopology['dataCenters'] = [{ name: 'train', role: 'training' }],
): Promise<void> {
  for (const declaration of declareStreams(names, { dataCenters, ingestMapped: true }))
    if (wanted.includes(declaration.name)) await bus.declareStream(declaration, false);
}

/** One plain nats-server with JetStream on a free port, for tests of what needs a server but no cluster. */
export async function startMessageServer({
  storageBytesMax,
}: { readonly storageBytesMax?: number } = {}): Promise<MessageServer> {
  const { path: binary } = await findServer();
  const { folder, remove } = temporaryFolder();
  const port = await freePort();
  const url = `127.0.0.1:${port}`;
  const configFile = path.join(folder, 'server.conf');
  const limit = storageBytesMax === undefined ? '' : `max_file_store: ${storageBytesMax}`;
  writeFileSync(configFile, `jetstream { store_dir: "${folder}", ${limit} }\n`);
  const args = ['-a', '127.0.0.1', '-p', String(port), '-c', configFile];
  let server = spawn(binary, args, { stdio: 'ignore' });
  const kill = async (): Promise<void> => {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  };
  const buses: NatsBus[] = [];
  const connect = async (name = 'test'): Promise<NatsBus> => {
    const bus = await connectBus({ cluster: 'starling', urls: [url], name });
    buses.push(bus);
    return bus;
  };
  for (let attempt = 0; ; attempt++) {
    try {
      await (await connect('probe')).flush();
      break;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return {
    url,
    connect,
    pause() {
      server.kill('SIGSTOP');
      untilStopped(server.pid!);
    },
    resume: () => void server.kill('SIGCONT'),
    async restart() {
      await kill();
      server = spawn(binary, args, { stdio: 'ignore' });
    },
    async stop() {
      await Promise.all(buses.map((bus) => bus.close()));
      await kill();
      remove();
    },
  };
}

/** A signal is sent before it has arrived: on a busy machine a thread of the server answers once more. */
function untilStopped(pid: number): void {
  if (process.platform !== 'linux') return;
  const tasks = `/proc/${pid}/task`;
  const isStopped = (task: string): boolean =>
    readFileSync(`${tasks}/${task}/stat`, 'utf8').includes(') T ');
  while (!readdirSync(tasks).every(isStopped));
}
