import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { StarlingError } from '../core/base/errors.js';
import type { ChildMessage, StartMessage } from '../messages/child-messages.js';
import type { FixtureManner } from './fixture-actor.testkit.js';
import {
  childEnvironment,
  HostedProcess,
  type ActorProcess,
  type ProcessExit,
  type ProcessHandlers,
  type StartOptions,
} from './child-process.js';

const entry = fileURLToPath(new URL('./fixture-actor.testkit.js', import.meta.url));
const address = 'a.ranker.0';

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'starling-process-'));
});
afterEach(async () => {
  await rm(stateDir, { recursive: true, force: true });
});

function startMessage(manner: FixtureManner): StartMessage {
  return {
    type: 'start',
    address,
    kind: 'ranker',
    dataCenter: 'a',
    index: 0,
    epoch: 1,
    partitions: [],
    config: { manners: { [address]: manner } },
    nats: { cluster: 'starling', url: [], user: 'user', password: 'secret' },
    stateDir,
  };
}

/** One actor in a process of its own. */
function startActorProcess(
  { module = entry, ...options }: StartOptions & { readonly module?: string },
  handlers: ProcessHandlers,
): ActorProcess {
  const title = ['ranker', address];
  return new HostedProcess({ entry: module, stateDir, name: address, title }).start(
    options,
    handlers,
  );
}

/** Runs an actor that leaves by itself. */
function runToEnd(
  manner: FixtureManner,
  module = entry,
): Promise<{ messages: ChildMessage[]; exit: ProcessExit; log: string }> {
  return new Promise((resolve) => {
    const messages: ChildMessage[] = [];
    const actor = startActorProcess(
      { module, start: startMessage(manner) },
      {
        onMessage: (message) => messages.push(message),
        onExit: (exit) => resolve({ messages, exit, log: actor.log }),
      },
    );
  });
}

describe('the process of an actor', () => {
  test('is heard to its last words before its exit is reported', async () => {
    const { messages, exit } = await runToEnd('starving');
    expect(messages).toEqual([{ type: 'failed', code: 'STORAGE_FULL', message: 'no space left' }]);
    expect(exit).toEqual({ code: 1, signal: null, detail: 'exited with code 1' });
  });

  test('that can not load its module leaves the reason in its log', async () => {
    const { exit, log } = await runToEnd('steady', join(stateDir, 'missing.js'));
    expect(exit.code).toBe(1);
    expect(await readFile(log, 'utf8')).toContain('missing.js');
  });

  test('finds its log rotated when that has grown large', async () => {
    const path = join(stateDir, 'logs', `${address}.log`);
    mkdirSync(join(stateDir, 'logs'));
    await writeFile(path, '');
    await truncate(path, 11 * 1024 * 1024);
    await runToEnd('crashing');
    expect((await stat(`${path}.1`)).size).toBe(11 * 1024 * 1024);
    expect(await readFile(path, 'utf8')).toBe(`${address} epoch 1 is crashing\n`);
  });

  test('runs without a log when none can be written', async () => {
    await writeFile(join(stateDir, 'logs'), 'in the way');
    const { exit, log } = await runToEnd('crashing');
    expect(exit.code).toBe(3);
    expect(log).toMatch(/^no log: /);
  });

  test('is told to start only when its note is written', async () => {
    const heard: ChildMessage[] = [];
    let write = (): void => undefined;
    const written = new Promise<void>((resolve) => (write = resolve));
    const exit = new Promise<ProcessExit>((onExit) => {
      const start = startMessage('crashing');
      startActorProcess(
        { start, note: () => written },
        { onMessage: (message) => heard.push(message), onExit },
      );
    });
    const early = await Promise.race([exit, new Promise((done) => setTimeout(done, 300))]);
    expect(early).toBeUndefined();
    write();
    expect((await exit).code).toBe(3);
  });

  test('starts as it was said last whether it is to serve, also before its note is written', async () => {
    let write = (): void => undefined;
    const note = (): Promise<void> => new Promise((resolve) => (write = resolve));
    const serving = await new Promise<unknown>((resolve) => {
      const actor = startActorProcess(
        { start: { ...startMessage('steady'), serving: true }, note },
        {
          onMessage: (message) => {
            if (message.type !== 'heartbeat') return;
            actor.kill();
            resolve((message.stats as { serving?: unknown }).serving);
          },
          onExit: () => undefined,
        },
      );
      actor.serve(false);
      write();
    });
    expect(serving).toBe(false);
  });

  test('that can not be noted is ended, and says why', async () => {
    const heard: ChildMessage[] = [];
    const exit = await new Promise<ProcessExit>((onExit) => {
      const note = async (): Promise<void> => {
        throw new StarlingError('STORAGE_FULL', 'no space left');
      };
      startActorProcess(
        { start: startMessage('steady'), note },
        { onMessage: (message) => heard.push(message), onExit },
      );
    });
    expect(heard).toEqual([{ type: 'failed', code: 'STORAGE_FULL', message: 'no space left' }]);
    expect(exit.detail).toBe('killed by SIGKILL');
  });

  test('is not told of a start that was called off, also where the actor is back in it', async () => {
    const writes: (() => void)[] = [];
    const note = (): Promise<void> => new Promise((resolve) => void writes.push(resolve));
    const hosted = new HostedProcess({ entry, stateDir, name: 'a.process.0', title: [] });
    const silent: ProcessHandlers = { onMessage: () => undefined, onExit: () => undefined };
    const neighbour = { ...startMessage('steady'), address: 'a.ranker.1' };
    const stays = hosted.start({ start: neighbour }, silent);
    const start = startMessage('steady');
    const exits: ProcessExit[] = [];
    const onExit = (exit: ProcessExit): void => void exits.push(exit);
    const first = hosted.start({ start, note }, { ...silent, onExit });
    first.stop(1);
    const ready = new Promise<void>((resolve) => {
      const onMessage = (message: ChildMessage): void => {
        if (message.type === 'state' && message.state === 'ready') resolve();
      };
      hosted.start({ start: { ...start, epoch: 2 }, note }, { ...silent, onMessage });
    });
    for (const write of writes) write();
    await ready;
    // Nor does what is asked of the first reach the second.
    first.kill();
    const log = await readFile(stays.log, 'utf8');
    expect(log.match(/a\.ranker\.0 epoch \d/g)).toEqual(['a.ranker.0 epoch 2']);
    expect(exits).toMatchObject([{ detail: 'was called off before it started' }]);
    expect(hosted.isOpen).toBe(true);
    stays.kill();
  });

  test('inherits neither the flags of a test runner nor credentials', () => {
    const environment = childEnvironment({
      PATH: '/bin',
      NODE_OPTIONS: '--experimental-vm-modules',
      JEST_WORKER_ID: '1',
      NATS_URL: 'nats://user:secret@127.0.0.1:4222',
    });
    expect(environment).toEqual({ PATH: '/bin', MALLOC_ARENA_MAX: '2' });
  });
});
