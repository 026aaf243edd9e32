import { storesIn } from '../../runtime/stores/lmdb-actor-stores.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import base from '../../cluster.config.js';
import { createFeatureStore } from '../../actors/feature-store/feature-store.js';
import { createProcessor } from '../../actors/processor/processor.js';
import { FeatureSource } from '../../actors/shared/feature-source.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { createTransform } from '../../core/features/transform.js';
import type { ActorKind } from '../../messages/actor-kinds.js';
import { encode } from '../../messages/codec.js';
import { featuresRequest } from '../../messages/features.js';
import { declareStreams } from '../../messages/declared-streams.js';
import { names, streamName, subject } from '../../messages/default-names.testkit.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { call } from '../../runtime/idempotent-call.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { system, systemRandom } from '../../runtime/system.js';
import type { MessageServer } from '../support/message-server.js';
import { startMessageServer } from '../support/message-server.js';
import { temporaryFolder } from '../support/starling-process.js';

const config = parseClusterConfig({
  ...base,
  features: { item: { entity: 'item', kind: 'id' }, genre: { entity: 'item', kind: 'id' } },
});
const transform = createTransform(featureSpecOf(config.features, config.lineage));
/** So late the copy of FEATURES in the data center is. */
const copyDelayMs = 2_000;

let server: MessageServer;
let bus: NatsBus;
const folder = temporaryFolder();
const actors: Actor[] = [];
const stops: Stoppable[] = [];

function contextOf(kind: ActorKind, dataCenter: string): ActorContext {
  const identity = { address: `${dataCenter}.${kind}.0`, kind, dataCenter, index: 0 };
  return {
    identity: { ...identity, epoch: 1, partitions: [] },
    ...system,
    config,
    bus,
    stores: storesIn(folder.folder, 0, systemRandom),
    log: pino({ level: 'silent' }),
    crash: (error) => {
      throw error;
    },
  };
}

/** The bus of a data center to which records of FEATURES come late. */
function lateBus(): Bus {
  const tail: Bus['tail'] = (options, handler) =>
    bus.tail(options, async (message) => {
      await sleep(copyDelayMs);
      await handler(message);
    });
  const { features, activity } = names.stream;
  const stream = { ...names.stream, featuresAt: () => features, activityAt: () => activity };
  const late: Partial<Bus> = { tail, names: { ...names, stream } };
  return new Proxy(bus, {
    get: (_bus, key): unknown => {
      const value: unknown = Reflect.get(key in late ? late : bus, key);
      return typeof value === 'function' ? (value.bind(bus) as unknown) : value;
    },
  });
}

beforeAll(async () => {
  server = await startMessageServer();
  bus = await server.connect();
  const { dataCenters } = config;
  for (const declaration of declareStreams(names, { dataCenters, ingestMapped: true })) {
    if (!declaration.sources) await bus.declareStream(declaration, false);
  }
  actors.push(
    createProcessor(contextOf('processor', 'train')),
    createFeatureStore({ ...contextOf('feature-store', 'east'), bus: lateBus() }),
  );
  for (const actor of actors) await actor.start();
});
afterAll(async () => {
  await Promise.all(stops.map((each) => each.stop()));
  await Promise.all(actors.map((actor) => actor.stop()));
  await server.stop();
  folder.remove();
});

const tell = (genre: string) =>
  bus.append(
    subject.raw('east', 'features'),
    encode({ entity: 'item', id: 'i', features: { genre } }),
  );

const asStored = async () => {
  const request = featuresRequest({ users: [], items: ['i'] });
  const reply = await call(bus, subject.featuresGet, request, { deadlineMs: 5_000 });
  return (reply as { items: ({ genre?: string } | null)[] }).items[0]?.genre;
};

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(10);
}

test('a change is used as soon as the data center has it, though its notice came before', async () => {
  const source = new FeatureSource(bus, transform, 'east');
  source.start();
  stops.push(source);
  const used = async () => (await source.get([], ['i'])).items[0];
  const encoded = (genre: string) => transform.encodeEntity('item', 'i', { genre });
  await tell('Comedy');
  await until(async () => (await asStored()) === 'Comedy');
  expect(await used()).toEqual(encoded('Comedy'));

  await tell('Drama');
  await until(async () => (await bus.streamState(streamName.features)).lastSequence === 2);
  // The notice is here, the change is not: what is fetched now is of before.
  await sleep(200);
  expect(await used()).toEqual(encoded('Comedy'));
  await until(async () => (await asStored()) === 'Drama');
  expect(await used()).toEqual(encoded('Drama'));
  // And is kept, once what is stored says that it is not of before.
  await until(async () => {
    const { misses } = source;
    expect(await used()).toEqual(encoded('Drama'));
    return source.misses === misses;
  });
}, 30_000);
