import { Neighbourhood } from '../runtime/neighbours/neighbourhood.js';
import type { Bus } from '../runtime/bus/bus.js';
import { call } from '../runtime/idempotent-call.js';
import { ServedEndpoint } from '../runtime/serve-endpoint.js';
import { findServer } from '../site/servers/find-server.js';
import type { BenchResult } from './bench-result.js';
import { withBenchServer } from './bench-server.js';

/**
 * What a call to an actor of the same process costs, and the same call over the server (the baseline): time from call to
 * answer, one after the other, and processor time of this process, which is both ends, with 16 in flight. `bytes` are
 * requests as the bus takes them, `typed` are calls of an endpoint with a typed array each way, with encoding and decoding.
 */
const sizes = [1_024, 65_536];
const kinds = ['bytes', 'typed'] as const;
const ask = { timeoutMs: 10_000 };

type Call = () => Promise<unknown>;

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const measureMs = options.quick ? 500 : 3_000;
  const rounds = options.quick ? 4 : 20;
  const server = await findServer(console.error);
  const figures: Record<string, number | string> = { natsServer: server.version };
  await withBenchServer(server.path, [], async ({ bus, connect }) => {
    const other = await connect();
    const hood = new Neighbourhood();
    const anything = { mayAsk: () => true, mayServe: () => true };
    const near = [await connect(), await connect()].map((each) => hood.join(each, anything));
    const ways = { server: [bus, other], direct: near } as const;
    for (const size of sizes)
      for (const kind of kinds) {
        const calls: Record<string, Call> = {};
        const stops: (() => Promise<unknown>)[] = [];
        for (const [way, [caller, answerer]] of Object.entries(ways)) {
          const subject = `bench.${way}.${kind}.${size}`;
          const served =
            kind === 'bytes' ? serveBytes(answerer, subject) : serveTyped(answerer, subject);
          stops.push(() => served.stop());
          await answerer.flush();
          calls[way] =
            kind === 'bytes' ? askBytes(caller, subject, size) : askTyped(caller, subject, size);
        }
        const measured: Record<string, Measured> = {};
        // In turns, so that what else runs here hits both.
        for (let round = 0; round < rounds; round++)
          for (const [way, each] of Object.entries(calls))
            measured[way] = best(measured[way], await measure(each, measureMs / rounds));
        const [over, direct] = [measured['server']!, measured['direct']!];
        const name = `${kind}.${size}`;
        figures[`${name}.server.latencyUs`] = round1(over.latencyUs);
        figures[`${name}.direct.latencyUs`] = round1(direct.latencyUs);
        figures[`${name}.latencyRatio`] = round1(over.latencyUs / direct.latencyUs);
        figures[`${name}.server.cpuUs`] = round1(over.cpuUs);
        figures[`${name}.direct.cpuUs`] = round1(direct.cpuUs);
        figures[`${name}.cpuRatio`] = round1(over.cpuUs / direct.cpuUs);
        await Promise.all(stops.map((stop) => stop()));
      }
    await Promise.all([...near, other].map((each) => each.close()));
  });
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(36)} ${value}`);
  return { name: 'neighbours', figures };
}

function serveBytes(bus: Bus, subject: string) {
  return bus.serve(subject, { queue: 'bench' }, (bytes) => bytes);
}

function serveTyped(bus: Bus, subject: string) {
  return new ServedEndpoint(bus, {
    ...{ subject, queue: 'bench', inFlightMax: 64, deadlineMs: 10_000 },
    handle: async (request) => request,
  });
}

function askBytes(bus: Bus, subject: string, size: number): Call {
  const bytes = new Uint8Array(size).fill(7);
  return () => bus.request(subject, bytes, ask);
}

function askTyped(bus: Bus, subject: string, size: number): Call {
  const request = { rows: new Float32Array(size / 4).fill(0.5), epoch: 7 };
  return () => call(bus, subject, request, { deadlineMs: 10_000 });
}

interface Measured {
  readonly latencyUs: number;
  readonly cpuUs: number;
}

async function measure(each: Call, ms: number): Promise<Measured> {
  const serial = await calls(each, 1, ms / 2);
  const busy = await calls(each, 16, ms / 2);
  return { latencyUs: serial.wallUs, cpuUs: busy.cpuUs };
}

/** Microseconds of time and of processor for each, so many in flight. */
async function calls(each: Call, inFlight: number, ms: number) {
  for (let i = 0; i < 200; i++) await each();
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  let count = 0;
  const goOn = async (): Promise<void> => {
    while (performance.now() - startMs < ms) {
      await each();
      count++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, goOn));
  const wallUs = ((performance.now() - startMs) * 1_000) / count;
  const { user, system } = process.cpuUsage(cpu);
  return { wallUs, cpuUs: (user + system) / count };
}

function best(known: Measured | undefined, next: Measured): Measured {
  if (!known) return next;
  return {
    latencyUs: Math.min(known.latencyUs, next.latencyUs),
    cpuUs: Math.min(known.cpuUs, next.cpuUs),
  };
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}
