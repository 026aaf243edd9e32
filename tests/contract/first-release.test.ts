import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { encode as encodeState } from 'cbor-x';
import { open } from 'lmdb';
import { codeOf } from '../../core/base/errors.js';
import { openChunk } from '../../core/embedding/snapshot/format.js';
import { decodeParts } from '../../core/joining/record-codec.js';
import { decodeRow } from '../../core/joining/row-codec.js';
import { decodeShape } from '../../messages/cluster-shape.js';
import { decode } from '../../messages/codec.js';
import { parseRows } from '../../messages/deltas.js';
import { parseImpressions } from '../../messages/events.js';
import { decodeEntry } from '../../messages/ownership.js';
import { parseSamples } from '../../messages/samples.js';
import { decodeManifest } from '../../messages/snapshots.js';
import { LmdbEntityStore } from '../../runtime/stores/lmdb-entity-store.js';
import { LmdbJoinStore } from '../../runtime/stores/lmdb-join-store.js';
import { firstReleaseBytes } from './golden/golden-files.js';
import { slots, spec } from './golden/sample-values.js';

/** What the first release has left is not read: it is told apart from damage, and what helps is said. */
const remedy = /start with a new --state folder, or run the release that wrote it/;

const records: readonly [string, (bytes: Uint8Array) => unknown][] = [
  ['join-impressions', (bytes) => parseImpressions(decode(bytes), spec)],
  ['samples', (bytes) => parseSamples(decode(bytes), spec)],
  ['delta-rows', (bytes) => parseRows(decode(bytes), slots)],
  ['partition-entry', decodeEntry],
  ['snapshot-manifest', decodeManifest],
];

function codeFrom(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return undefined;
}

describe('of the first release', () => {
  test.each(records)('a record of %s is refused by its version', (name, read) => {
    const bytes = firstReleaseBytes(name);
    expect(codeFrom(() => read(bytes))).toBe('UNSUPPORTED_VERSION');
    expect(() => read(bytes)).toThrow(remedy);
  });

  test('the state on servers of somebody else is refused by its shape, which is read first', () => {
    const read = () => decodeShape(firstReleaseBytes('shape'));
    expect(codeFrom(read)).toBe('STATE_INVALID');
    expect(read).toThrow(remedy);
  });

  test('a snapshot is refused by the version of its chunks, and not as damaged', () => {
    expect(codeFrom(() => openChunk(firstReleaseBytes('snapshot-chunk'), 0, 1024))).toBe(
      'SNAPSHOT_VERSION',
    );
  });

  test.each<[string, (bytes: Uint8Array) => unknown]>([
    ['join-row', (bytes) => decodeRow(bytes, 0)],
    ['join-held-action', decodeParts],
  ])('%s of a join window is no record of today', (name, read) => {
    expect(codeFrom(() => read(firstReleaseBytes(name)))).toBe('CORRUPT');
  });

  describe('a store on disk', () => {
    async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
      const folder = await mkdtemp(path.join(tmpdir(), 'starling-first-'));
      try {
        await work(folder);
      } finally {
        await rm(folder, { recursive: true });
      }
    }

    test('with a join window is refused as a whole', () =>
      inFolder(async (folder) => {
        const root = open<Buffer, string>({ path: folder, encoding: 'binary', noSubdir: false });
        const state = { version: 1, progress: {}, consumed: { join: 9 }, outboxNumberLast: 3 };
        root.putSync('state', encodeState(state));
        await root.close();
        expect(codeFrom(() => LmdbJoinStore.open(folder, { newId: () => randomUUID() }))).toBe(
          'STATE_INVALID',
        );
        expect(() => LmdbJoinStore.open(folder, { newId: () => randomUUID() })).toThrow(remedy);
      }));

    test('with features is refused as a whole', () =>
      inFolder(async (folder) => {
        const root = open({ path: folder, noSubdir: false });
        const meta = root.openDB<number, string>({ name: 'meta', encoding: 'json' });
        meta.putSync('sequence', 12);
        await root.close();
        expect(codeFrom(() => new LmdbEntityStore(folder))).toBe('STATE_INVALID');
        expect(() => new LmdbEntityStore(folder)).toThrow(remedy);
      }));
  });
});
