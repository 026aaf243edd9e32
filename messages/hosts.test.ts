import { describe, expect, test } from '@jest/globals';
import { actorKinds } from './actor-kinds.js';
import { encode, protocolVersion } from './codec.js';
import {
  decodeEpoch,
  decodeHost,
  decodeLeader,
  decodePlacement,
  encodeRecord,
  epochKey,
  hostKey,
  hostOfKey,
  parseHostStatus,
  type PlacementRecord,
} from './hosts.js';

const host = { name: 'vm', life: 'f', dataCenters: ['train'], capacity: 4, left: false };
const counts = Object.fromEntries(actorKinds.map((kind) => [kind, 1])) as PlacementRecord['counts'];
const placement = { term: 1, counts, hosts: { 'train.trainer.0': 'vm' } };

test('keys say whose they are', () => {
  expect(hostOfKey(hostKey('vm-1.local'))).toBe('vm-1.local');
  expect(hostOfKey('epoch.train.trainer.0')).toBeUndefined();
  expect(epochKey('train.trainer.0')).toBe('epoch.train.trainer.0');
});

describe('what hosts write for each other', () => {
  test('comes back as it was, and fields of later are ignored', () => {
    const later = { ...host, later: 1 };
    expect(decodeHost(encodeRecord(later))).toEqual(host);
    expect(decodePlacement(encodeRecord(placement))).toEqual(placement);
  });

  const reading = (decode: (bytes: Uint8Array) => unknown, record: object, change: object) => () =>
    decode(encode({ v: protocolVersion, ...record, ...change }));

  test.each<[string, (bytes: Uint8Array) => unknown, object, object]>([
    ['a host without a name', decodeHost, host, { name: 7 }],
    ['a host of no capacity', decodeHost, host, { capacity: -1 }],
    ['a host of no data centers', decodeHost, host, { dataCenters: 'train' }],
    ['a leader without a term', decodeLeader, { host: 'vm', life: 'f' }, {}],
    ['a placement without a kind', decodePlacement, placement, { counts: { trainer: 1 } }],
    ['a placement on no host', decodePlacement, placement, { hosts: { a: 7 } }],
    ['an epoch that is none', decodeEpoch, {}, { epoch: 0.5 }],
  ])('is refused: %s', (_what, decode, record, change) => {
    expect(reading(decode, record, change)).toThrow(/host|leader|placement|epoch/);
  });

  test('is refused where it is of another version', () => {
    expect(reading(decodeHost, host, { v: 99 })).toThrow(/version 99/);
  });

  test('a status without its lists is refused', () => {
    const status = { v: protocolVersion, ...host, number: 1, startedAtMs: 1, natsServers: [] };
    expect(() => parseHostStatus(status)).toThrow(/actors/);
    expect(parseHostStatus({ ...status, actors: [] }).number).toBe(1);
  });
});
