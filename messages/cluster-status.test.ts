import { describe, expect, test } from '@jest/globals';
import { parseClusterStatus } from './cluster-status.js';
import { decode, encode, protocolVersion } from './codec.js';
import { parseHostStatus } from './hosts.js';

const actor = {
  address: 'train.trainer.0',
  kind: 'trainer',
  dataCenter: 'train',
  host: 'here',
  pid: 7,
  state: 'ready',
  epoch: 2,
  restarts: 1,
  sinceMs: 5,
  stats: { samples: 12, batches: 3, loss: null, backend: 'wasm', rssBytes: 100 },
};
const shard = {
  ...actor,
  address: 'train.ps-shard.0',
  kind: 'ps-shard',
  pid: null,
  partitions: [0, 2],
  reason: 'signal SIGKILL',
  stats: {},
};
const event = { atMs: 1, address: 'train.trainer.0', type: 'ready', detail: '', epoch: 2 };
const status = {
  v: protocolVersion,
  name: 'starling',
  leader: 'here',
  term: 3,
  hosts: [{ name: 'here', dataCenters: ['train'], capacity: 64, actors: 2 }],
  startedAtMs: 1,
  ready: false,
  dataCenters: [{ name: 'train', role: 'training', state: 'healthy' }],
  natsServers: [{ dataCenter: 'train', pid: null, url: 'nats://127.0.0.1:4222' }],
  actors: [actor, shard],
  events: [event],
  backend: 'wasm',
  natsServer: { version: '2.9.10' },
};

function without(value: object, ...names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

const parsed = (value: unknown) => parseClusterStatus(decode(encode(value)));

describe('a status', () => {
  test('is read as it was told', () => {
    const told = without(status, 'v');
    expect(parsed(status)).toEqual(told);
  });

  test('may lack what not every cluster has', () => {
    const others = without(status, 'backend', 'natsServer');
    expect(parsed(others)).not.toHaveProperty('backend');
  });

  test('says what is stored, of how much, and why events are refused, as far as that is known', () => {
    const dataCenters = [{}, { bytesMax: 10, refuses: 'limit' }, { refuses: 'disk' }].map(
      (known) => {
        return {
          name: 'train',
          role: 'training',
          state: 'healthy',
          storage: { usedBytes: 9, ...known },
        };
      },
    );
    expect(parsed({ ...status, dataCenters }).dataCenters).toEqual(dataCenters);
  });

  test('of a later release keeps what is known here', () => {
    const later = { ...actor, stats: { ...actor.stats, samples: 'many', joy: 1 }, mood: 'fine' };
    const { stats } = parsed({ ...status, actors: [later] }).actors[0]!;
    expect(stats).toEqual({ batches: 3, loss: null, backend: 'wasm', rssBytes: 100 });
    expect(parsed({ ...status, events: [{ ...event, type: 'sing' }, event] }).events).toEqual([
      event,
    ]);
  });

  test.each<[string, object, RegExp]>([
    ['no list of actors', { actors: {} }, /status\.actors: expected a list/],
    ['an actor of no kind', { actors: [actor, { ...actor, kind: 'oracle' }] }, /actors\[1\]\.kind/],
    ['an actor in no state', { actors: [{ ...actor, state: 'happy' }] }, /actors\[0\]\.state/],
    ['an actor without an address', { actors: [{ ...actor, address: 1 }] }, /\[0\]\.address/],
    ['partitions by name', { actors: [{ ...shard, partitions: ['a'] }] }, /\[0\]\.partitions/],
    ['an event without a time', { events: [{ ...event, atMs: 'now' }] }, /events\[0\]\.atMs/],
    ['a data center without a state', { dataCenters: [{ name: 'a' }] }, /dataCenters\[0\]\.role/],
    [
      'storage that is used by a word',
      { dataCenters: [{ ...status.dataCenters[0], storage: { usedBytes: 'all' } }] },
      /dataCenters\[0\]\.storage\.usedBytes: expected a number/,
    ],
    [
      'no known reason to refuse',
      { dataCenters: [{ ...status.dataCenters[0], storage: { usedBytes: 1, refuses: 'mood' } }] },
      /dataCenters\[0\]\.storage\.refuses: expected 'disk' or 'limit', got "mood"/,
    ],
    ['a server without an address', { natsServers: [{ pid: 1 }] }, /natsServers\[0\]/],
    ['a host that is a name', { hosts: ['here'] }, /hosts\[0\]: expected a map/],
    ['no word on whether it is ready', { ready: 'soon' }, /status\.ready: expected true or false/],
  ])('with %s is refused, and says where', (_what, change, text) => {
    expect(() => parsed({ ...status, ...change })).toThrow(text);
    expect(() => parsed({ ...status, ...change })).toThrow(
      expect.objectContaining({ code: 'BAD_MESSAGE' }),
    );
  });
});

describe('what a host tells of itself', () => {
  const host = {
    ...{
      v: protocolVersion,
      name: 'here',
      life: 'a',
      dataCenters: ['train'],
      capacity: 64,
      left: false,
    },
    ...{ number: 1, startedAtMs: 1, actors: [actor], natsServers: status.natsServers },
  };

  test('is read as it was told', () => {
    const told = without(host, 'v');
    expect(parseHostStatus(decode(encode(host)))).toEqual(told);
  });

  test('is refused where an actor is none', () => {
    expect(() => parseHostStatus({ ...host, actors: [{ ...actor, epoch: null }] })).toThrow(
      /host status\.actors\[0\]\.epoch/,
    );
  });
});
