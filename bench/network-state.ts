import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import { DenseLedger } from '../actors/dense-shard/dense-ledger.js';
import { DenseLog } from '../actors/dense-shard/dense-log.js';
import { pauseMsAfterSave } from '../actors/dense-shard/dense-saver.js';
import { namesOf } from '../messages/cluster-names.js';
import { decode, encode } from '../messages/codec.js';
import {
  denseReply,
  denseStateMessage,
  densePushMessage,
  parseDensePush,
  parseDenseReply,
} from '../messages/network-state.js';
import { adamDefaults } from '../core/model/adam.js';
import { appendDurably } from '../runtime/append-durably.js';
import type { ActorContext } from '../runtime/actor.js';
import { findServer } from '../site/servers/find-server.js';
import type { BenchResult } from './bench-result.js';
import { withBenchServer, type BenchServer } from './bench-server.js';

/**
 * What a large network costs beside computing it: a step of its optimizer, the messages of a step, and saving and restoring all of it, by
 * a nats-server with its disk. Of a save also how long nobody else is served. The baseline is the state as one message, where the server
 * takes one so long: 64 MiB, which is 5.6 M parameters.
 */
const serverBytesMax = 64 * 2 ** 20;
const rounds = 5;
const mebibyte = 2 ** 20;

type Figures = Record<string, number | string>;

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const figures: Figures = { baseline: 'the whole state as one message' };
  const { path: binary } = await findServer(console.error);
  const sizes = options.quick ? [200_000, 2_000_000] : [200_000, 2_000_000, 10_000_000];
  for (const parameters of sizes)
    await withBenchServer(
      binary,
      [],
      (server) => measure(server, parameters, figures),
      serverBytesMax,
    );
  return { name: 'network-state', figures };
}

async function measure({ bus }: BenchServer, parameters: number, figures: Figures): Promise<void> {
  const names = namesOf('starling');
  const of = { cluster: '', replicas: 1, maxAgeMs: 0, duplicateWindowMs: 60_000 };
  const subjects = [names.pattern('denseState'), names.pattern('denseStatePart')];
  const stream = { name: names.stream.dense, subjects, discard: 'old' } as const;
  await bus.declareStream({ ...of, ...stream, maxMessagesPerSubject: 2 }, false);
  const context = {
    ...{ bus, log: pino({ level: 'silent' }), identity: { epoch: 1 } },
  } as unknown as ActorContext;
  const shape = { hash: 'h', outcomes: ['click'], earlier: new Map() };
  const ledger = new DenseLedger(new Float32Array(parameters).fill(0.1), adamDefaults);
  const log = new DenseLog(context, ledger, shape);
  await log.open();
  const gradient = new Float32Array(parameters).fill(0.01);
  let batch = 0;
  const stepMs = await median(async () => {
    ledger.apply(Float64Array.of(++batch), gradient);
  });
  const messagesMs = await median(async () => {
    const push = { specHash: 'h', batches: Float64Array.of(1), gradient };
    parseDensePush(decode(encode(densePushMessage(push))), parameters);
    const reply = { outcome: 'applied', denseVersion: 1, sequence: 1 } as const;
    parseDenseReply(
      decode(encode(denseReply({ ...reply, parameters: ledger.parameters }))),
      parameters,
    );
  });
  const saved = await withLongestStop(() => median(() => log.save()));
  const openMs = await median(async () => new DenseLog(context, ledger, shape).open());
  const bytes = 12 * parameters;
  const name = `${parameters / 1e6} M`;
  const rate = bytes / mebibyte / (saved.ms / 1000);
  tell(figures, `${name}: step of the optimizer, ms`, stepMs);
  tell(figures, `${name}: messages of a step, ms`, messagesMs);
  tell(figures, `${name}: save, ms`, saved.ms);
  tell(figures, `${name}: save, MiB/s`, rate);
  tell(figures, `${name}: longest stop while saving, ms`, saved.stopMs);
  tell(figures, `${name}: pause after a save, ms`, pauseMsAfterSave(saved.ms));
  tell(figures, `${name}: restore and save, ms`, openMs);
  if (bytes + mebibyte > serverBytesMax) return;
  const whole = await withLongestStop(() =>
    median(async () => {
      const { denseVersion, applied } = ledger;
      const state = {
        ...{ specHash: 'h', outcomes: ['click'], denseVersion, trainedThrough: 1, epoch: 1 },
        ...{ parameters: ledger.parameters, applied: applied.encode() },
        ...ledger.optimizerState(),
      };
      const message = encode(denseStateMessage(state));
      await appendDurably(context, names.subject.denseStatePart('main', 999), message);
    }),
  );
  tell(figures, `${name}: save, ratio to one message`, saved.ms / whole.ms);
  tell(figures, `${name}: longest stop, ratio to one message`, saved.stopMs / whole.stopMs);
}

async function median(work: () => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startMs = performance.now();
    await work();
    took.push(performance.now() - startMs);
  }
  return took.sort((a, b) => a - b)[rounds >> 1]!;
}

/** How long timers had to wait at most. */
async function withLongestStop(
  work: () => Promise<number>,
): Promise<{ readonly ms: number; readonly stopMs: number }> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const ms = await work();
  delays.disable();
  return { ms, stopMs: delays.max / 1e6 };
}

function tell(figures: Figures, name: string, value: number): void {
  figures[name] = Number(value.toPrecision(3));
  console.log(`${name.padEnd(56)} ${figures[name]}`);
}
