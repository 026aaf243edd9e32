import { describe, expect, test } from '@jest/globals';
import { encode, protocolVersion } from './codec.js';
import {
  dataCenterOfDrain,
  decodeDrain,
  drainKey,
  encodeDrain,
  type DrainEntry,
} from './drains.js';
import { parseDrain } from './operations.js';

const entry: DrainEntry = {
  drained: true,
  by: 'slow',
  reason: 'p99 1400 ms',
  atMs: 1_700_000_000_000,
  term: 3,
};

describe('the drain of a data center in the bucket', () => {
  test('has a key that tells the data center', () => {
    expect(dataCenterOfDrain(drainKey('us-east-1'))).toBe('us-east-1');
    expect(dataCenterOfDrain('lease.east')).toBeUndefined();
    expect(dataCenterOfDrain('drain.')).toBeUndefined();
  });

  test('reads as it was written, also by a release that knows less', () => {
    expect(decodeDrain(encodeDrain(entry))).toEqual(entry);
    expect(decodeDrain(encode({ v: protocolVersion, ...entry, later: 1 }))).toEqual(entry);
  });

  test.each([
    ['drained', 'yes'],
    ['by', 'chance'],
    ['reason', 1],
    ['atMs', null],
    ['term', -1],
    ['term', 0.5],
  ])('with a wrong %s (%j) is refused', (field, value) => {
    expect(() => decodeDrain(encode({ v: protocolVersion, ...entry, [field]: value }))).toThrow(
      `drain entry.${field}`,
    );
  });

  test('of an unknown version is refused', () => {
    expect(() => decodeDrain(encode({ ...entry, v: 99 }))).toThrow('version 99');
  });
});

describe('a request to drain', () => {
  test('names an operation and a data center', () => {
    const request = { operation: 'o-1', dataCenter: 'east' };
    expect(parseDrain({ v: protocolVersion, ...request, later: 1 })).toEqual(request);
  });

  test.each(['', 'East', 'east.ranker', 'east *'])('of %j is refused as a bad request', (name) => {
    expect(() => parseDrain({ v: protocolVersion, operation: 'o', dataCenter: name })).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }),
    );
  });
});
