import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { declareStreams } from '../../messages/declared-streams.js';
import { names, streamName } from '../../messages/default-names.testkit.js';
import { startMessageServer, type MessageServer } from '../support/message-server.js';
import { temporaryFolder } from '../support/starling-process.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { DirectorySnapshots } from '../../runtime/stores/directory-snapshots.js';
import {
  snapshotId,
  type SnapshotStore,
  type StoredObject,
} from '../../runtime/stores/snapshot-store.js';
import { StreamSnapshots } from '../../runtime/stores/stream-snapshots.js';

let server: MessageServer;
let bus: NatsBus;
let directory: ReturnType<typeof temporaryFolder>;

beforeAll(async () => {
  server = await startMessageServer();
  bus = await server.connect();
  const declared = declareStreams(names, {
    dataCenters: [
      { name: 'train', role: 'training' },
      { name: 'stream', role: 'inference' },
    ],
    ingestMapped: false,
  });
  for (const declaration of declared) await bus.declareStream(declaration, false);
  directory = temporaryFolder();
});
afterAll(async () => {
  await server?.stop();
  directory?.remove();
});

async function collect(store: SnapshotStore, id: string, object: StoredObject): Promise<number[]> {
  const bytes: number[] = [];
  for await (const chunk of store.get(id, object)) bytes.push(...chunk);
  return bytes;
}

function* chunksOf(...lengths: number[]): Generator<Uint8Array> {
  for (const [i, length] of lengths.entries()) yield new Uint8Array(length).fill(i + 1);
}

const stores: Record<string, () => SnapshotStore> = {
  'a stream': () =>
    new StreamSnapshots(bus, { stream: streamName.snapshotsAt('train'), dataCenter: 'train' }),
  'a directory': () => new DirectorySnapshots(directory.folder),
};

describe.each(Object.entries(stores))('snapshots in %s', (_name, open) => {
  test('come back chunk by chunk, in order, and more than may be in flight', async () => {
    const store = open();
    const id = snapshotId(1_000);
    const lengths = Array.from({ length: 40 }, (_unused, i) => i + 1);
    const object = await store.put(id, 'p0', chunksOf(...lengths));
    expect(object).toMatchObject({ name: 'p0', bytes: 820, chunks: 40 });
    const expected = lengths.flatMap((length, i) => new Array<number>(length).fill(i + 1));
    expect(await collect(store, id, object)).toEqual(expected);
  });

  test('are seen only once their manifest is there, the newest first', async () => {
    const store = open();
    const [older, newer, unfinished] = [2_000, 3_000, 4_000].map((atMs) => snapshotId(atMs));
    for (const id of [newer!, older!, unfinished!]) await store.put(id, 'p0', chunksOf(1));
    await store.putManifest(newer!, Uint8Array.of(3));
    await store.putManifest(older!, Uint8Array.of(2));
    expect(await store.list()).toEqual([newer, older]);
    expect(await store.getManifest(older!)).toEqual(Uint8Array.of(2));
    expect(await store.getManifest(unfinished!)).toBeUndefined();
    await store.removeUnfinished();
    await expect(
      collect(store, unfinished!, { name: 'p0', bytes: 1, chunks: 1 }),
    ).rejects.toMatchObject({ code: 'CORRUPT' });
    await store.remove(newer!);
    expect(await store.list()).toEqual([older]);
  });

  test('an object is replaced by a second attempt, not added to', async () => {
    const store = open();
    const id = snapshotId(5_000);
    await store.put(id, 'p0', chunksOf(5, 5, 5));
    const object = await store.put(id, 'p0', chunksOf(2));
    expect(await collect(store, id, object)).toEqual([1, 1]);
  });

  test('a missing chunk is an error that names the object', async () => {
    const store = open();
    const id = snapshotId(6_000);
    const object = await store.put(id, 'p7', chunksOf(1, 2));
    const claimed = { ...object, chunks: 3 };
    await expect(collect(store, id, claimed)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('p7'),
    });
  });

  test('a source that fails leaves no snapshot', async () => {
    const store = open();
    const id = snapshotId(7_000);
    function* failing(): Generator<Uint8Array> {
      yield Uint8Array.of(1);
      throw new Error('the source failed');
    }
    await expect(store.put(id, 'p0', failing())).rejects.toThrow('the source failed');
    expect(await store.list()).not.toContain(id);
  });
});

test('a snapshot file that is cut short or claims a huge chunk is refused', async () => {
  const store = new DirectorySnapshots(directory.folder);
  const id = snapshotId(8_000);
  const object = await store.put(id, 'p0', chunksOf(100, 100));
  const file = path.join(directory.folder, id, 'p0');
  truncateSync(file, 150);
  await expect(collect(store, id, object)).rejects.toMatchObject({ code: 'CORRUPT' });
  writeFileSync(file, Uint8Array.of(255, 255, 255, 255, 1));
  await expect(collect(store, id, object)).rejects.toMatchObject({ code: 'CORRUPT' });
  expect(readdirSync(path.join(directory.folder, id))).toEqual(['p0']);
});
