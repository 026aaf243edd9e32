import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { operate } from '../../client/operate.js';
import { streamName } from '../../messages/default-names.testkit.js';
import { rebuildPartition } from '../../replication/rebuild.js';
import { openSnapshots } from '../../runtime/stores/open-snapshots.js';
import { isSnapshotId } from '../../runtime/stores/snapshot-store.js';
import { LiveCluster } from '../support/live-cluster.js';
import { temporaryFolder } from '../support/starling-process.js';

let live: LiveCluster;

async function digestTexts(): Promise<Map<number, string>> {
  const texts = new Map<number, string>();
  for (const [partition, { digest }] of await live.digests()) texts.set(partition, digest);
  return texts;
}

/** Every partition as an independent follower makes it from snapshots and log, here in the test. */
async function rebuiltTexts(): Promise<Map<number, string>> {
  const { config } = live.cluster;
  const { tables, capacity, slotCount, dim, hash, partitionCount } = blueprintOf(config);
  const shape = { tables, capacity, slotCount, dim, hash, partitionCount };
  const context = { bus: live.bus, log: pino({ level: 'silent' }) };
  const store = openSnapshots(live.bus, config, 'train');
  const { lastSequence } = await live.bus.streamState(streamName.deltas);
  const texts = new Map<number, string>();
  for (let partition = 0; partition < partitionCount; partition++) {
    const rebuilt = await rebuildPartition(partition, lastSequence, { context, store, shape });
    texts.set(partition, rebuilt.rows.digest());
  }
  return texts;
}

const snapshotNow = () => operate(live.bus, 'snapshot', {}, () => undefined);

async function killAndWait(address: string): Promise<void> {
  const { epoch } = live.actor(address);
  live.signal(address, 'SIGKILL');
  await live.until(`${address} is back`, () => {
    const now = live.actor(address);
    return now.epoch > epoch && now.state === 'ready';
  });
  await live.until(
    'all partitions are owned',
    async () => (await live.digests()).size === live.cluster.config.partitions,
  );
}

/** Each test goes on where the one before has left the cluster. */
describe('a killed parameter server', () => {
  const { folder, remove } = temporaryFolder();
  const directory = path.join(folder, 'snapshots');
  beforeAll(async () => {
    live = await LiveCluster.start({ snapshots: { keep: 2, directory } });
  }, 90_000);
  afterAll(async () => {
    await live?.stop();
    remove();
  });

  test('comes back bit for bit, from the log and from a snapshot and the log', async () => {
    await live.feed(1_500);
    await live.settled();
    const first = await digestTexts();
    expect(first.size).toBe(live.cluster.config.partitions);
    expect(await rebuiltTexts()).toEqual(first);
    await killAndWait('train.ps-shard.0');
    expect(await digestTexts()).toEqual(first);

    await snapshotNow();
    await live.feed(1_500);
    await live.settled();
    const second = await digestTexts();
    expect(second).not.toEqual(first);
    await killAndWait('train.ps-shard.1');
    expect(await digestTexts()).toEqual(second);
    const { stats } = live.actorOf('ps-shard', 'train.ps-shard.1');
    expect(stats.recoveredDeltas).toBeGreaterThan(0);
  }, 180_000);

  test('needs no log from before the oldest snapshot, nor does serving', async () => {
    for (let round = 0; round < 3; round++) {
      await live.feed(600);
      await live.settled();
      await snapshotNow();
    }
    const kept = await openSnapshots(live.bus, live.cluster.config, 'train').list();
    expect(kept).toHaveLength(2);
    const { firstSequence } = await live.bus.streamState(streamName.deltas);
    expect(firstSequence).toBeGreaterThan(1);
    await live.feed(300);
    await live.settled();
    const before = await digestTexts();
    const served = (await live.servedDigests('east')).map(({ digest }) => digest);
    await killAndWait('train.ps-shard.0');
    await killAndWait('train.ps-shard.1');
    await killAndWait('east.serving-shard.0');
    expect(await digestTexts()).toEqual(before);
    await live.until('serving has caught up', async () => {
      const now = (await live.servedDigests('east')).map(({ digest }) => digest);
      return JSON.stringify(now) === JSON.stringify(served);
    });
    // Learning goes on behind it.
    await live.feed(300);
    await live.settled();
  }, 180_000);

  test('takes the snapshot before a damaged one, and says so', async () => {
    for (let round = 0; round < 2; round++) {
      await live.feed(600);
      await live.settled();
      await snapshotNow();
    }
    await live.feed(300);
    await live.settled();
    const before = await digestTexts();
    // Beside a folder with those of windows.
    const ofRows = readdirSync(path.join(directory, 'train')).filter(isSnapshotId);
    const newest = ofRows.sort().at(-1)!;
    for (let partition = 0; partition < 8; partition++)
      damage(path.join(directory, 'train', newest, `partition-${partition}`));
    await killAndWait('train.ps-shard.0');
    expect(await digestTexts()).toEqual(before);
    const log = readFileSync(
      path.join(live.cluster.stateDir, 'logs', 'train.process.0.log'),
      'utf8',
    );
    expect(log).toContain('snapshot can not be read; taking the one before');
    expect(log).toContain('SNAPSHOT_CORRUPT');
  }, 180_000);
});

/** One bit, in the middle. */
function damage(file: string): void {
  const bytes = readFileSync(file);
  const at = bytes.length >> 1;
  const handle = openSync(file, 'r+');
  writeSync(handle, Uint8Array.of(bytes[at]! ^ 4), 0, 1, at);
  closeSync(handle);
}
