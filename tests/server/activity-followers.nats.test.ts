import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import path from 'node:path';
import { pino } from 'pino';
import { createFeatureStore } from '../../actors/feature-store/feature-store.js';
import { FeatureSnapshots } from '../../cluster/snapshots/feature-snapshots.js';
import type { Activity } from '../../core/base/activity.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { KeptHistory } from '../../core/features/kept-features.js';
import { activityMessage, parseActivityNotice } from '../../messages/activity.js';
import { decode, encode } from '../../messages/codec.js';
import { declareStreams } from '../../messages/declared-streams.js';
import { names, streamName, subject } from '../../messages/default-names.testkit.js';
import type { FeaturesRequest } from '../../messages/features.js';
import {
  featureChangeMessage,
  featuresRequest,
  parseFeaturesReply,
} from '../../messages/features.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import type { WorkMessage } from '../../runtime/bus/work-queues.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { storesIn } from '../../runtime/stores/lmdb-actor-stores.js';
import { openFeatureSnapshots } from '../../runtime/stores/open-snapshots.js';
import { snapshotId } from '../../runtime/stores/snapshot-store.js';
import { system } from '../../runtime/system.js';
import { until } from '../support/data-centers.js';
import type { MessageServer } from '../support/message-server.js';
import { startMessageServer } from '../support/message-server.js';
import { temporaryFolder } from '../support/starling-process.js';

const config = parseClusterConfig({
  features: {
    item: { entity: 'item', kind: 'id' },
    genre: { entity: 'item', kind: 'id' },
    recent: { entity: 'user', kind: 'history', of: 'genre', length: 3 },
    views: { entity: 'item', kind: 'count' },
  },
  events: { view: {}, buy: {} },
});

let server: MessageServer;
let bus: NatsBus;
let folder: ReturnType<typeof temporaryFolder>;
let said = 0;
const stops: (() => Promise<unknown>)[] = [];
const errors: unknown[] = [];

beforeEach(async () => {
  server = await startMessageServer();
  bus = await server.connect();
  folder = temporaryFolder();
  said = 0;
  const { dataCenters } = config;
  for (const declaration of declareStreams(names, { dataCenters, ingestMapped: true }))
    await bus.declareStream(declaration, false);
  await tellGenre('a', 'Comedy');
  await tellGenre('b', 'Drama');
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await server.stop();
  folder.remove();
  expect(errors.splice(0)).toEqual([]);
});

async function tellGenre(id: string, genre: string): Promise<void> {
  const change = { entity: 'item', ids: [id], features: [{ genre }] } as const;
  await bus.append(subject.features('item'), encode(featureChangeMessage(change)));
}

/** What joiner 0 says, each at a place of its own; or again from a place on. */
async function say(activity: readonly Activity[], from = said): Promise<void> {
  const rows = activity.map((each, i) => ({ activity: each, sequence: 1 + from + i, index: 1 }));
  said = from + activity.length;
  await bus.append(subject.activity(0), encode(activityMessage({ source: 0, rows })));
}

const view = (person: string, item: string, atMs = Date.now()): Activity => ({
  ...{ kind: 'event', type: 'view', person, item, atMs },
  ...{ id: '', value: NaN, order: '' },
});

async function startStore(dataCenter: string, name: string): Promise<Actor<'feature-store'>> {
  const identity = { address: `${dataCenter}.${name}`, dataCenter, index: 0 };
  const context: ActorContext = {
    identity: { ...identity, kind: 'feature-store', epoch: 1, partitions: [] },
    ...system,
    ...{ config, bus, log: pino({ level: 'silent' }) },
    stores: storesIn(path.join(folder.folder, name), 0, system.random),
    crash: (error) => errors.push(error),
  };
  const actor = createFeatureStore(context);
  await actor.start();
  stops.push(() => actor.stop());
  return actor;
}

async function stopStores(): Promise<void> {
  for (const stop of stops.splice(0)) await stop();
}

/** What a store of the data center answers of a user and of items. */
async function ask(dataCenter: string, user: string, items: readonly string[]) {
  const replyTo = async (request: FeaturesRequest) => {
    const message = encode(featuresRequest(request));
    const name = subject.featuresGetAt(dataCenter);
    return parseFeaturesReply(
      decode(await bus.request(name, message, { timeoutMs: 5_000 })),
      request,
    );
  };
  const lately = { types: ['view', 'buy'], sinceMs: 0 };
  const { kept } = await replyTo({ users: [user], items });
  const { lately: done } = await replyTo({ users: [user], items: [], lately });
  return {
    recent: (kept.users[0]!['recent'] as KeptHistory).values,
    views: kept.items.map((each) => each['views']),
    done: done[0],
  };
}

async function copied(dataCenter: string, messages: number): Promise<void> {
  const stream = streamName.activityAt(dataCenter);
  while ((await bus.streamState(stream)).messages < messages)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

const hasFolded = (store: Actor<'feature-store'>, records: number) =>
  until('it is folded', () => {
    const { activity, sequence } = store.stats()!;
    return activity === records && sequence === 2;
  });

describe('a feature store', () => {
  test('keeps what people do in each data center, once, and says whose it is', async () => {
    const [east, west] = await Promise.all([startStore('east', 'e'), startStore('west', 'w')]);
    const told: string[] = [];
    bus.subscribe(names.pattern('keptChanged', { dc: 'east' }), (bytes) => {
      const { entity, ids, sequence } = parseActivityNotice(decode(bytes));
      told.push(...ids.map((id) => `${entity} ${id} ${sequence}`));
    });
    await bus.flush();
    await say([view('u', 'a'), view('v', 'a'), view('u', 'b')]);
    // A joiner that was made anew says the last one again, and goes on.
    await say([view('u', 'b'), view('u', 'a')], 2);
    for (const store of [east, west]) await hasFolded(store, 2);
    for (const dataCenter of ['east', 'west'])
      expect(await ask(dataCenter, 'u', ['a', 'b', 'c'])).toEqual({
        recent: ['Comedy', 'Drama', 'Comedy'],
        views: [3, 1, 0],
        done: ['a', 'b'],
      });
    await until('it is told', () => told.some((line) => line.startsWith('item a 2')));
    expect(told).toContain('user u 2');
  }, 60_000);

  test('goes on where it was', async () => {
    const first = await startStore('east', 'e');
    await say([view('u', 'a')]);
    await hasFolded(first, 1);
    await stopStores();
    await say([view('u', 'b')]);
    const second = await startStore('east', 'e');
    await hasFolded(second, 2);
    expect((await ask('east', 'u', ['a', 'b'])).views).toEqual([1, 1]);
  }, 60_000);

  test('without its disk begins with a snapshot, of another data center too, though the log is trimmed', async () => {
    const east = await startStore('east', 'e');
    await say([view('u', 'a'), view('u', 'a')]);
    await say([view('u', 'b')]);
    await hasFolded(east, 2);
    const failures: string[] = [];
    const keeper = new FeatureSnapshots({
      ...{ bus, dataCenters: ['east'], onDone: () => undefined },
      log: (line) => failures.push(line),
      limits: { keep: 1, logRecordsMax: 1000 },
      storeOf: (name) => openFeatureSnapshots(bus, config, name),
    });
    // The first one failed once on a busy machine. The leader tries again too; should none be taken, the reasons are told.
    let taken = await keeper.takeAll(snapshotId(1_000, 1));
    for (let serial = 2; taken.length === 0 && serial < 5; serial++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      taken = await keeper.takeAll(snapshotId(1_000, serial));
    }
    if (taken.length === 0) expect(failures).toEqual([]);
    expect(taken).toMatchObject([{ dataCenter: 'east' }]);
    await copied('west', 2);
    for (const stream of [streamName.activity, streamName.activityAt('west')])
      await bus.purge(stream, { beforeSequence: 2 });
    await say([view('u', 'a')]);
    await stopStores();
    const west = await startStore('west', 'anew');
    await hasFolded(west, 3);
    expect(await ask('west', 'u', ['a', 'b'])).toEqual({
      recent: ['Comedy', 'Drama', 'Comedy'],
      views: [3, 1],
      done: ['a', 'b'],
    });
  }, 60_000);

  test('goes on with lists of its own data center while nobody works on the events, and counts each once', async () => {
    const store = await startStore('east', 'e');
    const held: WorkMessage[] = [];
    const queue = { stream: streamName.raw('east'), durable: 'processor' };
    const limits = { ackWaitMs: 60_000, pendingMax: 10 };
    const work = await bus.work({ ...queue, ...limits }, (message) => void held.push(message));
    stops.push(() => work.stop());
    const event = JSON.stringify({ user: 'u', item: 'a', type: 'view' });
    await bus.append(subject.raw('east', 'event'), new TextEncoder().encode(event));
    await until('it is in his lists', () => store.stats()!.provisional === 1);
    expect(await ask('east', 'u', ['a'])).toEqual({ recent: ['Comedy'], views: [0], done: ['a'] });
    for (const message of held) message.ack();
    await say([view('u', 'a', held[0]!.atMs)]);
    await hasFolded(store, 1);
    expect(await ask('east', 'u', ['a'])).toEqual({ recent: ['Comedy'], views: [1], done: ['a'] });
    await until('what is told is taken', () => store.stats()!.provisional === 0);
  }, 60_000);

  test('that nothing can help keeps what the log still has', async () => {
    await say([view('u', 'a')]);
    await say([view('u', 'b')]);
    await copied('east', 2);
    await bus.purge(streamName.activityAt('east'), { beforeSequence: 2 });
    const store = await startStore('east', 'e');
    await hasFolded(store, 2);
    expect((await ask('east', 'u', ['a', 'b'])).views).toEqual([0, 1]);
  }, 60_000);
});
