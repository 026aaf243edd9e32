import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { StarlingError } from '../core/base/errors.js';
import { MemoryEpochStore } from './epochs.testkit.js';
import { specs } from './actor-specs.testkit.js';
import { isAlive, TestHost, waitMs } from './test-host.testkit.js';

const host = new TestHost();
const { start, statusOf, storyOf, until } = host;

beforeEach(() => host.open());
afterEach(() => host.close());

describe('a host supervisor', () => {
  test('starts every actor with what it needs and shows them ready', async () => {
    await start(specs);
    await host.supervisor.waitUntilReady(waitMs);
    await until('figures arrive', () =>
      host.supervisor.snapshot().every(({ stats }) => stats.serving !== undefined),
    );

    expect(host.supervisor.snapshot().map(({ address }) => address)).toEqual([
      'a.ps-shard.0',
      'a.ps-shard.1',
      'a.trainer.0',
      'b.recommender.0',
    ]);
    const shard = statusOf('a.ps-shard.1');
    expect(shard).toMatchObject({
      kind: 'ps-shard',
      dataCenter: 'a',
      host: 'here',
      state: 'ready',
      epoch: 1,
      restarts: 0,
      stats: { partitions: [], serving: true },
    });
    expect(isAlive(shard.pid!)).toBe(true);
    expect(host.readyAddresses.sort()).toEqual(specs.map(({ address }) => address).sort());
    const log = await readFile(join(host.stateDir, 'logs', 'a.ps-shard.1.log'), 'utf8');
    expect(log).toContain('a.ps-shard.1 epoch 1 is steady');
    const told = { user: 'a-ps-shard', argv: ['ps-shard', 'a.ps-shard.1'], nodeOptions: null };
    expect(log).toContain(JSON.stringify(told));
  });

  test('restarts a killed actor at the next epoch and leaves the others alone', async () => {
    await start(specs);
    await host.supervisor.waitUntilReady(waitMs);
    const before = host.supervisor.snapshot();
    process.kill(statusOf('a.ps-shard.0').pid!, 'SIGKILL');
    await until('it is back', () => statusOf('a.ps-shard.0').epoch === 2);
    await host.supervisor.waitUntilReady(waitMs);

    const { pid, restarts } = statusOf('a.ps-shard.0');
    expect(restarts).toBe(1);
    expect(pid).not.toBe(before[0]!.pid);
    expect(storyOf('a.ps-shard.0')).toEqual([
      'start',
      'ready',
      'exit',
      'restart',
      'start',
      'ready',
    ]);
    const recovered = host.events.filter(({ recoveryMs }) => recoveryMs !== undefined);
    expect(recovered).toMatchObject([{ address: 'a.ps-shard.0', type: 'ready', epoch: 2 }]);
    expect(
      host.supervisor
        .snapshot()
        .slice(1)
        .map(({ pid }) => pid),
    ).toEqual(before.slice(1).map(({ pid }) => pid));
  });

  test('kills and restarts an actor that hangs', async () => {
    await start(specs.slice(0, 1));
    await host.supervisor.waitUntilReady(waitMs);
    const hung = statusOf('a.ps-shard.0').pid!;
    process.kill(hung, 'SIGSTOP');
    await until('it is back', () => storyOf('a.ps-shard.0').length >= 7);
    await host.supervisor.waitUntilReady(waitMs);

    expect(storyOf('a.ps-shard.0').slice(0, 7)).toEqual([
      'start',
      'ready',
      'suspect',
      'exit',
      'restart',
      'start',
      'ready',
    ]);
    expect(isAlive(hung)).toBe(false);
    expect(statusOf('a.ps-shard.0').epoch).toBeGreaterThan(1);
  });

  test('gives up on an actor that keeps dying, says so, and keeps the others', async () => {
    await start(specs, { 'a.trainer.0': 'crashing' });
    await until('it escalates', () => host.escalations.length > 0);

    expect(host.escalations[0]).toMatchObject({
      status: { address: 'a.trainer.0', state: 'failed', pid: null, restarts: 3, epoch: 4 },
      failure: { code: 'INTERNAL', message: 'died 4 times, last exited with code 3' },
    });
    await until('the others are ready', () => host.readyAddresses.length === 3);
    await expect(host.supervisor.waitUntilReady(200)).rejects.toMatchObject({
      code: 'TIMEOUT',
      details: { addresses: ['a.trainer.0'] },
    });
  });

  test('a failed actor comes back by itself once its cause is gone', async () => {
    await start(specs.slice(0, 1), { 'a.ps-shard.0': 'starving' });
    await until('it escalates', () => host.escalations.length > 0);
    expect(host.escalations[0]!.failure).toEqual(
      expect.objectContaining({ code: 'STORAGE_FULL', message: 'no space left' }),
    );
    expect(statusOf('a.ps-shard.0').reason).toContain('STORAGE_FULL');

    await writeFile(join(host.stateDir, 'healed'), '');
    await host.supervisor.waitUntilReady(waitMs);
    expect(statusOf('a.ps-shard.0')).not.toHaveProperty('reason');
  });

  test('rest for one: those started after a killed actor of its data center start anew', async () => {
    await start(specs, {}, { group: { strategy: 'rest-for-one' } });
    await host.supervisor.waitUntilReady(waitMs);
    process.kill(statusOf('a.ps-shard.1').pid!, 'SIGKILL');
    await until('both are back', () =>
      ['a.ps-shard.1', 'a.trainer.0'].every((address) => statusOf(address).epoch === 2),
    );
    await host.supervisor.waitUntilReady(waitMs);

    expect(
      host.events.find(({ type, address }) => type === 'restart' && address === 'a.trainer.0'),
    ).toMatchObject({ detail: 'with its group: a.ps-shard.1 crashed', epoch: 1 });
    expect(storyOf('a.trainer.0').slice(2)).toEqual(['restart', 'exit', 'start', 'ready']);
    const drained = host.events.find(
      ({ type, address }) => type === 'exit' && address === 'a.trainer.0',
    );
    expect(drained?.detail).toBe('exited with code 0');
    expect(statusOf('a.ps-shard.0')).toMatchObject({ epoch: 1, restarts: 0 });
    expect(statusOf('b.recommender.0')).toMatchObject({ epoch: 1, restarts: 0 });
  });

  test('all for one: those who have no process yet are called off, which is no crash of theirs', async () => {
    const memory = new MemoryEpochStore();
    let isFirst = true;
    const next = async (address: string): Promise<number> => {
      if (address === 'a.ps-shard.1' && isFirst) {
        isFirst = false;
        throw new StarlingError('STORAGE_FULL', 'no space left');
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
      return memory.next(address);
    };
    const group = { strategy: 'all-for-one', restartsMax: 2 } as const;
    await start(specs, {}, { group, epochs: { next } });
    await host.supervisor.waitUntilReady(waitMs);
    expect(host.escalations).toEqual([]);
    expect(storyOf('a.ps-shard.0')).toEqual(['restart', 'exit', 'start', 'ready']);
    expect(statusOf('a.trainer.0').restarts).toBe(1);
  });

  test('a group that crashes too often goes down as a whole, says so, and comes back', async () => {
    await start(specs, {}, { group: { restartsMax: 1 } });
    await host.supervisor.waitUntilReady(waitMs);
    process.kill(statusOf('a.ps-shard.0').pid!, 'SIGKILL');
    await until('it is back', () => statusOf('a.ps-shard.0').epoch === 2);
    await host.supervisor.waitUntilReady(waitMs);
    process.kill(statusOf('a.trainer.0').pid!, 'SIGKILL');
    await until('it escalates', () => host.escalations.length > 0);

    expect(host.escalations).toEqual([
      {
        scope: 'group',
        dataCenter: 'a',
        failure: {
          code: 'INTERNAL',
          message: '2 crashes in 60 s, the last one of a.trainer.0',
        },
      },
    ]);
    expect(storyOf('a')).toEqual(['failed']);
    await until('all of it are down', () =>
      specs.slice(0, 3).every(({ address }) => storyOf(address).includes('failed')),
    );
    await until('all started again', () =>
      specs.slice(0, 3).every(({ address }) => statusOf(address).epoch > 1),
    );
    await host.supervisor.waitUntilReady(waitMs);
    expect(statusOf('b.recommender.0')).toMatchObject({ epoch: 1, restarts: 0 });
  });

  test('a group that all have left begins anew with who comes next', async () => {
    const [first] = specs;
    const policy = { backoffMsMin: 10, backoffMsMax: 20, drainMs: 3_000, coolDownMs: 60_000 };
    await start([first!], {}, { group: { restartsMax: 0 }, policy });
    for (const times of [1, 2]) {
      await host.supervisor.waitUntilReady(waitMs);
      process.kill(statusOf(first!.address).pid!, 'SIGKILL');
      await until('the group is given up', () => host.escalations.length === times);
      await host.supervisor.remove([first!.address]);
      host.supervisor.start([first!]);
    }
    await host.supervisor.waitUntilReady(waitMs);
  });

  test('stops all, higher tiers first, and leaves no process, not even a deaf one', async () => {
    await start(specs, { 'a.trainer.0': 'deaf' });
    await host.supervisor.waitUntilReady(waitMs);
    const pids = host.supervisor.snapshot().map(({ pid }) => pid!);
    await host.supervisor.stopAll(1_500);

    expect(pids.some(isAlive)).toBe(false);
    expect(host.supervisor.snapshot().map(({ state }) => state)).toEqual(Array(4).fill('stopped'));
    const stopped = host.events.filter(({ type }) => type === 'stop').map(({ address }) => address);
    expect(stopped.slice(0, 2)).toEqual(['b.recommender.0', 'a.trainer.0']);
    const exits = host.events.filter(({ type }) => type === 'exit');
    expect(exits.find(({ address }) => address === 'a.trainer.0')?.detail).toBe(
      'killed by SIGKILL',
    );
    expect(exits.find(({ address }) => address === 'a.ps-shard.0')?.detail).toBe(
      'exited with code 0',
    );
  });

  test('keeps a data center out of service, also after its actors have died, until it is taken back', async () => {
    await start(specs);
    await host.supervisor.waitUntilReady(waitMs);
    const serves = (address: string) => statusOf(address).stats.serving === true;
    await until('they serve', () => serves('a.trainer.0') && serves('b.recommender.0'));

    host.supervisor.setServing('b', false);
    await until('it has left', () => statusOf('b.recommender.0').stats.serving === false);
    expect(serves('a.trainer.0')).toBe(true);

    process.kill(statusOf('b.recommender.0').pid!, 'SIGKILL');
    await until('it is back', () => statusOf('b.recommender.0').epoch === 2);
    await host.supervisor.waitUntilReady(waitMs);
    await until('it speaks', () => statusOf('b.recommender.0').stats.serving !== undefined);
    expect(statusOf('b.recommender.0').stats.serving).toBe(false);

    host.supervisor.setServing('b', true);
    await until('it serves again', () => statusOf('b.recommender.0').stats.serving === true);
    expect(host.readyAddresses).toHaveLength(5);
  });

  test('a second supervisor goes on with higher epochs', async () => {
    await start(specs.slice(0, 1));
    await host.supervisor.waitUntilReady(waitMs);
    await host.supervisor.stopAll();
    await start(specs.slice(0, 1));
    await host.supervisor.waitUntilReady(waitMs);
    expect(statusOf('a.ps-shard.0').epoch).toBe(2);
  });

  test('stops an actor that has no process yet', async () => {
    await start(specs);
    await host.supervisor.stopAll();
    expect(host.supervisor.snapshot().map(({ state, pid }) => [state, pid])).toEqual(
      Array(4).fill(['stopped', null]),
    );
  });

  test('an actor that gets no epoch is not started, but tried again', async () => {
    let refusalCount = 0;
    const memory = new MemoryEpochStore();
    await start(
      specs.slice(0, 1),
      {},
      {
        epochs: {
          next: async (address) => {
            if (refusalCount++ < 2) throw new StarlingError('STORAGE_FULL', 'no space left');
            return memory.next(address);
          },
        },
      },
    );
    await host.supervisor.waitUntilReady(waitMs);
    expect(host.events.slice(0, 3)).toMatchObject([
      { type: 'exit', detail: 'has no epoch: no space left', epoch: 0 },
      { type: 'restart' },
      { type: 'exit' },
    ]);
    expect(statusOf('a.ps-shard.0')).toMatchObject({ epoch: 1, restarts: 2 });
  });

  test('names the process that does not even end when it is killed', async () => {
    let killCount = 0;
    const nothing = () => undefined;
    const stuck = {
      ...{ pid: null, log: '', retire: nothing, stop: nothing, serve: nothing },
      kill: () => void killCount++,
    };
    await start(
      specs.slice(0, 1),
      {},
      {
        launcher: {
          start: (_spec, _life, handlers) => {
            queueMicrotask(() => handlers.onMessage({ type: 'state', state: 'ready' }));
            return stuck;
          },
          claim: nothing,
          dismissOthers: nothing,
        },
        killedMsMax: 100,
      },
    );
    await host.supervisor.waitUntilReady(waitMs);
    await expect(host.supervisor.stopAll(100)).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(killCount).toBe(1);
  });

  test('refuses to supervise an address twice', async () => {
    await start(specs.slice(0, 1));
    expect(() => host.supervisor.start(specs.slice(0, 1))).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});
