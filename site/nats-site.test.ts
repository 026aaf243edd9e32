import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import base from '../cluster.config.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { externalSite, ownSite } from './nats-site.js';

const config = parseClusterConfig(base);

describe("somebody else's servers", () => {
  test('are all kept, in the order given, for every data center', async () => {
    const site = await externalSite(config, 'nats://me:p%40ss@one:4222, two:4223');
    const access = site.access('east', 'ranker');
    expect(access.url).toEqual(['nats://one:4222', 'nats://two:4223']);
    expect([access.user, access.password]).toEqual(['me', 'p@ss']);
    expect(site.access('train', 'client')).toEqual(access);
    expect(site.servers().map(({ url }) => url)).toEqual(
      config.dataCenters.map(() => 'nats://one:4222,nats://two:4223'),
    );
  });

  test('are refused when one of them is no URL', async () => {
    await expect(externalSite(config, 'nats://one:4222,nats://:x')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});

describe('servers of our own', () => {
  let stateDir: string;
  const { NATS_SERVER } = process.env;
  const lines: string[] = [];

  /** A shell script that calls itself a nats-server and ends when it should be one: this needs a POSIX system. */
  beforeEach(async () => {
    lines.length = 0;
    stateDir = await mkdtemp(path.join(tmpdir(), 'starling-site-'));
    process.env.NATS_SERVER = path.join(stateDir, 'nats-server');
    const text = '#!/bin/sh\n[ "$1" = --version ] && echo "nats-server: v2.9.10"\n';
    await writeFile(process.env.NATS_SERVER, text, { mode: 0o755 });
  });
  afterEach(async () => {
    if (NATS_SERVER === undefined) delete process.env.NATS_SERVER;
    else process.env.NATS_SERVER = NATS_SERVER;
    await rm(stateDir, { recursive: true, force: true });
  });

  const start = () => ownSite({ config, stateDir, log: (line) => lines.push(line) });

  test('that are old are told once, with what is at risk', async () => {
    await expect(start()).rejects.toMatchObject({ code: 'NATS_SERVER_FAILED' });
    const told = lines.filter((line) => line.includes('2.12.3'));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^nats-server 2\.9\.10 \(NATS_SERVER\) is older .*lost.*newer one\.$/);
  });

  test('that are older than those that wrote the streams are not started', async () => {
    const note = path.join(stateDir, 'nats', 'versions.json');
    await mkdir(path.dirname(note));
    await writeFile(note, '{"train": "2.15.3"}');
    await expect(start()).rejects.toMatchObject({ code: 'NATS_SERVER_TOO_OLD' });
    expect(await readFile(note, 'utf8')).toBe('{"train": "2.15.3"}');
    expect(lines).toEqual([]);
  });

  test('are asked for a newer one where each write is to be flushed', async () => {
    const synced = { ...config, nats: { ...config.nats, syncAlways: true } };
    const started = ownSite({
      config: synced,
      stateDir,
      log: () => undefined,
    });
    await expect(started).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(started).rejects.toThrow(/nats\.syncAlways: nats-server 2\.9\.10 .* 2\.10\.0/);
  });
});
