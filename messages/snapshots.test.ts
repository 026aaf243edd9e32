import { describe, expect, test } from '@jest/globals';
import { decode, encode } from './codec.js';
import {
  decodeManifest,
  decodeMark,
  encodeManifest,
  encodeMark,
  parseRestoreCommand,
  parseSnapshotCommand,
  parseSnapshotReply,
  restoreCommand,
  snapshotCommand,
  snapshotReply,
} from './snapshots.js';

const object = {
  kind: 'rows' as const,
  ...{ name: 'partition-0', bytes: 10, chunks: 1 },
  ...{ partition: 0, rows: 1, startSequence: 1, endSequence: 2 },
};
const manifest = {
  ...{ snapshot: 's', createdAtMs: 1, specHash: 'h', partitionCount: 1 },
  slots: [{ slot: 4_000_000_000, name: 'user', dim: 17 }],
  objects: [object],
};

describe('a manifest', () => {
  test('says which slot has which number, and need not have a network', () => {
    expect(decodeManifest(encodeManifest(manifest))).toEqual(manifest);
    const dense = { name: 'dense', bytes: 1, chunks: 1 };
    expect(decodeManifest(encodeManifest({ ...manifest, dense })).dense).toEqual(dense);
  });

  test.each<[string, object]>([
    ['objects that are none', { objects: {} }],
    ['an object of a kind of later', { objects: [{ ...object, kind: 'vectors' }] }],
    ['an object that is no map', { objects: [null] }],
    ['slots that are none', { slots: 'user' }],
    ['a slot without a name', { slots: [{ slot: 1, dim: 2 }] }],
    ['a network that is no object', { dense: 'dense' }],
  ])('with %s is refused', (_what, change) => {
    const fields = decode(encodeManifest(manifest)) as object;
    expect(() => decodeManifest(encode({ ...fields, ...change }))).toThrow(/snapshot|dense/);
  });
});

test('a mark without its ledger is refused', () => {
  const mark = {
    ...{ specHash: 'h', partition: 0, epoch: 1, deltaNumber: 2, sequence: 3 },
    ...{ applied: Float64Array.of(4), resolved: 5, atSeconds: 6 },
  };
  expect(decodeMark(encodeMark(mark))).toEqual(mark);
  const fields = decode(encodeMark(mark)) as object;
  expect(() => decodeMark(encode({ ...fields, applied: [4] }))).toThrow(/applied/);
});

test('commands name partitions, and where a restore begins', () => {
  const save = snapshotCommand({ snapshot: 's', partitions: [0, 1] });
  expect(parseSnapshotCommand(save)).toEqual({ snapshot: 's', partitions: [0, 1] });
  expect(() => parseSnapshotCommand({ ...save, partitions: ['all'] })).toThrow(/partitions/);
  const back = { partitions: [0], from: { snapshot: 's' }, term: 1 };
  expect(parseRestoreCommand(restoreCommand(back))).toEqual(back);
  for (const from of [null, {}, { sequence: 'last' }])
    expect(() => parseRestoreCommand({ ...restoreCommand(back), from })).toThrow(/from|sequence/);
  const reply = snapshotReply({ specHash: 'h', objects: [object] });
  expect(parseSnapshotReply(reply)).toEqual({ specHash: 'h', objects: [object] });
});
