import { storesIn } from '../../runtime/stores/lmdb-actor-stores.js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import base from '../../cluster.config.js';
import { DenseFollower } from '../../actors/ranker/dense-follower.js';
import { createServingShard } from '../../actors/serving-shard/serving-shard.js';
import { blueprintOf, initialParameters } from '../../core/blueprint/blueprint.js';
import { IntervalSet } from '../../core/base/interval-set.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { encode } from '../../messages/codec.js';
import { weightsMessage } from '../../messages/deltas.js';
import { denseVersionMessage } from '../../messages/network-state.js';
import { lookupMessage, parseLookupReply } from '../../messages/parameters.js';
import { pattern, streamName, subject } from '../../messages/default-names.testkit.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { call } from '../../runtime/idempotent-call.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { system, systemRandom } from '../../runtime/system.js';
import type { MessageServer } from '../support/message-server.js';
import { startMessageServer } from '../support/message-server.js';
import { mainModel } from '../../messages/model-name.js';

const config = parseClusterConfig(base);
const blueprint = blueprintOf(config);

let server: MessageServer;
let bus: NatsBus;
let shard: Actor;
let versions: DenseFollower;
let deltaNumber = 0;

/** Streams that are copies elsewhere take what the test gives them here: the test is the mirror, as slow as it likes. */
async function declare(name: string, subjects: readonly string[]): Promise<void> {
  const declaration = { cluster: 'east', maxAgeMs: 0, discard: 'new', duplicateWindowMs: 1_000 };
  await bus.declareStream({ ...declaration, name, subjects, discard: 'new' }, false);
}

beforeAll(async () => {
  server = await startMessageServer();
  bus = await server.connect();
  await declare(streamName.deltasAt('east'), [pattern('deltaWeights')]);
  await declare(streamName.denseAt('east'), [subject.denseVersion(mainModel)]);
  for (const name of ['east', 'train'])
    await declare(streamName.snapshotsAt(name), [
      pattern('snapshotObject', { dc: name }),
      pattern('snapshotManifest', { dc: name }),
    ]);
  const partitions = Array.from({ length: config.partitions }, (_unused, p) => p);
  const kind = 'serving-shard' as const;
  const identity = { address: 'east.serving-shard.0', kind, dataCenter: 'east', index: 0 };
  const context: ActorContext = {
    identity: { ...identity, epoch: 1, partitions },
    ...system,
    config,
    bus,
    stores: storesIn('', 0, systemRandom),
    log: pino({ level: 'silent' }),
    crash: (error) => {
      throw error;
    },
  };
  shard = createServingShard(context);
  await shard.start();
  const parameterCount = initialParameters(blueprint).length;
  versions = new DenseFollower(context, { hash: blueprint.hash, parameterCount });
  // It is there once it has a version.
  await publishDense(1, 0);
  await versions.start();
});
afterAll(async () => {
  await versions.stop();
  await shard.stop();
  await server.stop();
});

const publishDense = (denseVersion: number, trainedThrough: number) =>
  bus.append(
    subject.denseVersion(mainModel),
    encode(
      denseVersionMessage({
        specHash: blueprint.hash,
        outcomes: blueprint.outcomes,
        denseVersion,
        trainedThrough,
        parameters: initialParameters(blueprint),
      }),
    ),
  );

/** All batches up to `through` reach the rows of the partitions. */
async function mirror(through: number, partitions: readonly number[]): Promise<void> {
  const applied = new IntervalSet(through + 1).encode();
  deltaNumber++;
  for (const partition of partitions)
    await bus.append(
      subject.deltaWeights(mainModel, partition),
      encode(
        weightsMessage(
          {
            specHash: blueprint.hash,
            partition,
            epoch: 1,
            deltaNumber,
            part: 0,
            last: true,
            evictedCounts: new Uint32Array(blueprint.slotCount),
            evicted: new Uint32Array(0),
            counts: new Uint32Array(blueprint.slotCount),
            fids: new Uint32Array(0),
            weights: new Float32Array(0),
            applied,
            resolved: 0,
            trail: undefined,
            appliedAtMs: 0,
          },
          [],
        ),
      ),
    );
}

async function through(): Promise<number> {
  const request = lookupMessage({
    specHash: blueprint.hash,
    partitions: Uint32Array.of(0),
    counts: new Uint32Array(blueprint.slotCount),
    fids: new Uint32Array(0),
  });
  const value = await call(bus, subject.lookup(0), request, { deadlineMs: 5_000 });
  return parseLookupReply(value, 0).through;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** What a ranker would score with now. */
async function active(): Promise<number | undefined> {
  return versions.versionFor(await through())?.denseVersion;
}

const all = Array.from({ length: config.partitions }, (_unused, p) => p);

test('a network is served only once the rows of the data center know all that it was trained on', async () => {
  await until(async () => (await active()) === 1);
  await publishDense(2, 5);
  await until(() => versions.waiting === 1);
  expect(await active()).toBe(1);
  // The mirror is behind, as a whole and then for one partition.
  await mirror(3, all);
  await until(async () => (await through()) === 3);
  expect(await active()).toBe(1);
  await mirror(5, all.slice(1));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await active()).toBe(1);
  deltaNumber--;
  await mirror(5, [0]);
  await until(async () => (await through()) === 5);
  expect(await active()).toBe(2);
});
