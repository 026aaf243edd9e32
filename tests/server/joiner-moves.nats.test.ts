import { storesIn } from '../../runtime/stores/lmdb-actor-stores.js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import base from '../../cluster.config.js';
import { createJoiner } from '../../actors/joiner/joiner.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { emptyExamples, selectExamples } from '../../core/features/example-batch.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import type { HeardOf } from '../../messages/actor-kinds.js';
import { decode, encode } from '../../messages/codec.js';
import { countersIn } from '../../core/joining/join-counts.js';
import { noActionFacts, noFacts } from '../../core/joining/event-facts.js';
import { actionsMessage, impressionsMessage, joinCloseMessage } from '../../messages/events.js';
import { parseSamples } from '../../messages/samples.js';
import { pattern, streamName, subject } from '../../messages/default-names.testkit.js';
import type { Actor } from '../../runtime/actor.js';
import { call } from '../../runtime/idempotent-call.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { system, systemRandom } from '../../runtime/system.js';
import type { MessageServer } from '../support/message-server.js';
import { startMessageServer } from '../support/message-server.js';
import { temporaryFolder } from '../support/starling-process.js';

const config = parseClusterConfig({ ...base, joining: { windowMs: 1_000, latenessMs: 100 } });
const spec = featureSpecOf(config.features);
const start = 1_700_000_000_000;

let server: MessageServer;
let bus: NatsBus;
let crashes: unknown[];
let sent: number;
const joiners: Actor[] = [];
const folders: ReturnType<typeof temporaryFolder>[] = [];

beforeEach(async () => {
  server = await startMessageServer();
  bus = await server.connect();
  crashes = [];
  sent = 0;
  const log = { cluster: 'x', maxAgeMs: 0, discard: 'new', duplicateWindowMs: 60_000 } as const;
  const declare = (name: string, subjects: string[]) =>
    bus.declareStream({ ...log, name, subjects }, false);
  await declare(streamName.join, [subject.join(0)]);
  await declare(streamName.samples, [subject.samples(0)]);
  await declare(streamName.activity, [subject.activity(0)]);
  await declare(streamName.deadLetter, [pattern('deadLetter')]);
});

afterEach(async () => {
  await Promise.all(joiners.splice(0).map((joiner) => joiner.stop().catch(() => undefined)));
  await server.stop();
  for (const { remove } of folders.splice(0)) remove();
});

function newFolder(): string {
  const temporary = temporaryFolder();
  folders.push(temporary);
  return temporary.folder;
}

async function startJoiner(folder: string, epoch: number, change = config): Promise<Actor> {
  const kind = 'joiner' as const;
  const identity = { address: 'train.joiner.0', kind, dataCenter: 'train', index: 0 };
  const joiner = createJoiner({
    identity: { ...identity, epoch, partitions: [] },
    ...system,
    config: change,
    bus: await server.connect(),
    stores: storesIn(folder, systemRandom),
    log: pino({ level: 'silent' }),
    crash: (error) => void crashes.push(error),
  });
  await joiner.start();
  joiners.push(joiner);
  return joiner;
}

/** Impressions, two thirds of which are acted upon a little later; the others become negatives by their window. */
async function feed(count: number): Promise<void> {
  const empty = emptyExamples(spec.slots.length, spec.dense.length);
  for (let i = 0; i < count; i++) {
    const n = sent++;
    const ids = [0, 1, 2].map((k) => `r${3 * n + k}`);
    const times = Float64Array.from(ids, (_id, k) => start + 40 * n + 13 * k);
    const impressions = impressionsMessage(spec, {
      requestIds: ids,
      users: ids.map(() => 'u'),
      items: ids.map(() => 'i'),
      atMs: times,
      scores: new Float32Array(3),
      facts: noFacts,
      examples: selectExamples(
        { ...empty, rowCount: 3, offsets: zeros(3), dense: dense(3) },
        [0, 1, 2],
      ),
    });
    await bus.append(subject.join(0), encode(impressions));
    const actions = actionsMessage({
      requestIds: ids.slice(0, 2),
      items: ['i', 'i'],
      atMs: times.slice(0, 2).map((atMs) => atMs + 20),
      labels: Float32Array.of(1, 0),
      acceptedAtMs: Float64Array.of(0, 0),
      facts: noActionFacts,
    });
    await bus.append(subject.join(0), encode(actions));
  }
}

function zeros(rows: number): Uint32Array {
  return new Uint32Array(rows * spec.slots.length + 1);
}

function dense(rows: number): Float32Array {
  return new Float32Array(rows * spec.dense.length);
}

async function samples(): Promise<{ requestIds: string[]; labels: number[]; resolved: number }> {
  const all = { requestIds: [] as string[], labels: [] as number[], resolved: 0 };
  const { lastSequence } = await bus.streamState(streamName.samples);
  for (let sequence = 1; sequence <= lastSequence; sequence++) {
    const { bytes } = (await bus.messageAt(streamName.samples, sequence))!;
    const message = parseSamples(decode(bytes), spec);
    all.requestIds.push(...message.requestIds);
    all.labels.push(...message.outcomes['click']!.labels);
    all.resolved += message.resolved;
  }
  return all;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const figures = (joiner: Actor): HeardOf<'joiner'> => joiner.stats() as HeardOf<'joiner'>;

async function close(): Promise<void> {
  await call(bus, subject.joinControl(0), joinCloseMessage(), { deadlineMs: 10_000 });
}

async function expectEachOnce(): Promise<void> {
  const { requestIds, labels, resolved } = await samples();
  expect(requestIds).toHaveLength(3 * sent);
  expect(new Set(requestIds).size).toBe(3 * sent);
  expect(resolved).toBe(3 * sent);
  expect(labels.filter((label) => label === 1)).toHaveLength(sent);
}

describe('a joiner', () => {
  test('goes on without its store exactly where it was, and again where its store is old', async () => {
    const [first, second] = [newFolder(), newFolder()];
    const one = await startJoiner(first, 1);
    await feed(60);
    await until(async () => (await samples()).requestIds.length > 90);
    await one.stop();
    await feed(40);
    const two = await startJoiner(second, 2);
    await feed(40);
    await until(async () => (await samples()).requestIds.length > 300);
    await two.stop();
    await feed(20);
    await startJoiner(first, 3);
    await feed(20);
    await until(async () => (await samples()).requestIds.length > 450);
    await close();
    await expectEachOnce();
    expect(crashes).toEqual([]);
  }, 60_000);

  test('goes on counting where it was, also where its log has lost its beginning', async () => {
    const one = await startJoiner(newFolder(), 1);
    await feed(60);
    await until(() => figures(one).published === 120);
    await one.stop();
    const before = figures(one);
    // All that is open is of the last second of event time: 25 impressions, each with its actions.
    await bus.purge(streamName.join, { beforeSequence: 41 });
    const two = await startJoiner(newFolder(), 2);
    await until(() => figures(two).published === 120);
    expect(countersIn(figures(two))).toEqual(countersIn(before));
    await feed(40);
    await close();
    const { impressions, actions, positives, negatives, open } = figures(two);
    expect({ impressions, actions, open }).toEqual({ impressions: 300, actions: 200, open: 0 });
    expect(positives! + negatives!).toBe(300);
    await expectEachOnce();
    // Nothing is left of what was published, and nothing was open.
    await two.stop();
    await bus.purge(streamName.join, {});
    await feed(20);
    const three = await startJoiner(newFolder(), 3);
    await close();
    expect(figures(three)).toMatchObject({ impressions: 360, actions: 240, open: 0 });
    await expectEachOnce();
    expect(crashes).toEqual([]);
  }, 60_000);

  test('makes its window anew where other outcomes are predicted than it knows', async () => {
    const folder = newFolder();
    const one = await startJoiner(folder, 1);
    await feed(60);
    await until(async () => (await samples()).requestIds.length > 90);
    await one.stop();
    const outcomes = { again: { from: ['click'] }, click: {} };
    const two = await startJoiner(folder, 2, parseClusterConfig({ ...config, outcomes }));
    await feed(40);
    await close();
    expect(figures(two)).toMatchObject({ impressions: 300, actions: 200, open: 0, heldActions: 0 });
    const { lastSequence } = await bus.streamState(streamName.samples);
    const { bytes } = (await bus.messageAt(streamName.samples, lastSequence))!;
    expect(Object.keys(parseSamples(decode(bytes), spec).outcomes)).toEqual(['again', 'click']);
    expect(crashes).toEqual([]);
  }, 60_000);

  test('of which two lives run at once ends the earlier one', async () => {
    await startJoiner(newFolder(), 1);
    await feed(30);
    await until(async () => (await samples()).requestIds.length > 40);
    await startJoiner(newFolder(), 2);
    await feed(30);
    await until(() => crashes.length > 0);
    expect(crashes[0]).toMatchObject({ code: 'FENCED' });
    const { requestIds } = await samples();
    expect(new Set(requestIds).size).toBe(requestIds.length);
  }, 60_000);
});
