import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createHash } from 'node:crypto';
import { messageOf } from '../../core/base/errors.js';
import { findServer, findServerInPlace, isAtLeast, projectRoot } from './find-server.js';

interface Source {
  readonly name: string;
  obtain(context: { folder: string }): Promise<string>;
}
interface Script {
  obtainNatsServer(options: {
    binFolder: string;
    sources: readonly Source[];
  }): Promise<{ path: string; version: string; from: string }>;
  isAtLeast(version: string, least: string): boolean;
  releaseArchive(platform: string, arch: string): string;
  verifySha256(archive: string, bytes: Uint8Array, sums: string): void;
}

const scriptPath = path.join(projectRoot(), 'scripts', 'nats-server.mjs');
const script = (await import(pathToFileURL(scriptPath).href)) as Script;

let folder: string;
const environment = { NATS_SERVER: process.env.NATS_SERVER, PATH: process.env.PATH };

/** A program that calls itself a nats-server of `version`; a shell script, so these tests need a POSIX system. */
async function fakeServer(file: string, version: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  await chmod(file, 0o755);
  return file;
}

const working: Source = {
  name: 'working',
  obtain: (context) => fakeServer(path.join(context.folder, 'got'), '2.10.0'),
};
const failing: Source = {
  name: 'failing',
  obtain: () => Promise.reject(new Error('no network')),
};
const outdated: Source = {
  name: 'outdated',
  obtain: (context) => fakeServer(path.join(context.folder, 'got'), '2.7.4'),
};

function restore(): void {
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'starling-find-'));
});
afterEach(async () => {
  restore();
  await rm(folder, { recursive: true, force: true });
});

describe('finding a server', () => {
  test('takes the one in NATS_SERVER', async () => {
    process.env.NATS_SERVER = await fakeServer(path.join(folder, 'named'), '2.9.10');
    expect(await findServer()).toEqual({
      path: process.env.NATS_SERVER,
      version: '2.9.10',
      from: 'NATS_SERVER',
    });
  });

  test('takes the one on PATH, unless it is too old', async () => {
    delete process.env.NATS_SERVER;
    const onPath = await fakeServer(path.join(folder, 'bin', 'nats-server'), '2.11.0');
    process.env.PATH = `${path.dirname(onPath)}${path.delimiter}${environment.PATH}`;
    expect(await findServerInPlace()).toMatchObject({ path: onPath, from: 'PATH' });
    await fakeServer(onPath, '2.9.9');
    expect((await findServerInPlace())?.path).not.toBe(onPath);
  });

  test('refuses an old or broken one in NATS_SERVER rather than to take another', async () => {
    process.env.NATS_SERVER = await fakeServer(path.join(folder, 'old'), '2.8.4');
    await expect(findServer()).rejects.toMatchObject({ code: 'NATS_SERVER_MISSING' });
    await expect(findServer()).rejects.toThrow(/version 2\.8\.4, but 2\.9\.10 is the oldest/);
    process.env.NATS_SERVER = path.join(folder, 'absent');
    await expect(findServerInPlace()).rejects.toMatchObject({ code: 'NATS_SERVER_MISSING' });
  });
});

describe('obtaining a server', () => {
  const binFolder = () => path.join(folder, 'private');
  const hideServers = () => {
    delete process.env.NATS_SERVER;
    process.env.PATH = folder;
  };

  // A distribution's server in /usr/sbin is found whatever PATH says; then there is nothing to obtain.
  test('tries one source after the other, and finds the result the next time', async () => {
    hideServers();
    const sources = [failing, outdated, working];
    const got = await script.obtainNatsServer({ binFolder: binFolder(), sources });
    if (got.from === 'PATH') return;
    expect(got).toMatchObject({ version: '2.10.0', from: 'working' });
    const again = await script.obtainNatsServer({ binFolder: binFolder(), sources: [] });
    expect(again).toEqual({ ...got, from: 'private copy' });
  });

  test('that no source has says what was tried', async () => {
    hideServers();
    const options = { binFolder: binFolder(), sources: [failing, outdated] };
    const failure = await script.obtainNatsServer(options).then(String, messageOf);
    if (failure === '[object Object]') return;
    expect(failure).toMatch(/failing: no network\n.*outdated: version 2\.7\.4/);
    expect(failure).toMatch(/by hand/);
  });

  test('may be done by several processes at once', async () => {
    hideServers();
    const options = { binFolder: binFolder(), sources: [working] };
    const all = await Promise.all(
      Array.from({ length: 6 }, () => script.obtainNatsServer(options)),
    );
    expect(new Set(all.map(({ path: binary }) => binary)).size).toBe(1);
    if (all[0]?.from !== 'PATH') expect(await readdir(binFolder())).toEqual(['nats-server']);
  });
});

describe('versions', () => {
  test.each([
    ['2.9.10', '2.9.10', true],
    ['2.10.0', '2.9.10', true],
    ['2.9.9', '2.9.10', false],
    ['3.0.0-RC.1', '2.9.10', true],
    ['1.4.1', '2.9.10', false],
  ])('%s is at least %s: %s', (version, least, expected) => {
    expect(isAtLeast(version, least)).toBe(expected);
    expect(script.isAtLeast(version, least)).toBe(expected);
  });
});

describe('the official release', () => {
  test('is named by platform, and is absent for some', () => {
    expect(script.releaseArchive('linux', 'x64')).toMatch(/-linux-amd64\.tar\.gz$/);
    expect(script.releaseArchive('darwin', 'arm64')).toMatch(/-darwin-arm64\.tar\.gz$/);
    expect(script.releaseArchive('win32', 'x64')).toMatch(/-windows-amd64\.zip$/);
    expect(() => script.releaseArchive('aix', 'ppc64')).toThrow(/no release for aix/);
  });

  test('is used only if its checksum is right', () => {
    const bytes = Buffer.from('archive');
    const digest = createHash('sha256').update(bytes).digest('hex');
    const sums = `${'0'.repeat(64)}  other.zip\n${digest}  a.tar.gz\n`;
    expect(() => script.verifySha256('a.tar.gz', bytes, sums)).not.toThrow();
    expect(() => script.verifySha256('other.zip', bytes, sums)).toThrow(/has SHA-256/);
    expect(() => script.verifySha256('b.zip', bytes, sums)).toThrow(/does not list b\.zip/);
  });
});
