import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectBus, type NatsBus } from '../runtime/nats/nats-bus.js';
import { findServer } from '../site/servers/find-server.js';
import type { BenchResult } from './bench-result.js';

/**
 * What `nats.syncAlways` costs: acknowledgements of a stream with one copy per second, one after the other and 64 in
 * flight, with a flush of the disk before each and without (the baseline). The messages are as large as a few events,
 * and as a delta. Depends on the disk under the temporary folder (TMPDIR) more than on anything else.
 */
const sizes = [1_000, 100_000];
const flights = [1, 64];

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const measureMs = options.quick ? 2_000 : 10_000;
  const server = await findServer(console.error);
  const figures: Record<string, number | string> = { natsServer: server.version };
  for (const syncAlways of [false, true]) {
    const name = syncAlways ? 'synced' : 'baseline';
    await withStream(server.path, syncAlways, async (bus) => {
      for (const bytes of sizes)
        for (const inFlight of flights) {
          const rate = await acknowledgedPerSecond(bus, { bytes, inFlight, measureMs });
          figures[`${name}.bytes${bytes}.inFlight${inFlight}`] = rate;
        }
    });
  }
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(36)} ${value}`);
  return { name: 'acknowledgements', figures };
}

/** Acknowledged once every so many seconds, the messages are gone before they fill the disk. */
const maxAgeMs = 5_000;

async function withStream(
  binary: string,
  syncAlways: boolean,
  measure: (bus: NatsBus) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'starling-bench-'));
  const port = await freePort();
  const config = path.join(folder, 'server.conf');
  const lines = [
    `listen: "127.0.0.1:${port}"`,
    'jetstream {',
    `  store_dir: "${folder}"`,
    ...(syncAlways ? ['  sync_interval: always'] : []),
    '}',
  ];
  await writeFile(config, lines.join('\n'));
  const server = spawn(binary, ['--config', config], { stdio: 'ignore' });
  try {
    const bus = await connected(`127.0.0.1:${port}`, server);
    await bus.declareStream(
      {
        name: 'BENCH',
        cluster: '',
        subjects: ['bench'],
        maxAgeMs,
        discard: 'old',
        duplicateWindowMs: 1_000,
      },
      false,
    );
    await measure(bus);
    await bus.close();
  } finally {
    const ended = once(server, 'exit');
    if (server.kill('SIGKILL')) await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

async function acknowledgedPerSecond(
  bus: NatsBus,
  { bytes, inFlight, measureMs }: { bytes: number; inFlight: number; measureMs: number },
): Promise<number> {
  const message = new Uint8Array(bytes).fill(7);
  const startMs = performance.now();
  const endMs = startMs + measureMs;
  let acknowledged = 0;
  const appendOn = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await bus.append('bench', message);
      acknowledged++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, appendOn));
  return Math.round((acknowledged / (performance.now() - startMs)) * 1_000);
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

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
