import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { JoinKeeper } from '../../cluster/partitions/join-keeper.js';
import { JoinSnapshots } from '../../cluster/snapshots/join-snapshots.js';
import { countersIn } from '../../core/joining/join-counts.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { decode } from '../../messages/codec.js';
import { streamName } from '../../messages/default-names.testkit.js';
import { parseSamples } from '../../messages/samples.js';
import { JoinDirectory } from '../../replication/join-directory.js';
import { openWindowSnapshots } from '../../runtime/stores/open-snapshots.js';
import {
  figuresOf as figures,
  joinerConfig as config,
  JoinerWorld,
  until,
} from '../support/joiner-world.js';

let world: JoinerWorld;

beforeEach(async () => {
  world = await JoinerWorld.open();
});

afterEach(() => world.close());

async function expectEachOnce(): Promise<void> {
  const { requestIds, labels, resolved } = await world.samples();
  expect(requestIds).toHaveLength(3 * world.sent);
  expect(new Set(requestIds).size).toBe(3 * world.sent);
  expect(resolved).toBe(3 * world.sent);
  expect(labels.filter((label) => label === 1)).toHaveLength(world.sent);
}

describe('a joiner', () => {
  test('goes on without its store exactly where it was, and again where its store is old', async () => {
    const [first, second] = [world.newFolder(), world.newFolder()];
    const one = await world.startJoiner(first, 1);
    await world.feed(60);
    await world.untilSamples(90);
    await one.stop();
    await world.feed(40);
    const two = await world.startJoiner(second, 2);
    await world.feed(40);
    await world.untilSamples(300);
    await two.stop();
    await world.feed(20);
    await world.startJoiner(first, 3);
    await world.feed(20);
    await world.untilSamples(450);
    await world.endStream();
    await expectEachOnce();
    expect(world.crashes).toEqual([]);
  }, 60_000);

  test('goes on counting where it was, also where its log has lost its beginning', async () => {
    const one = await world.startJoiner(world.newFolder(), 1);
    await world.feed(60);
    await until(() => figures(one).published?.['0'] === 120);
    await one.stop();
    const before = figures(one);
    // All that is open is of the last second of event time: 25 impressions, each with its actions.
    await world.bus.purge(streamName.join, { beforeSequence: 41 });
    const two = await world.startJoiner(world.newFolder(), 2);
    await until(() => figures(two).published?.['0'] === 120);
    expect(countersIn(figures(two))).toEqual(countersIn(before));
    await world.feed(40);
    await world.endStream();
    const { impressions, actions, positives, negatives, open } = figures(two);
    expect({ impressions, actions, open }).toEqual({ impressions: 300, actions: 200, open: 0 });
    expect(positives! + negatives!).toBe(300);
    await expectEachOnce();
    // Nothing is left of what was published, and nothing was open.
    await two.stop();
    await world.bus.purge(streamName.join, {});
    await world.feed(20);
    const three = await world.startJoiner(world.newFolder(), 3);
    await world.endStream();
    expect(figures(three)).toMatchObject({ impressions: 360, actions: 240, open: 0 });
    await expectEachOnce();
    expect(world.crashes).toEqual([]);
  }, 60_000);

  test('makes its window anew where other outcomes are predicted than it knows', async () => {
    const folder = world.newFolder();
    const one = await world.startJoiner(folder, 1);
    await world.feed(60);
    await world.untilSamples(90);
    await one.stop();
    const outcomes = { again: { from: ['click'] }, click: {} };
    const two = await world.startJoiner(folder, 2, parseClusterConfig({ ...config, outcomes }));
    await world.feed(40);
    await world.endStream();
    expect(figures(two)).toMatchObject({ impressions: 300, actions: 200, open: 0, heldActions: 0 });
    const { lastSequence } = await world.bus.streamState(streamName.samples);
    const { bytes } = (await world.bus.messageAt(streamName.samples, lastSequence))!;
    expect(
      Object.keys(
        parseSamples(decode(bytes), featureSpecOf(config.features, config.lineage)).outcomes,
      ),
    ).toEqual(['again', 'click']);
    expect(world.crashes).toEqual([]);
  }, 60_000);

  test('hands its partition to another one and takes it back, while events come', async () => {
    const { bus } = world;
    const joiners = [world.newFolder(), world.newFolder()].map((folder, index) => ({
      folder,
      running: world.startJoiner(folder, 1, config, index),
    }));
    const snapshots = new JoinSnapshots({
      ...{ bus, dataCenter: 'train', partitions: 1 },
      limits: { keep: 2, logRecordsMax: 1_000, everyMs: 1 },
      store: openWindowSnapshots(bus, config, 'train'),
      log: () => undefined,
      onDone: () => undefined,
    });
    let serial = 0;
    const keeper = new JoinKeeper({
      bus,
      directory: await JoinDirectory.open(bus),
      ...{ partitions: 1, joiners: 1, term: 1 },
      addressOf: (joiner) => `train.joiner.${joiner}`,
      snapshot: () => snapshots.takeFor(`170000000000${serial++}-0`),
      untilHeld: async (joiner, partition) => {
        const actor = await joiners[joiner]!.running;
        await until(() => figures(actor).partitions!.includes(partition));
      },
      record: () => undefined,
    });
    await keeper.prepare([0, 1], false);
    for (const [there, back] of [
      [1, 0],
      [0, 1],
      [1, 0],
    ] as const) {
      await world.feed(30);
      const feeding = world.feed(60);
      expect(await keeper.moveTo([there], () => undefined)).toBe(1);
      await feeding;
      const [now, before] = await Promise.all([joiners[there]!.running, joiners[back]!.running]);
      expect(figures(now).partitions).toEqual([0]);
      expect(figures(before)).toMatchObject({ partitions: [], impressions: 0 });
      const left = path.join(joiners[back]!.folder, back === 0 ? 'window' : 'window-0');
      await until(() => !existsSync(left));
    }
    await world.endStream();
    const all = await joiners[1]!.running;
    expect(figures(all)).toMatchObject({ impressions: 810, actions: 540, open: 0 });
    await expectEachOnce();
    expect(world.crashes).toEqual([]);
  }, 60_000);

  test('of which two lives run at once ends the earlier one', async () => {
    await world.startJoiner(world.newFolder(), 1);
    await world.feed(30);
    await world.untilSamples(40);
    await world.startJoiner(world.newFolder(), 2);
    await world.feed(30);
    await until(() => world.crashes.length > 0);
    expect(world.crashes[0]).toMatchObject({ code: 'FENCED' });
    const { requestIds } = await world.samples();
    expect(new Set(requestIds).size).toBe(requestIds.length);
  }, 60_000);
});
