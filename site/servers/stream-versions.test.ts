import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { NatsServerBinary } from './find-server.js';
import {
  noteStreamVersions,
  requireReadableStreams,
  type StreamsOnDisk,
} from './stream-versions.js';

let streams: StreamsOnDisk;

beforeEach(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'starling-versions-'));
  streams = { folder, dataCenters: [{ name: 'train' }, { name: 'east' }] };
});
afterEach(() => rm(streams.folder, { recursive: true, force: true }));

const server = (version: string): NatsServerBinary => {
  return { path: '/opt/nats-server', version, from: 'PATH' };
};
const both = ['train', 'east'];

describe('the streams of a data center', () => {
  test('are opened by a server of the same minor release, or a newer one', async () => {
    await requireReadableStreams(streams, server('2.9.10'));
    await noteStreamVersions(streams, server('2.12.4'), both);
    for (const version of ['2.12.3', '2.12.4', '2.12.15', '2.15.3', '3.0.0'])
      await requireReadableStreams(streams, server(version));
  });

  test('are kept from a server of an older one, with a line that names both', async () => {
    await noteStreamVersions(streams, server('2.15.3'), both);
    const refused = requireReadableStreams(streams, server('2.9.10'));
    await expect(refused).rejects.toMatchObject({
      code: 'NATS_SERVER_TOO_OLD',
      details: { dataCenters: both, written: '2.15.3', version: '2.9.10' },
    });
    await expect(refused).rejects.toThrow(
      /train, east in .* by nats-server 2\.15\.3, and 2\.9\.10 \(PATH: \/opt\/nats-server\)/,
    );
    const almost = requireReadableStreams(streams, server('2.14.10'));
    await expect(almost).rejects.toMatchObject({ code: 'NATS_SERVER_TOO_OLD' });
  });

  test('are told apart: one of them is enough to refuse, and the newest is named', async () => {
    await noteStreamVersions(streams, server('2.10.29'), both);
    await noteStreamVersions(streams, server('2.12.4'), ['east']);
    await requireReadableStreams(streams, server('2.12.3'));
    const refused = requireReadableStreams(streams, server('2.11.0'));
    await expect(refused).rejects.toMatchObject({
      details: { dataCenters: ['east'], written: '2.12.4' },
    });
  });

  test('without a note were written by 2.10 or newer if they have its index', async () => {
    const meta = path.join(streams.folder, 'streams/east/jetstream/$SYS/_js_/_meta_/msgs');
    await mkdir(meta, { recursive: true });
    await writeFile(path.join(meta, '1.blk'), '');
    await requireReadableStreams(streams, server('2.9.10'));
    await writeFile(path.join(meta, 'index.db'), '');
    const refused = requireReadableStreams(streams, server('2.9.10'));
    await expect(refused).rejects.toMatchObject({ details: { dataCenters: ['east'] } });
    await requireReadableStreams(streams, server('2.10.7'));
  });
});

describe('a start', () => {
  test('hears of the release that can not open the streams any more', async () => {
    expect(await noteStreamVersions(streams, server('2.9.10'), both)).toBeUndefined();
    expect(await noteStreamVersions(streams, server('2.9.25'), both)).toBeUndefined();
    expect(await noteStreamVersions(streams, server('2.15.3'), both)).toBe('2.9.25');
    expect(await noteStreamVersions(streams, server('2.15.3'), both)).toBeUndefined();
    const file = path.join(streams.folder, 'versions.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ train: '2.15.3', east: '2.15.3' });
  });

  test('names a note that is damaged', async () => {
    await writeFile(path.join(streams.folder, 'versions.json'), '{"train": 2}');
    const refused = requireReadableStreams(streams, server('2.15.3'));
    await expect(refused).rejects.toMatchObject({ code: 'STATE_INVALID' });
    await expect(refused).rejects.toThrow(/versions\.json is damaged/);
  });
});
