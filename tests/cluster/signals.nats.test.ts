import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { connectStarling } from '../../client/client.js';
import { leanConfig } from '../support/lean-config.js';
import { leftAfter, notedProcesses } from '../support/left-processes.js';
import { PackedPackage, root, type SpawnPlace } from '../support/packed-package.js';

/**
 * The package as somebody else installs it, started in the ways there are, and ended in the ways there are. Whatever ends it,
 * nothing of the cluster is left.
 */
let packed: PackedPackage;
let runs = 0;
let running: Cluster | undefined;

/** What npm has ended by itself has to find out, and then to drain. */
const graceMs = 20_000;

beforeAll(async () => {
  const up = 'starling up --config cluster.json --state';
  packed = await PackedPackage.install({ serve: up, serving: `exec ${up}` });
  packed.write(
    'cluster.json',
    `\uFEFF${JSON.stringify({ ...leanConfig, actors: { ...leanConfig.actors, 'ps-shard': 1 } })}`,
  );
  packed.write(
    'host-name.mjs',
    `import os from 'node:os';
     import { syncBuiltinESMExports } from 'node:module';
     os.hostname = () => 'ip-10-0-0-7.ec2.internal';
     syncBuiltinESMExports();`,
  );
}, 60_000);
afterEach(async () => {
  await running?.end();
  running = undefined;
});
afterAll(() => packed?.remove());

/** A cluster that was started by a command of its own, which is a process group as in a terminal. */
class Cluster {
  readonly stateDir: string;
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #output = '';

  constructor(command: readonly string[], place: SpawnPlace = {}) {
    const [file, ...args] = command as [string, ...string[]];
    this.stateDir = path.join(packed.folder, `state ${runs++}`);
    this.child = packed.spawn(file, [...args, this.stateDir], place);
    this.child.stdout!.on('data', (data: Buffer) => (this.#output += data.toString()));
    this.child.stderr!.on('data', (data: Buffer) => (this.#output += data.toString()));
    this.ended = once(this.child, 'exit').then(([code, signal]) => {
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  get output(): string {
    return this.#output;
  }

  /** @param holds of what it has printed so far. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const endMs = performance.now() + 60_000;
    while (!holds()) {
      const gone = this.child.exitCode !== null || this.child.signalCode !== null;
      if (gone || performance.now() > endMs) throw new Error(`not ${what}: ${this.#output}`);
      await sleep(20);
    }
  }

  /** Every actor is. */
  async ready(): Promise<void> {
    await this.until('ready', () => /actors (\d+)\/\1 ready/.test(this.#output));
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** As a terminal does it. */
  killGroup(signal: NodeJS.Signals): void {
    process.kill(-this.child.pid!, signal);
  }

  /** Of all that was ever noted, what is still there. */
  left(): Promise<string[]> {
    return leftAfter(notedProcesses(this.stateDir), graceMs);
  }

  /** For a test that failed: nothing goes on behind its back. */
  async end(): Promise<void> {
    for (const pid of [...notedProcesses(this.stateDir).values(), this.child.pid!]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended, as it should have.
      }
    }
    await this.ended;
  }
}

const up = (): string[] => [packed.bin, 'up', '--config', 'cluster.json', '--state'];
const npxUp = ['npx', 'starling', 'up', '--config', 'cluster.json', '--state'];

describe('the packed package', () => {
  test('runs without a hand: the run bit is set, and npx finds it', async () => {
    expect(packed.runs).toBe(true);
    const { code, output } = await packed.run('npx', 'starling', '--help');
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('nats-config') });
  });

  test('checks the place it is in', async () => {
    const { output } = await packed.run(packed.bin, 'doctor', '--config', 'cluster.json');
    expect(output).toMatch(/ok +backend/);
    expect(output).toMatch(/ok +lmdb/);
    expect(output).toMatch(/ok +config/);
  });

  test('answers from a host with a dot in its name, and SIGTERM to an npm script of one process ends it', async () => {
    const preload = pathToFileURL(path.join(packed.folder, 'host-name.mjs')).href;
    const environment = { NODE_OPTIONS: `--import ${preload}` };
    running = new Cluster(['npm', 'run', 'serving', '--'], { environment });
    await running.ready();
    const client = await connectStarling({ stateDir: running.stateDir });
    const { ready, leader } = await client.status();
    expect({ ready, leader }).toEqual({ ready: true, leader: 'ip-10-0-0-7-ec2-internal' });
    // Whole or in part: a machine with other work may miss the deadline of a part.
    expect(await client.rank({ user: 'u1', candidates: ['i1'] })).toMatchObject({
      scores: [expect.any(Number)],
    });
    await client.close();
    running.kill('SIGTERM');
    // npm waits for it, and tells what it told.
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(running.output).toContain('state kept in');
    expect(await leftAfter(notedProcesses(running.stateDir), 0)).toEqual([]);
  });

  test('drains at Ctrl-C, which npx and all of its group hear', async () => {
    running = new Cluster(npxUp);
    await running.ready();
    running.killGroup('SIGINT');
    await running.ended;
    await running
      .until('drained', () => running!.output.includes('state kept in'))
      .catch(() => undefined);
    expect(running.output).toContain('state kept in');
    expect(await running.left()).toEqual([]);
  });

  test('is not left behind by npx that is ended by SIGTERM', async () => {
    running = new Cluster(npxUp);
    await running.until('starting', () => running!.output.includes('leads, term'));
    running.kill('SIGTERM');
    await running.ended;
    expect(await running.left()).toEqual([]);
  });

  test('drains when its terminal is closed', async () => {
    running = new Cluster(up());
    // That all of it drains, Ctrl-C shows.
    await running.until('starting', () => running!.output.includes('leads, term'));
    running.killGroup('SIGHUP');
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(await leftAfter(notedProcesses(running.stateDir), 0)).toEqual([]);
  });

  test('drains when nobody reads its output any more', async () => {
    running = new Cluster(up());
    await running.until('telling', () => running!.output.includes('leads, term'));
    running.child.stdout!.destroy();
    running.child.stderr!.destroy();
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(await leftAfter(notedProcesses(running.stateDir), 0)).toEqual([]);
  });

  test('ends at once, and with all it has started, at a second Ctrl-C during the start', async () => {
    running = new Cluster(up());
    await running.until(
      'starting',
      () => running!.output.includes(' start pid ') || running!.output.includes('leads, term'),
    );
    running.kill('SIGINT');
    await sleep(600);
    running.kill('SIGINT');
    const { code, signal } = await running.ended;
    // It may have been done by then, or be about to end.
    expect([0, 130, 'SIGINT']).toContain(code ?? signal);
    expect(await running.left()).toEqual([]);
  });
});

describe('npm run cluster', () => {
  test('ends by SIGTERM to npm, which waits for it and tells its exit code', async () => {
    const config = path.join(packed.folder, 'cluster.json');
    running = new Cluster(['npm', 'run', 'cluster', '--', '--config', config, '--state'], {
      folder: root,
    });
    await running.until('starting', () => running!.output.includes('leads, term'));
    running.kill('SIGTERM');
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(await leftAfter(notedProcesses(running.stateDir), 0)).toEqual([]);
  });
});
