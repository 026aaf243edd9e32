import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { messageOf } from '../../core/base/errors.js';
import { findServer, isAtLeast, projectRoot } from './find-server.js';
import { remedyFor, riskOf, versionRecommended } from './server-age.js';

interface Found {
  readonly path: string;
  readonly version: string;
  readonly from: string;
}
interface Source {
  readonly name: string;
  obtain(context: { folder: string; log: (line: string) => void }): Promise<string>;
}
interface Script {
  readonly versionRecommended: string;
  readonly versionFetched: string;
  findNatsServer(options: { binFolder: string }): Promise<Found | undefined>;
  obtainNatsServer(options: {
    binFolder: string;
    sources: readonly Source[];
    replaces?: readonly string[];
    log?: (line: string) => void;
  }): Promise<Found>;
  releaseFrom(options: { base: string; pinned: string; silenceMs?: number }): Source;
  requireModuleSum(sum: string | undefined): void;
  isAtLeast(version: string, least: string): boolean;
  isCurrent(version: string): boolean;
  pinnedText(sums: string): string;
  releaseArchive(platform: string, arch: string): string;
  verifySha256(archive: string, bytes: Uint8Array, sums: string): void;
}

const scriptPath = path.join(projectRoot(), 'scripts', 'nats-server.mjs');
const script = (await import(pathToFileURL(scriptPath).href)) as Script;
const run = promisify(execFile);

let folder: string;
const environment = { NATS_SERVER: process.env.NATS_SERVER, PATH: process.env.PATH };
const binFolder = () => path.join(folder, 'private');
const privateFile = () => path.join(binFolder(), 'nats-server');

/** A program that calls itself a nats-server of `version`; a shell script, so these tests need a POSIX system. */
async function fakeServer(file: string, version: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  await chmod(file, 0o755);
  return file;
}

/** The first on PATH, before whatever this machine has. */
async function fakeOnPath(version: string): Promise<string> {
  delete process.env.NATS_SERVER;
  const file = await fakeServer(path.join(folder, 'bin', 'nats-server'), version);
  process.env.PATH = `${path.dirname(file)}${path.delimiter}${environment.PATH}`;
  return file;
}

/** A source that has this version; undefined: it has none. */
const has = (name: string, version?: string): Source => ({
  name,
  obtain: (context) =>
    version === undefined
      ? Promise.reject(new Error('no network'))
      : fakeServer(path.join(context.folder, 'got'), version),
});

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
  test('takes the one in NATS_SERVER, old as it may be', async () => {
    process.env.NATS_SERVER = await fakeServer(path.join(folder, 'named'), '2.9.10');
    await fakeServer(privateFile(), '2.15.3');
    const named = { path: process.env.NATS_SERVER, version: '2.9.10', from: 'NATS_SERVER' };
    expect(await findServer()).toEqual(named);
    expect(await script.findNatsServer({ binFolder: binFolder() })).toEqual(named);
  });

  test('takes the one on PATH, unless it can not be used', async () => {
    const onPath = await fakeOnPath('2.13.0');
    const found = () => script.findNatsServer({ binFolder: binFolder() });
    expect(await found()).toMatchObject({ path: onPath, from: 'PATH' });
    await fakeServer(onPath, '2.9.9');
    expect((await found())?.path).not.toBe(onPath);
  });

  test('takes a current private copy rather than an old one on PATH, and that rather than an old copy', async () => {
    const onPath = await fakeOnPath('2.9.10');
    await fakeServer(privateFile(), '2.12.2');
    const found = () => script.findNatsServer({ binFolder: binFolder() });
    expect(await found()).toMatchObject({ path: onPath });
    await fakeServer(privateFile(), '2.12.3');
    expect(await found()).toMatchObject({ path: privateFile(), from: 'private copy' });
    await fakeServer(onPath, '2.12.4');
    expect(await found()).toMatchObject({ path: onPath });
  });

  test('refuses an old or broken one in NATS_SERVER rather than to take another', async () => {
    process.env.NATS_SERVER = await fakeServer(path.join(folder, 'old'), '2.8.4');
    await expect(findServer()).rejects.toMatchObject({ code: 'NATS_SERVER_MISSING' });
    await expect(findServer()).rejects.toThrow(/version 2\.8\.4, but 2\.9\.10 is the oldest/);
    process.env.NATS_SERVER = path.join(folder, 'absent');
    await expect(findServer()).rejects.toMatchObject({ code: 'NATS_SERVER_MISSING' });
  });
});

describe('obtaining a server', () => {
  const lines: string[] = [];
  const obtain = (sources: readonly Source[], replaces: readonly string[] = []) =>
    script.obtainNatsServer({
      binFolder: binFolder(),
      sources,
      replaces,
      log: (line) => lines.push(line),
    });
  beforeEach(() => {
    lines.length = 0;
    delete process.env.NATS_SERVER;
    process.env.PATH = folder;
  });

  // A distribution's server in /usr/sbin is found whatever PATH says; then there is nothing to obtain.
  test('tries one source after the other, says why each has none, and finds the result the next time', async () => {
    const got = await obtain([has('empty'), has('ancient', '2.7.4'), has('good', '2.15.3')]);
    if (got.from === 'PATH') return;
    expect(got).toEqual({ path: privateFile(), version: '2.15.3', from: 'good' });
    expect(lines.join('\n')).toMatch(/empty: no network\nancient: version 2\.7\.4, but/);
    expect(await obtain([])).toEqual({ ...got, from: 'private copy' });
    expect(await readdir(binFolder())).toEqual(['nats-server']);
  });

  test('takes an old one only if no source has a current one', async () => {
    const sources = [
      has('distribution', '2.9.10'),
      has('good', '2.15.3'),
      has('unasked', '2.15.4'),
    ];
    const got = await obtain(sources);
    if (got.from === 'PATH') return;
    expect(got).toMatchObject({ version: '2.15.3', from: 'good' });
    expect(lines).toContain('distribution: its newest is 2.9.10');
    await rm(privateFile());
    const old = await obtain([has('old', '2.10.7'), has('distribution', '2.9.10')]);
    expect(old).toMatchObject({ version: '2.10.7', from: 'old' });
  });

  test('that no source has says what was tried', async () => {
    const failure = await obtain([has('empty'), has('ancient', '2.7.4')]).then(String, messageOf);
    if (failure === '[object Object]') return;
    expect(failure).toMatch(/empty: no network\n.*ancient: version 2\.7\.4/);
    expect(failure).toMatch(/by hand/);
  });

  test('replaces an old private copy where it is asked to, and keeps it if nothing newer can be had', async () => {
    const old = await fakeServer(privateFile(), '2.9.10');
    if ((await obtain([])).from === 'PATH') return;
    const sources = [has('empty'), has('distribution', '2.9.10')];
    expect(await obtain(sources)).toMatchObject({ version: '2.9.10' });
    expect(lines).toEqual([]);
    expect(await obtain(sources, ['private copy'])).toEqual({
      path: old,
      version: '2.9.10',
      from: 'private copy',
    });
    expect(lines).toEqual([
      'nats-server 2.9.10 (private copy) is older than 2.12.3; looking for a newer one',
      'empty: no network',
      'distribution: its newest is 2.9.10',
    ]);
    const got = await obtain([...sources, has('good', '2.15.3')], ['private copy']);
    expect(got).toEqual({ path: old, version: '2.15.3', from: 'good' });
  });

  test('leaves what is on PATH, and gets a copy beside it only where it is asked to', async () => {
    const onPath = await fakeOnPath('2.9.10');
    const sources = [has('good', '2.15.3')];
    expect(await obtain(sources, ['private copy'])).toMatchObject({ path: onPath });
    expect(await obtain(sources, ['private copy', 'PATH'])).toMatchObject({ path: privateFile() });
    expect(await obtain([])).toMatchObject({ path: privateFile(), version: '2.15.3' });
    expect(await readFile(onPath, 'utf8')).toContain('2.9.10');
  });

  test('may be done by several processes at once', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => obtain([has('good', '2.15.3')])));
    expect(new Set(all.map(({ path: binary }) => binary)).size).toBe(1);
    if (all[0]?.from !== 'PATH') expect(await readdir(binFolder())).toEqual(['nats-server']);
  });

  test('as a command says what it found, what that lacks, and how to get a newer one', async () => {
    const NATS_SERVER = await fakeServer(path.join(folder, 'named'), '2.9.10');
    const env = { ...process.env, PATH: environment.PATH, NATS_SERVER };
    const { stdout, stderr } = await run(process.execPath, [scriptPath], { env });
    expect(stdout).toBe(`${NATS_SERVER}\n`);
    expect(stderr).toMatch(/2\.9\.10 \(NATS_SERVER\) at .*older than 2\.12\.3: name a newer one/);
    const broken = { ...env, NATS_SERVER: path.join(folder, 'absent') };
    const bestEffort = await run(process.execPath, [scriptPath, '--best-effort'], { env: broken });
    expect(bestEffort.stderr).toMatch(/NATS_SERVER is .*\n.*npm run cluster/);
    const failed = run(process.execPath, [scriptPath], { env: broken });
    await expect(failed).rejects.toMatchObject({ code: 1 });
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

  test('what is fetched is current', () => {
    expect(script.isCurrent(script.versionFetched)).toBe(true);
    expect(script.isCurrent(script.versionRecommended)).toBe(true);
    expect(script.isCurrent('2.12.2')).toBe(false);
  });

  test('before the recommended one are told with what is at risk, and how to get a newer one', () => {
    expect(script.versionRecommended).toBe(versionRecommended);
    expect(riskOf('2.12.3')).toBeUndefined();
    expect(riskOf('unknown')).toBeUndefined();
    expect(riskOf('2.9.10')).toMatch(/older than 2\.12\.3: acknowledged events.*can be lost/);
    const server = { path: '/usr/sbin/nats-server', version: '2.9.10' };
    expect(remedyFor({ ...server, from: 'PATH' })).toContain('npm run setup');
    expect(remedyFor({ ...server, from: 'NATS_SERVER' })).toContain('NATS_SERVER');
  });
});

describe('the official release', () => {
  const archive = script.releaseArchive(process.platform, process.arch);
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function site(answer: RequestListener): Promise<string> {
    const server = createServer(answer).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** As the authors publish it: a folder with the binary in an archive, and a list of checksums. */
  async function published(sums: (digest: string) => string): Promise<{
    base: string;
    asked: string[];
    digest: string;
  }> {
    const name = archive.replace(/\.tar\.gz$/, '');
    await fakeServer(path.join(folder, name, 'nats-server'), script.versionFetched);
    await run('tar', ['-czf', archive, name], { cwd: folder });
    const bytes = await readFile(path.join(folder, archive));
    const digest = createHash('sha256').update(bytes).digest('hex');
    const asked: string[] = [];
    const base = await site((request, response) => {
      const file = path.basename(request.url ?? '');
      asked.push(file);
      if (file === 'SHA256SUMS') response.end(sums(digest));
      else if (file === archive) response.end(bytes);
      else response.writeHead(404).end();
    });
    return { base, asked, digest };
  }

  const obtainFrom = (source: Source) => {
    delete process.env.NATS_SERVER;
    process.env.PATH = `${folder}${path.delimiter}${environment.PATH}`;
    return source.obtain({ folder, log: () => undefined });
  };

  test('is named by platform, and is absent for some', () => {
    expect(script.releaseArchive('linux', 'x64')).toMatch(/-linux-amd64\.tar\.gz$/);
    expect(script.releaseArchive('darwin', 'arm64')).toMatch(/-darwin-arm64\.tar\.gz$/);
    expect(script.releaseArchive('win32', 'x64')).toMatch(/-windows-amd64\.zip$/);
    expect(() => script.releaseArchive('aix', 'ppc64')).toThrow(/no release for aix/);
  });

  test('is fetched and checked against its own checksums', async () => {
    const { base, asked } = await published((digest) => `${digest}  ${archive}\n`);
    const file = await obtainFrom(script.releaseFrom({ base, pinned: '' }));
    expect((await run(file)).stdout).toContain(script.versionFetched);
    expect(asked).toEqual(['SHA256SUMS', archive]);
  });

  test('is checked against the checksum that is known here, whatever the release says', async () => {
    const { base, asked, digest } = await published((real) => `${real}  ${archive}\n`);
    const pinned = `# known\n${digest}  ${archive}\n`;
    await obtainFrom(script.releaseFrom({ base, pinned }));
    expect(asked).toEqual([archive]);
    const other = script.releaseFrom({ base, pinned: `${'0'.repeat(64)}  ${archive}\n` });
    await expect(obtainFrom(other)).rejects.toThrow(/has SHA-256/);
  });

  test('is refused if the release has another checksum for it, or none', async () => {
    const { base } = await published(() => `${'0'.repeat(64)}  ${archive}\n`);
    await expect(obtainFrom(script.releaseFrom({ base, pinned: '' }))).rejects.toThrow(
      /has SHA-256/,
    );
    const unlisted = await published((digest) => `${digest}  other.zip\n`);
    await expect(
      obtainFrom(script.releaseFrom({ base: unlisted.base, pinned: '' })),
    ).rejects.toThrow(/does not list/);
  });

  test('is given up soon where nothing answers, or an answer stops coming', async () => {
    const silent = await site(() => undefined);
    const source = (base: string) => script.releaseFrom({ base, pinned: '', silenceMs: 200 });
    await expect(obtainFrom(source(silent))).rejects.toThrow(/sent nothing for 200 ms/);
    const stalled = await site((_request, response) => response.write('a few'));
    await expect(obtainFrom(source(stalled))).rejects.toThrow(/sent nothing for 200 ms/);
    const absent = await site((_request, response) => response.writeHead(404).end());
    await expect(obtainFrom(source(absent))).rejects.toThrow(/SHA256SUMS answered 404/);
  });

  test('has its checksums written down for all platforms', async () => {
    const digest = 'a'.repeat(64);
    const sums = `${digest}  ${archive}\n${digest}  nats-server.deb\n${digest}  x-windows-amd64.zip\n`;
    const pinned = script.pinnedText(sums);
    expect(pinned).toContain(`${digest}  ${archive}\n${digest}  x-windows-amd64.zip\n`);
    expect(pinned).not.toContain('.deb');
    expect(() => script.pinnedText('<html>')).toThrow(/no list of checksums/);
  });
});

test('a Go module with another checksum is not built', () => {
  expect(() => script.requireModuleSum('h1:else=')).toThrow(/has the checksum h1:else=/);
  expect(() => script.requireModuleSum(undefined)).toThrow(/has the checksum/);
});
