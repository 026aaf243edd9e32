import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import base from '../../cluster.config.js';
import { StarlingError } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { PlacementRecord } from '../../messages/hosts.js';
import { decodeLeader, encodeRecord, leaderKey } from '../../messages/hosts.js';
import { clusterBucket } from '../../messages/default-names.testkit.js';
import { actorKinds, type ActorKind } from '../../messages/actor-kinds.js';
import { PartitionDirectory } from '../../replication/partition-directory.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import type { ClusterView } from '../../cluster/hosts/cluster-view.js';
import { DrainStore } from '../../cluster/drains/drain-store.js';
import { FileEpochStore } from '../../supervisor/epochs.js';
import { HostLease } from '../../cluster/hosts/host-lease.js';
import { HostRegistry, type HostState } from '../../cluster/hosts/host-registry.js';
import { PlacementStore } from '../../cluster/placement/placement-store.js';
import { SharedEpochStore } from '../../cluster/hosts/shared-epochs.js';
import { LeaderCandidate } from '../../cluster/leadership/leader-candidate.js';
import { PlacementKeeper } from '../../cluster/placement/placement-keeper.js';
import type { MessageServer } from '../support/message-server.js';
import { startMessageServer } from '../support/message-server.js';
import { temporaryFolder } from '../support/starling-process.js';

const leaseMs = 300;
let server: MessageServer;
let bus: NatsBus;

beforeEach(async () => {
  server = await startMessageServer();
  bus = await server.connect();
  await bus.bucketPut(clusterBucket, 'shape', Uint8Array.of(1));
});
afterEach(() => server.stop());

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}

interface Host {
  readonly candidate: LeaderCandidate;
  readonly bus: NatsBus;
  /** Terms that it began to lead, and ended to. */
  readonly begun: number[];
  readonly ended: number[];
}

async function hostOf(name: string): Promise<Host> {
  const own = await server.connect(name);
  const begun: number[] = [];
  const ended: number[] = [];
  const candidate = new LeaderCandidate({
    bus: own,
    host: name,
    life: `life of ${name}`,
    leaseMs,
    patienceMs: 0,
    lead: async (term) => {
      begun.push(term);
      return { stop: async () => void ended.push(term) };
    },
    log: () => undefined,
  });
  await candidate.start();
  return { candidate, bus: own, begun, ended };
}

describe('the leader of a cluster', () => {
  test('is one host, and another when it leaves', async () => {
    const one = await hostOf('h1');
    await until(() => one.begun.length > 0);
    const two = await hostOf('h2');
    await new Promise((resolve) => setTimeout(resolve, 2 * leaseMs));
    expect([one.candidate.leads, two.candidate.leads]).toEqual([true, false]);
    expect(two.candidate.leader).toMatchObject({ host: 'h1', term: 1 });
    await one.candidate.stop();
    expect(one.ended).toEqual([1]);
    await until(() => two.candidate.leads);
    expect(two.begun).toEqual([2]);
    await two.candidate.stop();
    const { bytes } = (await bus.bucketEntry(clusterBucket, leaderKey))!;
    expect(decodeLeader(bytes)).toMatchObject({ host: 'h2', term: 2, resigned: true });
  }, 30_000);

  test('that is cut off is followed by another', async () => {
    const one = await hostOf('h1');
    await until(() => one.begun.length > 0);
    const two = await hostOf('h2');
    // What it still says does not arrive.
    await one.bus.close();
    await until(() => two.candidate.leads);
    expect(two.begun).toEqual([2]);
    expect(one.candidate.leads).toBe(true);
    await Promise.all([one.candidate.stop(), two.candidate.stop()]);
  }, 30_000);

  test('steps down when it learns that another leads, and follows it', async () => {
    const one = await hostOf('h1');
    await until(() => one.begun.length > 0);
    const foreign = encodeRecord({ host: 'h7', life: 'x', term: 7, resigned: false });
    await bus.bucketPut(clusterBucket, leaderKey, foreign);
    await until(() => one.ended.length > 0);
    expect(one.candidate.leader).toMatchObject({ host: 'h7', term: 7 });
    // It does not renew its lease, and so one takes over.
    await until(() => one.begun.length > 1);
    expect([one.begun, one.ended]).toEqual([[1, 8], [1]]);
    await one.candidate.stop();
  }, 30_000);

  test('goes on when the servers were away for longer than its lease', async () => {
    const one = await hostOf('h1');
    await until(() => one.begun.length > 0);
    const two = await hostOf('h2');
    server.pause();
    await new Promise((resolve) => setTimeout(resolve, 3 * leaseMs));
    server.resume();
    await new Promise((resolve) => setTimeout(resolve, 3 * leaseMs));
    const leading = [one, two].filter(({ candidate }) => candidate.leads);
    expect(leading).toHaveLength(1);
    await Promise.all([one.candidate.stop(), two.candidate.stop()]);
  }, 30_000);
});

describe('a leader whose time is over', () => {
  const counts = Object.fromEntries(actorKinds.map((kind) => [kind, 1])) as Record<
    ActorKind,
    number
  >;
  const placed = (term: number, host: string): PlacementRecord => ({
    term,
    counts,
    hosts: { 'train.joiner.0': host },
  });

  test('places no actors any more', async () => {
    const former = await PlacementStore.open(bus);
    await former.write(placed(1, 'h1'));
    const newer = await PlacementStore.open(await server.connect());
    await newer.write(placed(2, 'h2'));
    const late = former.write(placed(1, 'h3'));
    await expect(late).rejects.toMatchObject({ code: 'FENCED' });
    await expect(former.confirm(1)).rejects.toMatchObject({ code: 'FENCED' });
    expect(former.record).toMatchObject(placed(2, 'h2'));
    await Promise.all([former.stop(), newer.stop()]);
  });

  test('gives no partition to anybody, and its orders are refused by who sees the directory', async () => {
    const former = await PartitionDirectory.open(bus);
    const entry = { owner: 0, epoch: 1, followers: [] };
    await former.update(3, { ...entry, term: 1 }, undefined);
    const newer = await PartitionDirectory.open(await server.connect());
    await newer.update(3, { ...entry, term: 2 }, newer.entry(3));
    await until(() => former.term === 2);
    const late = former.update(3, { ...entry, owner: 1, term: 1 }, former.entry(3));
    await expect(late).rejects.toMatchObject({ code: 'FENCED' });
    expect(() => newer.refuseFormerLeader(1)).toThrow('term 1 is over');
    expect(() => newer.refuseFormerLeader(2)).not.toThrow();
    await Promise.all([former.stop(), newer.stop()]);
  });

  test('drains no data center', async () => {
    const drain = { drained: true, by: 'hand', reason: 'a test', atMs: 1 } as const;
    const former = await DrainStore.open(bus);
    await former.write('east', { ...drain, term: 1 });
    const newer = await DrainStore.open(await server.connect());
    await newer.write('east', { ...drain, drained: false, term: 2 });
    const late = former.write('east', { ...drain, term: 1 });
    await expect(late).rejects.toMatchObject({ code: 'FENCED' });
    expect(former.isDrained('east')).toBe(false);
    await Promise.all([former.stop(), newer.stop()]);
  });
});

test('an actor that its host has given up is placed on another host', async () => {
  const record = (name: string) => ({
    ...{ name, life: name, left: false, capacity: 4 },
    dataCenters: ['train'],
  });
  const log = (): void => undefined;
  const leases = await Promise.all(
    ['h1', 'h2'].map((name) =>
      HostLease.take({ bus, record: record(name), lifeBefore: undefined, leaseMs, log }),
    ),
  );
  const registry = await HostRegistry.open({ bus, leaseMs, calmMs: 10 });
  const store = await PlacementStore.open(bus);
  const config = parseClusterConfig(base);
  const none = Object.fromEntries(actorKinds.map((kind) => [kind, 0]));
  const address = 'train.trainer.0';
  // What a leader sees of the cluster: an actor that has failed for good, wherever it is placed first.
  const view = {
    ready: false,
    actors: () => [{ address, state: 'failed', host: first }],
  } as unknown as ClusterView;
  const events: string[] = [];
  const keeper = new PlacementKeeper({
    models: () => [],
    ...{ clock: bus.clock, random: bus.random },
    ...{ config, term: 1, store, registry, view, failed: log },
    counts: { ...none, trainer: 1 } as ClusterConfig['actors'],
    record: ({ detail }) => events.push(detail),
  });
  await keeper.place();
  const first = store.record!.hosts[address]!;
  await until(() => store.record!.hosts[address] !== first);
  expect(events).toEqual([`to ${first}`, `to ${store.record!.hosts[address]}, was on ${first}`]);
  await keeper.stop();
  await Promise.all([registry.stop(), store.stop(), ...leases.map((lease) => lease.stop())]);
}, 30_000);

describe('epochs', () => {
  test('go on wherever an actor starts, and without the bucket where they fence nobody', async () => {
    const folders = [temporaryFolder(), temporaryFolder()];
    const connections = await Promise.all([server.connect('h1'), server.connect('h2')]);
    const stores = await Promise.all(
      connections.map(
        async (connection, at) =>
          new SharedEpochStore(
            connection,
            await FileEpochStore.open(folders[at]!.folder),
            (address) => address.startsWith('east.'),
          ),
      ),
    );
    const epochs: number[] = [];
    for (const at of [0, 0, 1, 0, 1]) epochs.push(await stores[at]!.next('train.ps-shard.0'));
    expect(epochs).toEqual([1, 2, 3, 4, 5]);
    expect(await stores[0]!.next('east.ranker.0')).toBe(1);
    await connections[0].close();
    expect(await stores[0]!.next('east.ranker.0')).toBe(2);
    await expect(stores[0]!.next('train.ps-shard.0')).rejects.toBeInstanceOf(StarlingError);
    expect(await stores[1]!.next('train.ps-shard.0')).toBe(6);
    for (const { remove } of folders) remove();
  }, 30_000);
});

describe('hosts', () => {
  const recordOf = (name: string, life: string) => ({
    ...{ name, life, left: false, capacity: 4 },
    dataCenters: ['train'],
  });
  const take = (connection: NatsBus, name: string, life: string, lifeBefore?: string) =>
    HostLease.take({
      bus: connection,
      record: recordOf(name, life),
      lifeBefore,
      leaseMs,
      log: () => undefined,
    });

  test('are known while they renew their leases, lost when they do not, and told apart from those that left', async () => {
    const states: [string, HostState][] = [];
    const registry = await HostRegistry.open({ bus, leaseMs, calmMs: 50 });
    registry.onChange((host, state) => {
      if (states.at(-1)?.[0] !== host || states.at(-1)?.[1] !== state) states.push([host, state]);
    });
    const silent = await server.connect();
    const lost = await take(silent, 'h1', 'a');
    await until(() => registry.hosts.some(({ steady }) => steady));
    await silent.close();
    await until(() => registry.hosts.length === 0);
    expect(states.at(-1)).toEqual(['h1', 'lost']);
    const polite = await take(bus, 'h2', 'b');
    await until(() => registry.hosts.length === 1);
    await polite.stop();
    await until(() => registry.hosts.length === 0);
    expect(states.at(-1)).toEqual(['h2', 'left']);
    await Promise.all([registry.stop(), lost.stop()]);
  }, 30_000);

  test('have names of their own; one that was killed may come back at once', async () => {
    const one = await take(bus, 'h1', 'a');
    const other = await server.connect();
    await expect(take(other, 'h1', 'b')).rejects.toMatchObject({ code: 'CONFLICT' });
    const back = await take(other, 'h1', 'c', 'a');
    await Promise.all([one.stop(), back.stop()]);
  }, 30_000);
});
