import { storesIn } from '../../runtime/stores/lmdb-actor-stores.js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { pino } from 'pino';
import base from '../../cluster.config.js';
import { createFeatureStore } from '../../actors/feature-store/feature-store.js';
import { CatalogTarget } from '../../actors/shared/catalog-target.js';
import { followFeatures } from '../../actors/shared/follow-features.js';
import { FeatureSnapshots } from '../../cluster/snapshots/feature-snapshots.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { Catalog } from '../../core/retrieval/catalog.js';
import { encode } from '../../messages/codec.js';
import { featureChangeMessage } from '../../messages/features.js';
import { declareStreams } from '../../messages/declared-streams.js';
import { names, streamName, subject } from '../../messages/default-names.testkit.js';
import { entities } from '../../messages/subjects.js';
import type { EntityTarget } from '../../replication/entity-fold.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { LmdbEntityStore } from '../../runtime/stores/lmdb-entity-store.js';
import { openFeatureSnapshots } from '../../runtime/stores/open-snapshots.js';
import { snapshotId } from '../../runtime/stores/snapshot-store.js';
import { system } from '../../runtime/system.js';
import { until } from '../support/data-centers.js';
import type { MessageServer } from '../support/message-server.js';
import { startMessageServer } from '../support/message-server.js';
import { temporaryFolder } from '../support/starling-process.js';

const keep = 2;
const config = parseClusterConfig({ ...base, snapshots: { keep } });
const inference = ['east', 'west'];

let server: MessageServer;
let bus: NatsBus;
let folder: ReturnType<typeof temporaryFolder>;
let made = 0;
const stops: (() => Promise<unknown>)[] = [];
const errors: unknown[] = [];

beforeEach(async () => {
  server = await startMessageServer();
  bus = await server.connect();
  folder = temporaryFolder();
  await declare(({ name }) => !name.endsWith('_WEST'));
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await server.stop();
  folder.remove();
  expect(errors.splice(0)).toEqual([]);
});

/** Copies too, by the server itself, as between data centers. */
async function declare(wanted: (stream: { readonly name: string }) => boolean): Promise<void> {
  const { dataCenters } = config;
  for (const declaration of declareStreams(names, { dataCenters, ingestMapped: true }))
    if (wanted(declaration)) await bus.declareStream(declaration, false);
}

function contextIn(dataCenter: string, at = newFolder()): ActorContext {
  const name = path.basename(at);
  const kind = 'feature-store' as const;
  const identity = { address: `${dataCenter}.${name}`, kind, dataCenter, index: 0 };
  return {
    identity: { ...identity, epoch: 1, partitions: [] },
    ...system,
    config,
    bus,
    stores: storesIn(at, 0, system.random),
    log: pino({ level: 'silent' }),
    crash: (error) => errors.push(error),
  };
}

const newFolder = (): string => path.join(folder.folder, `store-${made++}`);

/** Record n of the log changes item n % count and, each third, a user. */
async function tell(first: number, records: number, count = 20): Promise<void> {
  const sent: Promise<number>[] = [];
  for (let n = first; n < first + records; n++) {
    const entity = n % 3 === 0 ? 'user' : 'item';
    const change = { entity, ids: [`${n % count}`], features: [{ n, text: `told ${n}` }] } as const;
    sent.push(bus.append(subject.features(entity), encode(featureChangeMessage(change))));
  }
  await Promise.all(sent);
}

/** A store on disk that has all that the copy of its data center has; and what it took to get there. */
async function followedStore(dataCenter: string, path_?: string) {
  const at = path_ ?? newFolder();
  const context = contextIn(dataCenter, at);
  const store = new LmdbEntityStore(at);
  const follower = await followed(dataCenter, store, context, async () => store.close());
  return { store, follower, path: at };
}

async function followed(
  dataCenter: string,
  target: EntityTarget,
  context = contextIn(dataCenter),
  after: () => Promise<void> = async () => undefined,
  kinds: Parameters<typeof followFeatures>[2] = entities,
) {
  const follower = followFeatures(context, target, kinds);
  const stop = async () => {
    await follower.stop();
    await after();
  };
  stops.push(stop);
  await follower.start();
  return Object.assign(follower, {
    end: async () => {
      stops.splice(stops.indexOf(stop), 1);
      await stop();
    },
  });
}

/** Of all that is in it, ages too. */
function digestOf(store: LmdbEntityStore): string {
  const view = store.view();
  const hash = createHash('sha256').update(String(view.sequence));
  for (const entity of entities)
    for (const row of view.rows(entity)) hash.update(encode([entity, row]));
  view.close();
  return hash.digest('hex');
}

/** The feature store of a data center that is asked for snapshots. */
async function startActor(dataCenter: string): Promise<Actor<'feature-store'>> {
  const actor = createFeatureStore(contextIn(dataCenter));
  await actor.start();
  stops.push(() => actor.stop());
  return actor;
}

let serial = 0;
function keeperOf(dataCenters: readonly string[]) {
  const told: string[] = [];
  const keeper = new FeatureSnapshots({
    bus,
    dataCenters,
    limits: { keep, logRecordsMax: 1000 },
    storeOf: (name) => openFeatureSnapshots(bus, config, name),
    log: (line) => told.push(line),
    onDone: () => undefined,
  });
  const newId = () => snapshotId(1_000, serial++);
  const takeAll = async (times: number) => {
    for (let n = 0; n < times; n++) await keeper.takeAll(newId());
  };
  return { keeper, told, newId, takeAll };
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function copied(dataCenter: string): Promise<void> {
  const { lastSequence } = await bus.streamState(streamName.features);
  await eventually(async () => {
    const copy = streamName.featuresAt(dataCenter);
    const { messages, lastSequence: last } = await bus.streamState(copy);
    if (messages === 0) return false;
    const source = (await bus.messageAt(copy, last))!.header('Nats-Stream-Source')!;
    return Number(source.split(' ')[1]) === lastSequence;
  });
}

const firstOf = async (stream: string) => (await bus.streamState(stream)).firstSequence;

async function catalogOf(dataCenter: string) {
  const catalog = new Catalog({});
  const follower = await followed(
    dataCenter,
    new CatalogTarget(catalog),
    contextIn(dataCenter),
    async () => undefined,
    ['item'],
  );
  const limits = { max: 1000, popular: 0, recent: 1000, start: 0 };
  return {
    follower,
    items: catalog.candidates({ exclude: new Set(), fits: undefined, nowMs: 0 }, limits),
  };
}

describe('followers of features', () => {
  test('begin with a snapshot, and read what came since, however long the log was', async () => {
    const east = await startActor('east');
    const { takeAll } = keeperOf(['east']);
    const behind = 7;
    for (const [first, records] of [
      [1, 300],
      [308, 3000],
    ] as const) {
      await tell(first, records);
      await copied('east');
      await until('the store has all', () => east.stats()!.sequence === first + records - 1);
      await takeAll(1);
      await tell(first + records, behind);
      await copied('east');
      const disk = await followedStore('east');
      const memory = await catalogOf('east');
      expect(disk.follower.stats).toEqual({ records: behind, resyncs: 0 });
      expect(memory.follower.stats).toEqual({ records: behind, resyncs: 0 });
    }
  }, 60_000);

  test('have the very same from a snapshot and a trimmed log as from all of it', async () => {
    await tell(1, 400);
    await copied('east');
    const whole = await followedStore('east');
    const wholeCatalog = await catalogOf('east');
    await startActor('east');
    const { takeAll, told } = keeperOf(['east']);
    await takeAll(keep - 1);
    expect(await firstOf(streamName.features)).toBe(1); // Until there are as many as wanted.
    await takeAll(1);
    expect(await firstOf(streamName.features)).toBe(400);
    expect(await firstOf(streamName.featuresAt('east'))).toBe(400);
    await tell(401, 50, 23);
    await copied('east');
    await until('the first has all', () => whole.store.sequence === 450);
    const recovered = await followedStore('east');
    expect(recovered.follower.stats.records).toBe(50);
    expect(digestOf(recovered.store)).toBe(digestOf(whole.store));
    // Items by the time they were first told of, from a snapshot that has them by id.
    await until('the catalog has all', () => wholeCatalog.follower.fold.sequence === 450);
    const catalog = await catalogOf('east');
    expect(catalog.items.slice(3)).toEqual(wholeCatalog.items);
    expect(told).toEqual([]);
  }, 60_000);

  test('that were away for longer than the log reaches back take a snapshot', async () => {
    await tell(1, 100);
    await copied('east');
    const away = await followedStore('east');
    await away.follower.end();
    await tell(101, 100);
    await copied('east');
    const there = await followedStore('east');
    await startActor('east');
    await keeperOf(['east']).takeAll(keep);
    await tell(201, 10);
    await copied('east');
    await until('the other has all', () => there.store.sequence === 210);
    const back = await followedStore('east', away.path);
    expect(back.follower.stats).toEqual({ records: 10, resyncs: 1 });
    expect(digestOf(back.store)).toBe(digestOf(there.store));
  }, 60_000);

  test('of a data center that is new begin with what another one has', async () => {
    await tell(1, 200);
    await copied('east');
    await startActor('east');
    await keeperOf(['east']).takeAll(keep);
    await tell(201, 30);
    // Its copy gets what is left of the log, and counts from one.
    await declare(({ name }) => name.endsWith('_WEST'));
    await copied('west');
    expect(await firstOf(streamName.featuresAt('west'))).toBe(1);
    const west = await followedStore('west');
    const east = await followedStore('east');
    expect(west.store.sequence).toBe(230);
    expect(digestOf(west.store)).toBe(digestOf(east.store));
    expect(west.follower.stats.records).toBe(30);
    // And goes on with its own.
    await startActor('west');
    const { takeAll, told } = keeperOf(['west']);
    await takeAll(keep);
    expect(told).toEqual([]);
    const { firstSequence, lastSequence } = await bus.streamState(streamName.featuresAt('west'));
    expect(firstSequence).toBe(lastSequence);
    const again = await followedStore('west');
    expect([again.follower.stats.resyncs, digestOf(again.store)]).toEqual([
      0,
      digestOf(east.store),
    ]);
  }, 60_000);

  test('find all of the log while a data center is away', async () => {
    await declare(({ name }) => name.endsWith('_WEST'));
    await tell(1, 50);
    for (const name of inference) await copied(name);
    await startActor('east');
    const { takeAll, told } = keeperOf(inference);
    await takeAll(keep + 1);
    expect(told).toHaveLength(keep + 1);
    expect(told[0]).toMatch(/no snapshot of users and items in west: NO_RESPONDERS/);
    expect(await firstOf(streamName.featuresAt('east'))).toBe(50);
    expect(await firstOf(streamName.features)).toBe(1);
    // It comes back: the log goes as far as both can do without.
    await startActor('west');
    await takeAll(keep);
    expect(await firstOf(streamName.features)).toBe(50);
  }, 60_000);

  test('are saved when their log is long, and not when the time has passed', async () => {
    const east = await startActor('east');
    const { keeper, newId } = keeperOf(['east']);
    await tell(1, 1000);
    await until('the store has all', () => east.stats()!.sequence === 1000);
    expect(await keeper.takeDue(newId)).toEqual([]);
    await tell(1001, 1);
    await until('the store has all', () => east.stats()!.sequence === 1001);
    expect(await keeper.takeDue(newId)).toMatchObject([{ dataCenter: 'east', rows: 40 }]);
    expect(await keeper.takeDue(newId)).toEqual([]);
  }, 60_000);
});
