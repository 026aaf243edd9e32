import { describe, expect, test } from '@jest/globals';
import type { DataCenterStorage } from '../messages/cluster-status.js';
import { storageNotice } from './storage-notice.js';

const mebibyte = 2 ** 20;
const textOf = (storage?: DataCenterStorage) =>
  storageNotice({
    ...{ name: 'east', role: 'inference', state: 'healthy' },
    ...(storage ? { storage } : {}),
  })?.text;

describe('of the storage of a data center', () => {
  test('nothing is said while there is room, or nobody knows', () => {
    expect(textOf()).toBeUndefined();
    expect(textOf({ usedBytes: 80 * mebibyte, bytesMax: 100 * mebibyte })).toBeUndefined();
    expect(textOf({ usedBytes: 1e15 })).toBeUndefined();
  });

  test('is said how much is used when it becomes little', () => {
    expect(textOf({ usedBytes: 81 * mebibyte, bytesMax: 100 * mebibyte })).toBe(
      'storage 81.0 MiB of 100.0 MiB used (81 %)',
    );
  });

  test('is said that and why events are refused', () => {
    expect(textOf({ usedBytes: 25 * mebibyte, refuses: 'limit' })).toBe(
      'storage 25.0 MiB used; events are refused (STORAGE_FULL): its NATS servers may not use more',
    );
    expect(textOf({ usedBytes: 0, bytesMax: 10 * 2 ** 30, refuses: 'disk' })).toBe(
      'storage 0.0 MiB of 10.0 GiB used (0 %); events are refused (STORAGE_FULL): less disk is free than nats.freeBytesMin',
    );
  });
});
