import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { operate } from '../../client/operate.js';
import { streamName } from '../../messages/default-names.testkit.js';
import type { PartitionDigest } from '../../messages/ownership.js';
import { actorsOf } from '../../messages/actor-status.js';
import { audit } from '../../operations/audit/audit.js';
import { connectAs } from '../../runtime/nats/nats-bus.js';
import { LiveCluster } from '../support/live-cluster.js';
import { starling } from '../support/starling-process.js';

/** All of a cluster on one server, in one data center: it learns there and answers there, from the logs themselves. */
let live: LiveCluster;
beforeAll(async () => {
  live = await LiveCluster.start({
    dataCenters: [{ name: 'main', role: 'all' }],
    actors: { 'ps-shard': 1, trainer: 1, ranker: 1 },
    snapshots: { keep: 2 },
  });
}, 90_000);
afterAll(() => live?.stop());

const rowsOf = (digests: Iterable<PartitionDigest>): Map<number, number> =>
  new Map([...digests].map(({ partition, rows }) => [partition, rows]));

/** All that is learned is served, row by row; the audit compares them bit for bit. */
async function servedAsOwned(): Promise<void> {
  const owned = [...(await live.digests()).values()];
  expect(owned).toHaveLength(live.cluster.config.partitions);
  await live.until('what is served is what was learned', async () => {
    const served = await live.servedDigests('main');
    return owned.every(({ partition, deltaNumber, epoch }) =>
      served.some(
        (each) =>
          each.partition === partition && each.epoch === epoch && each.deltaNumber >= deltaNumber,
      ),
    );
  });
  expect(rowsOf(await live.servedDigests('main'))).toEqual(rowsOf(owned));
}

interface Profiled {
  readonly kinds: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly processes: readonly { readonly pid: number }[];
  readonly missing: readonly string[];
}

async function killAndWait(address: string): Promise<void> {
  const { epoch } = live.actor(address);
  live.signal(address, 'SIGKILL');
  await live.until(`${address} is back`, () => {
    const now = live.actor(address);
    return now.epoch > epoch && now.state === 'ready';
  });
}

describe('a cluster on one server', () => {
  test('learns, and answers with what it has learned', async () => {
    expect(live.cluster.status().dataCenters).toMatchObject([{ name: 'main', role: 'all' }]);
    await live.client.ingestItems(['1', '2', '3'].map((item) => ({ item, year: 1990 })));
    await live.feed(500);
    await live.settled();
    await servedAsOwned();
    await live.until('an answer has items', async () => {
      const { items } = await live.client.recommend({ user: '1', k: 3, log: false });
      return items.length === 3;
    });
  }, 60_000);

  test('has one log where others have a copy each, and one snapshot of its rows', async () => {
    expect(await live.bus.hasStream('DELTAS_MAIN')).toBe(false);
    for (let taken = 0; taken < 3; taken++) {
      await live.feed(200);
      await live.settled();
      await operate(live.bus, 'snapshot', {}, () => undefined);
    }
    const { firstSequence } = await live.bus.streamState(streamName.deltas);
    expect(firstSequence).toBeGreaterThan(1);
    // What is before the snapshot is gone: who serves begins with what the owner has saved.
    await killAndWait('main.serving-shard.0');
    await servedAsOwned();
  }, 60_000);

  test('goes on where it was when anybody dies', async () => {
    const feeding = live.feedOn();
    for (const address of ['main.ps-shard.0', 'main.joiner.0', 'main.trainer.0'])
      await killAndWait(address);
    await feeding.stop();
    await live.settled();
    await servedAsOwned();
    const [joiner] = actorsOf(live.cluster.status().actors, 'joiner');
    expect(joiner!.stats.open).toBe(0);
  }, 90_000);

  test('says what each of its processes does', async () => {
    const svg = `${live.folder}/flame.svg`;
    const feeding = live.feedOn();
    const { code, output } = await starling(
      ...['profile', '--seconds', '1', '--out', svg, '--json', '--state', `${live.folder}/state`],
    );
    await feeding.stop();
    expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
    const { kinds, processes, missing } = JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1)) as Profiled; // prettier-ignore
    expect(missing).toEqual([]);
    const pids = new Set(live.cluster.status().actors.map(({ pid }) => pid));
    expect(processes.filter(({ pid }) => pids.has(pid))).toHaveLength(pids.size);
    // What this process does is a part of it: it is the host of the cluster here.
    expect(Object.keys(kinds)).toEqual(
      expect.arrayContaining(['supervisor', 'nats-server', 'joiner', 'ps-shard']),
    );
    expect(kinds['joiner']!['join']).toBeGreaterThan(0);
    // Its name is written on it where it is wide enough.
    expect(await readFile(svg, 'utf8')).toContain('data-n="join"');
  }, 60_000);

  test('can not take its only data center out of service, and its books balance', async () => {
    const state = `${live.folder}/state`;
    const drained = await starling('drain', 'main', '--state', state);
    expect(drained.code).not.toBe(0);
    expect(drained.output).toMatch(/last .*data center that serves/);
    const admin = await connectAs(live.cluster.access('main', 'admin'), { name: 'audit' });
    try {
      const { verdict, findings } = await audit(admin, async () => live.cluster.status(), 20_000);
      expect(verdict).toBe('holds');
      expect(findings.copies).toMatchObject([{ name: 'rows served in main', copies: 8, equal: 8 }]);
    } finally {
      await admin.close();
    }
  }, 60_000);
});
