import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { JoinSnapshots } from '../../cluster/snapshots/join-snapshots.js';
import type { TakenSnapshot } from '../../cluster/snapshots/taken-snapshot.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { countersIn } from '../../core/joining/join-counts.js';
import { booksKey, decodeBooks, encodeBooks, type Books } from '../../messages/books.js';
import { streamName, subject } from '../../messages/default-names.testkit.js';
import { openWindowSnapshots } from '../../runtime/stores/open-snapshots.js';
import { figuresOf, joinerConfig, JoinerWorld, startMs, until } from '../support/joiner-world.js';

const days = 24 * 3_600_000;
const limits = { keep: 2, logRecordsMax: 1_000, everyMs: 1 };
const bucket = 'CLUSTER';

let world: JoinerWorld;
let told: string[];
let serial: number;
let snapshots: JoinSnapshots;

beforeEach(async () => {
  world = await JoinerWorld.open();
  told = [];
  serial = 0;
  snapshots = new JoinSnapshots({
    ...{ bus: world.bus, dataCenter: 'train', partitions: 1, limits },
    store: openWindowSnapshots(world.bus, joinerConfig, 'train'),
    log: (line) => void told.push(line),
    onDone: () => undefined,
  });
});

afterEach(() => world.close());

async function take(): Promise<TakenSnapshot> {
  const [taken] = await snapshots.takeNow(`170000000000${serial++}-0`);
  expect(told).toEqual([]);
  return taken!;
}

/** As if the leader had read so far in JOIN, and written it down. */
async function keepBooks(remember: number): Promise<void> {
  const none = { accepted: 0, refused: 0, joined: 0, joinedAgain: 0, missing: 0, surplus: 0 };
  const books: Books = {
    ...{ atMs: 0, forgottenAtMs: -Infinity },
    streams: { [streamName.join]: { from: 1, through: remember, remember, gone: 0 } },
    totals: {
      ...{ impressions: none, actions: none, joinRows: 0, joinRowsBuried: 0 },
      ...{ samples: 0, sampledTwice: 0, sampledUnjoined: 0, samplesBuried: 0 },
    },
    open: { impressions: new Uint32Array(0), actions: new Uint32Array(0) },
  };
  decodeBooks(encodeBooks(books));
  await world.bus.bucketPut(bucket, booksKey, encodeBooks(books));
}

async function firstInJoin(): Promise<number> {
  return (await world.bus.streamState(streamName.join)).firstSequence;
}

async function damageNewest(): Promise<void> {
  const stream = streamName.snapshotsAt('train');
  const objects = await world.bus.subjects(stream, subject.windowObject('train', '*', '*'));
  await world.bus.purge(stream, { subject: objects.sort().at(-1)! });
}

async function expectEachOnce(): Promise<void> {
  const { requestIds, labels, resolved } = await world.samples();
  expect(requestIds).toHaveLength(3 * world.sent);
  expect(new Set(requestIds).size).toBe(3 * world.sent);
  expect(resolved).toBe(3 * world.sent);
  expect(labels.filter((label) => label === 1)).toHaveLength(world.sent);
  expect(world.crashes).toEqual([]);
}

describe('snapshots of the windows of joiners', () => {
  test('have what JOIN has lost, so a joiner without its disk goes on with them', async () => {
    const one = await world.startJoiner(world.newFolder(), 1);
    await keepBooks(10_000);
    await world.feed(60);
    await take();
    expect(await firstInJoin()).toBe(1);
    await world.feed(40);
    expect(await take()).toMatchObject({
      of: 'records of windows',
      dataCenter: 'train',
      trimmed: 121,
    });
    await world.feed(20);
    await until(() => figuresOf(one).outboxPending === 0 && figuresOf(one).published!['0']! >= 242);
    const before = figuresOf(one);
    await one.stop();
    const two = await world.startJoiner(world.newFolder(), 2);
    await until(() => figuresOf(two).published?.['0'] === before.published?.['0']);
    expect(countersIn(figuresOf(two))).toEqual(countersIn(before));
    await world.feed(20);
    await take();
    await world.feed(10);
    await world.endStream();
    expect(figuresOf(two)).toMatchObject({ impressions: 450, actions: 300, open: 0 });
    await expectEachOnce();
  }, 60_000);

  test('are turned to from the newest to the oldest, and JOIN goes back to that', async () => {
    const one = await world.startJoiner(world.newFolder(), 1);
    await keepBooks(10_000);
    for (let i = 0; i < 3; i++) {
      await world.feed(30);
      await take();
    }
    // Behind the second: two are kept.
    expect(await firstInJoin()).toBe(123);
    await one.stop();
    await damageNewest();
    await world.startJoiner(world.newFolder(), 2);
    await world.feed(30);
    await world.endStream();
    await expectEachOnce();
  }, 60_000);

  test('leave JOIN to those who keep the books', async () => {
    await world.startJoiner(world.newFolder(), 1);
    await world.feed(20);
    for (let i = 0; i < 3; i++) await take();
    expect(await firstInJoin()).toBe(1);
    await keepBooks(25);
    await take();
    expect(await firstInJoin()).toBe(26);
  }, 60_000);

  test('are of no use to a window of other outcomes, and one of an old host is not gone on with', async () => {
    const folder = world.newFolder();
    const one = await world.startJoiner(folder, 1);
    await keepBooks(10_000);
    await world.feed(40);
    await one.stop();
    const two = await world.startJoiner(world.newFolder(), 2);
    for (let i = 0; i < 3; i++) await take();
    await two.stop();
    // Its store is there, and knows less than JOIN has lost.
    expect(await firstInJoin()).toBeGreaterThan(81);
    const three = await world.startJoiner(folder, 3);
    await world.feed(40);
    await world.endStream();
    expect(figuresOf(three)).toMatchObject({ impressions: 240, actions: 160, open: 0 });
    await expectEachOnce();
    await three.stop();
    const outcomes = { again: { from: ['click'] }, click: {} };
    const config = parseClusterConfig({ ...joinerConfig, outcomes });
    const four = await world.startJoiner(world.newFolder(), 4, config);
    await world.feed(1);
    await world.endStream();
    expect(figuresOf(four)).toMatchObject({ open: 0 });
    expect(world.crashes).toEqual([]);
  }, 60_000);

  test('move a window of seven days: what was offered days ago is joined where it went', async () => {
    const joining = { ...joinerConfig.joining, windowMs: 7 * days };
    const config = parseClusterConfig({ ...joinerConfig, joining });
    const one = await world.startJoiner(world.newFolder(), 1, config);
    await keepBooks(10_000);
    const offered: { ids: string[]; atMs: number }[] = [];
    for (let day = 0; day < 6; day++) {
      const atMs = startMs + day * days;
      offered.push({ ids: await world.offer({ atMs }), atMs });
      await take();
    }
    // Only the last two days are in JOIN.
    expect((await world.samples()).requestIds).toEqual([]);
    expect(await firstInJoin()).toBeGreaterThan(8);
    await one.stop();
    const two = await world.startJoiner(world.newFolder(), 2, config);
    expect(figuresOf(two)).toMatchObject({ open: 18 });
    for (const { ids, atMs } of offered)
      await world.act(ids, { actedAtMs: Math.max(atMs + 1_000, startMs + 5 * days + 60_000) });
    await world.endStream();
    expect(figuresOf(two)).toMatchObject({ joinedActions: 12, positives: 6, open: 0 });
    await expectEachOnce();
  }, 60_000);
});
