import { pino } from 'pino';
import base from '../../cluster.config.js';
import { createJoiner } from '../../actors/joiner/joiner.js';
import { noActionFacts, noFacts } from '../../core/joining/event-facts.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { emptyExamples, selectExamples } from '../../core/features/example-batch.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import type { HeardOf } from '../../messages/actor-kinds.js';
import { decode, encode } from '../../messages/codec.js';
import { names, pattern, streamName, subject } from '../../messages/default-names.testkit.js';
import { actionsMessage, impressionsMessage, joinCloseMessage } from '../../messages/events.js';
import { parseSamples } from '../../messages/samples.js';
import type { Actor } from '../../runtime/actor.js';
import { call } from '../../runtime/idempotent-call.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { storesIn } from '../../runtime/stores/lmdb-actor-stores.js';
import { system, systemRandom } from '../../runtime/system.js';
import type { MessageServer } from './message-server.js';
import { startMessageServer } from './message-server.js';
import { temporaryFolder } from './starling-process.js';

export const joinerConfig = parseClusterConfig({
  ...base,
  joining: { windowMs: 1_000, latenessMs: 100 },
});
const spec = featureSpecOf(joinerConfig.features);
export const startMs = 1_700_000_000_000;

/** Three impressions of one request; the first two are acted upon, with a click and a dismissal. */
export interface Fed {
  /** Event time of the first. */
  readonly atMs: number;
  readonly actedAtMs: number;
}

/** One joiner, the logs about it, and a server for them. */
export class JoinerWorld {
  readonly bus: NatsBus;
  readonly crashes: unknown[] = [];
  /** Slates so far. */
  sent = 0;
  readonly #server: MessageServer;
  readonly #joiners: Actor[] = [];
  readonly #folders: ReturnType<typeof temporaryFolder>[] = [];

  private constructor(server: MessageServer, bus: NatsBus) {
    this.#server = server;
    this.bus = bus;
  }

  static async open(): Promise<JoinerWorld> {
    const server = await startMessageServer();
    const bus = await server.connect();
    const log = { cluster: 'x', maxAgeMs: 0, discard: 'new', duplicateWindowMs: 60_000 } as const;
    const declare = (name: string, subjects: string[]) =>
      bus.declareStream({ ...log, name, subjects }, false);
    await declare(streamName.join, [subject.join(0)]);
    await declare(streamName.samples, [subject.samples(0)]);
    await declare(streamName.activity, [subject.activity(0)]);
    await declare(streamName.deadLetter, [pattern('deadLetter')]);
    await bus.declareBucket({ name: names.bucket, cluster: 'x', replicas: 1 }, false);
    const windows = { dc: 'train' };
    await declare(streamName.snapshotsAt('train'), [
      pattern('windowObject', windows),
      pattern('windowManifest', windows),
    ]);
    return new JoinerWorld(server, bus);
  }

  async close(): Promise<void> {
    await Promise.all(this.#joiners.splice(0).map((each) => each.stop().catch(() => undefined)));
    await this.#server.stop();
    for (const { remove } of this.#folders.splice(0)) remove();
  }

  newFolder(): string {
    const temporary = temporaryFolder();
    this.#folders.push(temporary);
    return temporary.folder;
  }

  /** @param folder with its stores; on another host it is another one. */
  async startJoiner(
    folder: string,
    epoch: number,
    config = joinerConfig,
    index = 0,
  ): Promise<Actor> {
    const kind = 'joiner' as const;
    const identity = { address: `train.joiner.${index}`, kind, dataCenter: 'train', index };
    const joiner = createJoiner({
      identity: { ...identity, epoch, partitions: [] },
      ...{ ...system, config },
      bus: await this.#server.connect(),
      stores: storesIn(folder, index, systemRandom),
      log: pino({ level: 'silent' }),
      crash: (error) => void this.crashes.push(error),
    });
    await joiner.start();
    this.#joiners.push(joiner);
    return joiner;
  }

  /** Slates as time goes by, two thirds of each acted upon a little later; the others become negatives by their window. */
  async feed(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const fed = { atMs: startMs + 40 * this.sent, actedAtMs: startMs + 40 * this.sent + 20 };
      const ids = await this.offer(fed);
      await this.act(ids, fed);
    }
  }

  /** @returns its request ids. */
  async offer({ atMs }: Pick<Fed, 'atMs'>): Promise<string[]> {
    const n = this.sent++;
    const ids = [0, 1, 2].map((k) => `r${3 * n + k}`);
    const empty = emptyExamples(spec.slots.length, spec.denseWidth);
    const offsets = new Uint32Array(3 * spec.slots.length + 1);
    const dense = new Float32Array(3 * spec.denseWidth);
    const impressions = impressionsMessage(spec, {
      requestIds: ids,
      users: ids.map(() => 'u'),
      items: ids.map(() => 'i'),
      atMs: Float64Array.from(ids, (_id, k) => atMs + 13 * k),
      scores: new Float32Array(3),
      facts: noFacts,
      examples: selectExamples({ ...empty, rowCount: 3, offsets, dense }, [0, 1, 2]),
    });
    await this.bus.append(subject.join(0), encode(impressions));
    return ids;
  }

  async act(ids: readonly string[], { actedAtMs }: Pick<Fed, 'actedAtMs'>): Promise<void> {
    const actions = actionsMessage({
      requestIds: ids.slice(0, 2),
      items: ['i', 'i'],
      atMs: Float64Array.of(actedAtMs, actedAtMs + 13),
      labels: Float32Array.of(1, 0),
      acceptedAtMs: Float64Array.of(0, 0),
      facts: noActionFacts,
    });
    await this.bus.append(subject.join(0), encode(actions));
  }

  async samples(): Promise<{ requestIds: string[]; labels: number[]; resolved: number }> {
    const all = { requestIds: [] as string[], labels: [] as number[], resolved: 0 };
    const { lastSequence } = await this.bus.streamState(streamName.samples);
    for (let sequence = 1; sequence <= lastSequence; sequence++) {
      const { bytes } = (await this.bus.messageAt(streamName.samples, sequence))!;
      const message = parseSamples(decode(bytes), spec);
      all.requestIds.push(...message.requestIds);
      all.labels.push(...message.outcomes['click']!.labels);
      all.resolved += message.resolved;
    }
    return all;
  }

  async untilSamples(more: number): Promise<void> {
    await until(async () => (await this.samples()).requestIds.length > more);
  }

  /** No more events will come. */
  async endStream(): Promise<void> {
    await call(this.bus, subject.joinControl(0), joinCloseMessage(), { deadlineMs: 10_000 });
  }
}

export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

export const figuresOf = (joiner: Actor): HeardOf<'joiner'> => joiner.stats() as HeardOf<'joiner'>;
