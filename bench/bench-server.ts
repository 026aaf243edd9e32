import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectBus, type NatsBus } from '../runtime/nats/nats-bus.js';
import { freePort } from '../site/servers/ports.js';

export interface BenchServer {
  readonly bus: NatsBus;
  /** Another connection, for who closes it. */
  readonly connect: () => Promise<NatsBus>;
  /** Of its own, gone with the server. */
  readonly folder: string;
  readonly pid: number;
}

/**
 * One nats-server with JetStream for as long as `measure` takes.
 *
 * @param lines of its configuration, beside what every server has; those of JetStream.
 * @param payloadBytesMax left out: what a server takes by itself, 1 MiB.
 */
export async function withBenchServer(
  binary: string,
  lines: readonly string[],
  measure: (server: BenchServer) => Promise<void>,
  payloadBytesMax?: number,
): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'starling-bench-'));
  const port = await freePort();
  const config = path.join(folder, 'server.conf');
  const text = [
    `listen: "127.0.0.1:${port}"`,
    ...(payloadBytesMax === undefined ? [] : [`max_payload: ${payloadBytesMax}`]),
    'jetstream {',
    `  store_dir: "${path.join(folder, 'jetstream')}"`,
    ...lines.map((line) => `  ${line}`),
    '}',
  ];
  await writeFile(config, text.join('\n'));
  const server = spawn(binary, ['--config', config], { stdio: 'ignore' });
  try {
    const connect = () => connected(`127.0.0.1:${port}`, server);
    const bus = await connect();
    await measure({ bus, connect, folder, pid: server.pid! });
    await bus.close();
  } finally {
    const ended = once(server, 'exit');
    if (server.kill('SIGKILL')) await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

async function connected(url: string, server: ChildProcess): Promise<NatsBus> {
  for (;;) {
    try {
      return await connectBus({ urls: [url], cluster: 'starling', name: 'bench' });
    } catch (error) {
      if (server.exitCode !== null) throw error; // It is not only late.
      await sleep(50);
    }
  }
}
