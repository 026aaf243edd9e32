import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { codeOf } from '../../core/base/errors.js';
import { findLibrary } from '../../runtime/tensorflow/library.js';
import type { Probe } from '../../runtime/tensorflow/probe.js';
import { indexSource } from './index-source.js';
import { pins } from './pins.js';
import { setUpTensorflow, type SetupOptions } from './setup-tensorflow.js';
import { unpackWheel, type TensorflowSource } from './source.js';
import { unzip } from './zip.js';

const works: Probe = { version: '2.18.1', devices: ['/device:CPU:0'], loadMs: 1 };
const library = Buffer.from('a library, '.repeat(1000));

/** Entries as a wheel has them, every other one packed. */
function zipOf(entries: Readonly<Record<string, Buffer>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  Object.entries(entries).forEach(([name, content], i) => {
    const packed = i % 2 === 0 ? deflateRawSync(content) : content;
    const local = Buffer.alloc(30);
    local.write('PK\u0003\u0004', 'latin1');
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.write('PK\u0001\u0002', 'latin1');
    central.writeUInt16LE(i % 2 === 0 ? 8 : 0, 10);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt32LE(content.length, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(offset, 42);
    parts.push(local, Buffer.from(name), packed);
    directory.push(central, Buffer.from(name));
    offset += 30 + name.length + packed.length;
  });
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006', 'latin1');
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

const wheel = zipOf({
  'tensorflow/libtensorflow_cc.so.2': library,
  'tensorflow/libtensorflow_framework.so.2': Buffer.from('its other half'),
  'tensorflow/python/large.py': Buffer.from('nobody wants it'),
});
const pinned = {
  project: 'tensorflow-cpu',
  version: '2.18.1',
  file: 'tensorflow_cpu-2.18.1-cp312-cp312-linux.whl',
  sha256: createHash('sha256').update(wheel).digest('hex'),
};

/** A simple index with one wheel, as JSON or, as older ones are, HTML. */
class FakeRegistry {
  form: 'json' | 'html' = 'json';
  served: Buffer = wheel;
  authorization: string | undefined;
  readonly #server: Server = createServer((request, response) => {
    this.authorization = request.headers.authorization;
    if (request.url === `/files/${pinned.file}`) return response.end(this.served);
    if (request.url !== '/simple/tensorflow-cpu/') return response.writeHead(404).end();
    const url = `/files/${pinned.file}`;
    if (this.form === 'html')
      return response
        .setHeader('content-type', 'text/html')
        .end(`<a href="${url}#sha256=1">${pinned.file}</a>`);
    return response
      .setHeader('content-type', 'application/vnd.pypi.simple.v1+json')
      .end(JSON.stringify({ files: [{ filename: pinned.file, url: `../..${url}` }] }));
  });

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get index(): string {
    return `http://reader:secret@127.0.0.1:${(this.#server.address() as AddressInfo).port}/simple`;
  }

  close(): void {
    this.#server.close();
  }
}

const registry = new FakeRegistry();
let folder: string;

beforeAll(() => registry.open());
afterAll(() => registry.close());
beforeEach(() => {
  Object.assign(registry, { form: 'json', served: wheel, authorization: undefined });
  folder = mkdtempSync(path.join(tmpdir(), 'setup-tensorflow-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The real source, with the pin of the fake registry's wheel. */
function fromRegistry(indexUrl: () => Promise<string | undefined>): TensorflowSource {
  const source = indexSource({ indexUrl });
  const pins = { wheels: [pinned], bytesNeeded: 0 };
  return { name: source.name, obtain: (context) => source.obtain({ ...context, pins }) };
}

const absent = (name: string): TensorflowSource => ({
  name,
  obtain: () => Promise.reject(new Error(`no ${name} here`)),
});

const fromIndex = fromRegistry(async () => registry.index);

const setUp = (options: Partial<SetupOptions> = {}) =>
  setUpTensorflow({
    ...{ folder, variant: 'cpu', platform: 'linux-x64', log: () => undefined },
    ...{ sources: [fromIndex], tried: async () => works },
    ...options,
  });

const environment = () => ({ STARLING_TENSORFLOW: folder });

describe('setup-tensorflow', () => {
  test.each(['json', 'html'] as const)(
    'takes the libraries out of a wheel (index as %s)',
    async (form) => {
      registry.form = form;
      const found = await setUp();
      expect(readFileSync(found.path)).toEqual(library);
      expect(readdirSync(path.dirname(found.path)).sort()).toEqual([
        'libtensorflow_cc.so.2',
        'libtensorflow_framework.so.2',
      ]);
      expect(findLibrary(environment())?.path).toBe(found.path);
      expect(found).toMatchObject({ version: '2.18.1', device: 'CPU', isOld: false });
      expect(registry.authorization).toBe(
        `Basic ${Buffer.from('reader:secret').toString('base64')}`,
      );
    },
  );

  test('asks sources in their order, and none behind the first that has it', async () => {
    const asked: string[] = [];
    const spied = (source: TensorflowSource): TensorflowSource => ({
      name: source.name,
      obtain: (context) => {
        asked.push(source.name);
        return source.obtain(context);
      },
    });
    const sources = [absent('pip'), fromIndex, absent('Maven')].map(spied);
    expect((await setUp({ sources })).from).toBe(fromIndex.name);
    expect(asked).toEqual(['pip', fromIndex.name]);
  });

  test('says of each source why not, with what to do, and leaves what was there', async () => {
    const before = await setUp();
    const sources = [absent('pip'), fromRegistry(async () => undefined), absent('Maven')];
    const tried = async () => Promise.reject(new Error('it does not work any more'));
    const error = await setUp({ sources, tried }).catch((thrown: unknown) => thrown);
    expect(codeOf(error)).toBe('TENSORFLOW_MISSING');
    for (const words of [
      'no pip here',
      'no index is configured',
      'no Maven here',
      'TENSORFLOW_LIB',
    ])
      expect(String(error)).toContain(words);
    expect(findLibrary(environment())?.path).toBe(before.path);
    expect(readdirSync(folder).filter((name) => name.startsWith('new-'))).toEqual([]);
  });

  test('refuses a file of another checksum, and goes on with the next source', async () => {
    registry.served = zipOf({
      'tensorflow/libtensorflow_cc.so.2': Buffer.from('of somebody else'),
    });
    const lines: string[] = [];
    const error = await setUp({ log: (line) => lines.push(line) }).catch(
      (thrown: unknown) => thrown,
    );
    expect(codeOf(error)).toBe('TENSORFLOW_MISSING');
    expect(lines.join('\n')).toContain(`not ${pinned.sha256}`);
    expect(existsSync(path.join(folder, 'library.json'))).toBe(false);
  });

  test('puts nothing in place that does not work', async () => {
    const tried = async () => Promise.reject(new Error('it ended by SIGILL'));
    await expect(setUp({ tried })).rejects.toThrow('it ended by SIGILL');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is content with what is there and works, and replaces what is not', async () => {
    const first = await setUp();
    expect(await setUp({ sources: [absent('any')] })).toMatchObject({
      path: first.path,
      isOld: true,
    });
    rmSync(first.path);
    const second = await setUp();
    expect(second.path).not.toBe(first.path);
    expect(readdirSync(folder).filter((name) => name.startsWith('cpu-'))).toHaveLength(1);
  });

  test('TENSORFLOW_LIB is that library and no other', async () => {
    const named = path.join(folder, 'mine.so');
    writeFileSync(named, 'mine');
    const found = await setUp({ named, sources: [absent('any')] });
    expect(found).toMatchObject({ path: named, from: 'TENSORFLOW_LIB' });
    expect(findLibrary(environment())?.path).toBe(named);
    expect(findLibrary({ ...environment(), TENSORFLOW_LIB: named })?.from).toBe('TENSORFLOW_LIB');
    expect(() => findLibrary({ TENSORFLOW_LIB: path.join(folder, 'none') })).toThrow('is no file');
  });

  test('says where there is no build for a machine', async () => {
    await expect(setUp({ platform: 'linux-arm64', variant: 'gpu' })).rejects.toThrow(
      'with CUDA for linux-arm64',
    );
    await expect(setUp({ platform: 'sunos-x64' })).rejects.toThrow('set TENSORFLOW_LIB');
  });

  test('each build is pinned by a checksum and a file name that pip makes', () => {
    for (const { wheels, artefact } of Object.values(pins))
      for (const { sha256 } of [...wheels, ...(artefact ? [artefact] : [])])
        expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(pins['linux-x64 cpu']!.wheels[0]!.file).toBe(
      'tensorflow_cpu-2.18.1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
    );
  });
});

describe('zip archives', () => {
  const archive = () => path.join(folder, 'some.zip');
  const everything = (name: string) => name;

  test('that are damaged, or none, are refused', async () => {
    writeFileSync(archive(), 'no archive at all');
    await expect(unzip(archive(), folder, everything)).rejects.toThrow('no zip archive');
    const damaged = Buffer.from(wheel);
    damaged.fill(0, 70, 80);
    writeFileSync(archive(), damaged);
    await expect(unzip(archive(), folder, everything)).rejects.toThrow();
  });

  test('write nowhere else', async () => {
    writeFileSync(archive(), zipOf({ '../outside': Buffer.from('x') }));
    await expect(unzip(archive(), path.join(folder, 'in'), everything)).rejects.toThrow('outside');
  });

  test('CUDA goes beside TensorFlow, and only what it loads', async () => {
    const cuda = zipOf({
      'nvidia/cublas/lib/libcublas.so.12': Buffer.from('cuda'),
      'nvidia/cublas/include/cublas.h': Buffer.from('header'),
    });
    const file = 'nvidia_cublas_cu12-1-py3-none-any.whl';
    writeFileSync(path.join(folder, file), cuda);
    const sha256 = createHash('sha256').update(cuda).digest('hex');
    const context = { downloads: folder, target: folder, log: () => undefined };
    await unpackWheel(
      { ...context, pins: { wheels: [], bytesNeeded: 0 } },
      { project: 'nvidia-cublas-cu12', version: '1', file, sha256 },
    );
    expect(readdirSync(path.join(folder, 'nvidia', 'cublas'))).toEqual(['lib']);
    expect(existsSync(path.join(folder, file))).toBe(false);
  });
});
