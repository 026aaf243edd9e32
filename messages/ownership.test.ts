import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../core/base/errors.js';
import { encode, protocolVersion } from './codec.js';
import {
  addressOfLease,
  commandReply,
  decodeEntry,
  decodeLease,
  digestsReply,
  encodeEntry,
  leaseKey,
  parseDigests,
  parsePartitionCommand,
  parseRestoreReply,
  partitionCommand,
  partitionKey,
  partitionOfKey,
} from './ownership.js';

const entry = { owner: 1, epoch: 4, followers: [0, 2], term: 3 };

describe('the entry of a partition', () => {
  test('stands under its model and number, and under no other key', () => {
    expect(partitionKey(12)).toBe('partition.main.12');
    expect(partitionOfKey(partitionKey(12))).toBe(12);
    for (const key of [
      'partition.12',
      'partition.candidate.12',
      'partition.main.x',
      'partition.main.12.x',
      'partition.main.',
      'lease.main.12',
    ])
      expect(partitionOfKey(key)).toBeUndefined();
  });

  test.each<[string, object]>([
    ['an owner that is none', { owner: -1 }],
    ['an epoch that is none', { epoch: 1.5 }],
    ['followers that are none', { followers: [0, 'b'] }],
    ['no term', { term: undefined }],
  ])('with %s is refused', (_what, change) => {
    const fields = { v: protocolVersion, model: 'main', ...entry, ...change };
    expect(() => decodeEntry(encode(fields))).toThrow(/partition entry/);
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
  });

  test('of another model is not taken for this one', () => {
    const fields = { v: protocolVersion, ...entry, model: 'candidate' };
    let code: string | undefined;
    try {
      decodeEntry(encode(fields));
    } catch (error) {
      code = codeOf(error);
    }
    expect(code).toBe('SPEC_MISMATCH');
  });
});

test('a lease stands under its address', () => {
  expect(addressOfLease(leaseKey('train.ps-shard.1'))).toBe('train.ps-shard.1');
  expect(addressOfLease('host.vm')).toBeUndefined();
  expect(() => decodeLease(encode({ v: protocolVersion, epoch: -1 }))).toThrow(/lease\.epoch/);
});

test('commands and their answers are held to their shape', () => {
  const command = partitionCommand({ partition: 3, term: 2 });
  expect(parsePartitionCommand(command)).toEqual({ partition: 3, term: 2 });
  expect(() => parsePartitionCommand({ ...command, term: 'late' })).toThrow(/term/);
  expect(() => parseRestoreReply(commandReply({ sequence: 1 }))).toThrow(/changed/);
  expect(parseDigests(digestsReply([]))).toEqual([]);
  for (const digests of [null, [null], [{ partition: 1 }]])
    expect(() => parseDigests({ ...digestsReply([]), digests })).toThrow(/digests/);
});
