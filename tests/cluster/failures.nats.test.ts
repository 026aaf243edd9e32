import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { chmodSync, existsSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { leanConfig } from '../support/lean-config.js';
import {
  StarlingUp,
  starling,
  starlingWith,
  temporaryFolder,
} from '../support/starling-process.js';

let temporary: ReturnType<typeof temporaryFolder>;
let state: string;

beforeEach(() => {
  temporary = temporaryFolder();
  state = path.join(temporary.folder, 'state');
});
afterEach(() => temporary.remove());

function configWith(changes: Record<string, unknown>): string {
  const file = path.join(temporary.folder, 'cluster.config.json');
  writeFileSync(file, JSON.stringify({ ...leanConfig, ...changes }));
  return file;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`not ${what} in time`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('a cluster that can not start says why in one line and leaves nothing running', () => {
  async function refusal(...args: string[]): Promise<string> {
    const { code, output } = await starling('up', '--state', state, ...args);
    expect(code).toBe(1);
    expect(output).not.toContain('    at ');
    return output;
  }

  test('a wrong field of the configuration, by its name', async () => {
    const output = await refusal('--config', configWith({ sync: { sparseMs: 5 } }));
    expect(output).toMatch(/^CONFIG_INVALID: .*sync.*sparseMs/m);
  });

  test('a port in use, by its number; the next start on the same state folder works', async () => {
    const taken = await listenAnywhere();
    const { port } = taken.address() as { port: number };
    const config = configWith({ nats: { ports: { base: port } } });
    expect(await refusal('--config', config)).toMatch(new RegExp(`^PORT_IN_USE: .*${port}`, 'm'));
    taken.close();
    const cluster = new StarlingUp(state, '--config', configWith({}));
    await cluster.until('ready', ({ ready }) => ready);
    expect((await cluster.stop()).code).toBe(0);
  }, 120_000);

  test('no nats-server, with what to do', async () => {
    const { code, output } = await starlingWith(
      { NATS_SERVER: path.join(temporary.folder, 'none') },
      ...['up', '--state', state],
    );
    expect(code).toBe(1);
    expect(output).toMatch(/^NATS_SERVER_MISSING: /m);
    expect(output).toContain('npm run setup');
  });

  test('a server that is not there, with --nats', async () => {
    const { code, output } = await starling('up', '--state', state, '--nats', 'nats://127.0.0.1:1');
    expect(code).toBe(3);
    expect(output).toMatch(/^UNAVAILABLE: .*127.0.0.1:1/m);
  });

  test('a state folder that can not be made', async () => {
    writeFileSync(path.join(temporary.folder, 'file'), '');
    chmodSync(path.join(temporary.folder, 'file'), 0o400);
    state = path.join(temporary.folder, 'file', 'state');
    expect(await refusal()).toMatch(/^STATE_INVALID: /m);
  });

  test('errors are JSON when asked for', async () => {
    const file = configWith({ partitions: -1 });
    const { output } = await starling('up', '--state', state, '--config', file, '--json');
    expect(JSON.parse(output)).toMatchObject({ error: { code: 'CONFIG_INVALID' } });
    expect(existsSync(path.join(state, 'cluster.json'))).toBe(false);
  });
});

describe('a running cluster goes on', () => {
  test('when the disk fills up: events are refused with a code, answers are given, and later events are taken', async () => {
    const free = (): number => {
      const { bavail, bsize } = statfsSync(temporary.folder);
      return bavail * bsize;
    };
    // Others write to the disk meanwhile.
    const spare = 2 ** 30;
    const freeBytesMin = free() - spare;
    const config = configWith({ nats: { freeBytesMin } });
    const cluster = new StarlingUp(state, '--config', config);
    try {
      await cluster.until('ready', ({ ready }) => ready);
      const ingest = () =>
        starling('ingest', 'action', '{"requestId":"r","item":"i1","label":1}', '--state', state);
      const filler = path.join(temporary.folder, 'filler');
      const block = Buffer.alloc(spare / 16, 1);
      await until('refused', async () => {
        while (free() > freeBytesMin - spare / 4) writeFileSync(filler, block, { flag: 'a' });
        return (await ingest()).output.includes('STORAGE_FULL');
      });
      const answer = await starling(
        ...['recommend', '--user', 'u1', '--k', '2', '--json', '--state', state],
      );
      expect(JSON.parse(answer.output)).toMatchObject({ degraded: true });
      rmSync(filler);
      await until('accepted', async () => (await ingest()).code === 0);
      const after = (await cluster.status())!;
      expect(after.actors.map(({ restarts }) => restarts)).toEqual(after.actors.map(() => 0));
    } finally {
      await cluster.stop();
    }
  }, 120_000);
});

async function listenAnywhere(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
