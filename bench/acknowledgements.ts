import type { NatsBus } from '../runtime/nats/nats-bus.js';
import { findServer } from '../site/servers/find-server.js';
import type { BenchResult } from './bench-result.js';
import { withBenchServer } from './bench-server.js';

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
    const lines = syncAlways ? ['sync_interval: always'] : [];
    await withBenchServer(server.path, lines, async ({ bus }) => {
      await declare(bus);
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

async function declare(bus: NatsBus): Promise<void> {
  const limits = { maxAgeMs, discard: 'old', duplicateWindowMs: 1_000 } as const;
  await bus.declareStream({ name: 'BENCH', cluster: '', subjects: ['bench'], ...limits }, false);
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
