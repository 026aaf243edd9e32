import { describe, expect, test } from '@jest/globals';
import type { ClusterStatus } from '../messages/cluster-status.js';
import type { ActorStatus } from '../messages/actor-status.js';
import { statusLines } from './status-table.js';

const shard: ActorStatus = {
  address: 'train.ps-shard.1',
  kind: 'ps-shard',
  dataCenter: 'train',
  host: 'here',
  pid: 77,
  state: 'ready',
  epoch: 3,
  restarts: 2,
  partitions: [1, 3],
  stats: { rows: 12_345, appliedThrough: 9 },
  sinceMs: 0,
};

const status: ClusterStatus = {
  name: 'starling',
  leader: 'here',
  term: 1,
  hosts: [],
  startedAtMs: 0,
  ready: false,
  dataCenters: [
    { name: 'train', role: 'training', state: 'degraded' },
    { name: 'east', role: 'inference', state: 'down' },
  ],
  natsServers: [{ dataCenter: 'train', pid: 5, url: 'nats://127.0.0.1:4222' }],
  actors: [
    shard,
    {
      ...shard,
      address: 'train.trainer.0',
      kind: 'trainer',
      pid: null,
      state: 'restarting',
      partitions: [],
      stats: {},
      reason: 'signal SIGKILL',
    },
  ],
  events: [],
  backend: 'wasm',
  natsServer: { version: '2.9.10' },
};

describe('the table of a status', () => {
  const text = statusLines(status, 90_000).join('\n');

  test('begins with the cluster', () => {
    expect(text).toContain(
      'starling: not ready, up 90 s, leader here, nats-server 2.9.10, backend wasm',
    );
  });

  test('names hosts where there are several, and who leads', () => {
    expect(text).not.toContain('leads');
    const several = statusLines(
      {
        ...status,
        hosts: ['here', 'there'].map((name) => {
          return { name, dataCenters: ['train', 'east'], capacity: 64, actors: 1 };
        }),
      },
      0,
    ).join('\n');
    expect(several).toMatch(/here +train,east +1 of 64 +leads, term 1/);
    expect(several).toMatch(/there +train,east +1 of 64/);
    expect(several).toMatch(/ps-shard\.1 +here +ready/);
  });

  test('has every data center, with its servers', () => {
    expect(text).toContain('train (training): degraded, NATS nats://127.0.0.1:4222 (pid 5)');
    expect(text).toContain('east (inference): down, NATS not known');
  });

  test('says of storage only where there is little, or events are refused', () => {
    expect(text).not.toContain('storage');
    const dataCenters = status.dataCenters.map((dataCenter, i) => {
      return {
        ...dataCenter,
        storage: { usedBytes: (8.5 + 1.5 * i) * 2 ** 20, bytesMax: 12 * 2 ** 20 },
      };
    });
    const lines = statusLines({ ...status, dataCenters }, 0).filter((line) =>
      line.includes('storage'),
    );
    // 70 % of train are no news.
    expect(lines).toEqual(['east: storage 10.0 MiB of 12.0 MiB used (83 %)']);
  });

  test('says how many requests came from other data centers, and who is a guest elsewhere', () => {
    const ranker = {
      ...shard,
      address: 'east.ranker.0',
      kind: 'ranker',
      dataCenter: 'east',
    } as const;
    const recommender = { ...ranker, address: 'east.recommender.0', kind: 'recommender' } as const;
    const actors = [
      { ...ranker, stats: { rerouted: 2, awayAt: 'west' } },
      { ...recommender, stats: { rerouted: 1_200 } },
    ];
    const lines = statusLines({ ...status, actors }, 90_000).join('\n');
    expect(lines).toContain('east (inference): down, NATS not known, 1,202 rerouted here');
    expect(lines).toMatch(/ranker\.0 .*connected to west/);
    expect(text).not.toContain('rerouted');
  });

  test('says what part of its calls an actor made within its process, where it shares one', () => {
    const calls = { callsDirect: 30, callsOverServer: 10 };
    const shared = { ...shard, address: 'train.ps-shard.2', stats: calls };
    const lines = statusLines({ ...status, actors: [shard, shared] }, 90_000).join('\n');
    expect(lines).toMatch(/ps-shard\.2 .*75 % of its calls within its process/);
    expect(text).not.toContain('within its process');
  });

  test('has every actor, with epoch, restarts, pid, partitions and figures', () => {
    expect(text).toMatch(/ps-shard\.1 +ready +3 +2 +77 +1,3 +12,345 rows, 9 batches applied/);
    expect(text).toMatch(/trainer\.0 +restarting +3 +2 +- +- +signal SIGKILL/);
  });
});
