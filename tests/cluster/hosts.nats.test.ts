import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { actorsOf } from '../../messages/actor-status.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import { decode } from '../../messages/codec.js';
import { decodeEntry, partitionKey } from '../../messages/ownership.js';
import { clusterBucket, streamName } from '../../messages/default-names.testkit.js';
import { parseSupervisionEvent } from '../../messages/supervision-events.js';
import { audit } from '../../operations/audit/audit.js';
import { HostFleet } from '../support/host-fleet.js';

let hosts: HostFleet;

const plans = [
  { name: 'h1', dataCenters: ['train'] },
  { name: 'h2', dataCenters: ['train'] },
  { name: 'h3', dataCenters: ['east'] },
];
const partitions = 8;
let sent = 0;

async function feed(count: number): Promise<void> {
  const rows = Array.from({ length: count }, () => {
    const n = sent++;
    return { requestId: `r${n}`, user: n % 50, item: n % 30, label: (n % 2) as 0 | 1 };
  });
  await hosts.client.ingestImpressions(
    rows.map(({ requestId, user, item }) => ({ requestId, user, item, score: 0.5 })),
  );
  await hosts.client.ingestActions(
    rows.map(({ requestId, item, label }) => ({ requestId, item, label })),
  );
}

function hostOf({ actors }: ClusterStatus, address: string): string | undefined {
  return actors.find((actor) => actor.address === address)?.host;
}

/** By partition: the hosts of its owner and of its standbys. */
async function homesOf(status: ClusterStatus): Promise<{ owner: unknown; standbys: unknown[] }[]> {
  return Promise.all(
    Array.from({ length: partitions }, async (_unused, partition) => {
      const found = (await hosts.admin.bucketEntry(clusterBucket, partitionKey(partition)))!;
      const { owner, followers } = decodeEntry(found.bytes);
      const home = (shard: number) => hostOf(status, `train.ps-shard.${shard}`);
      return { owner: home(owner), standbys: followers.map(home) };
    }),
  );
}

/** Replicas are spread, and no host has both an owner and its standby. */
/** Also that they are there: one that moves is placed on another host before it runs on it. */
async function isSpread(status: ClusterStatus): Promise<boolean> {
  const homes = await homesOf(status);
  return (
    status.ready &&
    actorsOf(status.actors, 'ps-shard').every(({ state }) => state === 'ready') &&
    hostOf(status, 'train.ps-shard.0') !== hostOf(status, 'train.ps-shard.1') &&
    homes.every(({ owner, standbys }) => standbys.length === 1 && standbys[0] !== owner)
  );
}

async function eventsSince(sinceMs: number): Promise<Set<string>> {
  const events = new Set<string>();
  const { firstSequence, lastSequence } = await hosts.admin.streamState(streamName.supervision);
  for (let sequence = firstSequence; sequence <= lastSequence; sequence++) {
    const message = await hosts.admin.messageAt(streamName.supervision, sequence);
    if (!message) continue;
    const { atMs, type } = parseSupervisionEvent(decode(message.bytes));
    if (atMs >= sinceMs) events.add(type);
  }
  return events;
}

async function booksBalance(): Promise<boolean> {
  const books = await audit(hosts.admin, () => hosts.status(), 0);
  return books.ok && Object.values(books.findings.inFlight).every((count) => count === 0);
}

describe('two hosts that learn', () => {
  beforeAll(async () => {
    hosts = await HostFleet.start(plans, {
      standby: 1,
      partitions,
      supervision: { calmMs: 1_000, orphanMs: 2_000 },
    });
  }, 120_000);
  afterAll(() => hosts.stop(), 60_000);

  test('a host that is lost is replaced, also where it led, and gets its share again when it is back', async () => {
    const before = await hosts.until('shards and standbys are apart', isSpread);
    expect(before.hosts.map(({ name }) => name).sort()).toEqual(['h1', 'h2', 'h3']);
    for (const { dataCenter, host } of before.actors)
      expect(dataCenter === 'train').toBe(host !== 'h3');
    await feed(200);

    const { leader, term } = before;
    // They were the first to come.
    expect(['h1', 'h2']).toContain(leader);
    // All of a machine goes: its actors do not outlive it.
    const lost = hosts.fleet.processes().filter(({ name }) => {
      return name === leader || hostOf(before, name) === leader;
    });
    hosts.fleet.hold('train', true);
    const lostAtMs = Date.now();
    for (const { pid } of lost) process.kill(pid, 'SIGKILL');
    await feed(200);
    const after = await hosts.until('another host leads, and all is ready', (status) => {
      const { leader: now, ready, actors } = status;
      if (now === '' || now === leader || !ready) return false;
      return actors.every(({ host }) => host !== leader);
    });
    expect(after.term).toBeGreaterThan(term);
    // The shard was lost with the leader: the next one has called its standbys, before there was another shard.
    const events = await eventsSince(lostAtMs);
    for (const type of ['lead', 'host', 'place', 'promote'] as const)
      expect(events).toContain(type);
    await feed(200);

    hosts.fleet.hold('train', false);
    await hosts.until('it has its share again', async (status) => {
      const { actors, ready } = status;
      return ready && actors.some(({ host }) => host === leader) && (await isSpread(status));
    });
    await feed(200);
    await hosts.until('all is learned, once', booksBalance);
  }, 240_000);
});
