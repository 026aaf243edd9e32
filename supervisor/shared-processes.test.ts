import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ActorSpec } from '../messages/actor-spec.js';
import type { FixtureManner } from './fixture-actor.testkit.js';
import type { HostSupervisorOptions } from './host-supervisor.js';
import { specs } from './actor-specs.testkit.js';
import { isAlive, TestHost, waitMs } from './test-host.testkit.js';

const host = new TestHost();
const { start, statusOf, storyOf, until } = host;

beforeEach(() => host.open());
afterEach(() => host.close());

describe('actors that share a process', () => {
  const together = ({ dataCenter }: ActorSpec): string => `${dataCenter}.process.0`;
  const shared = specs.slice(0, 3).map(({ address }) => address);
  const pids = (): (number | null)[] => shared.map((address) => statusOf(address).pid);
  const pidsNow = (): number => new Set(pids()).size;

  const startTogether = async (
    manners: Readonly<Record<string, FixtureManner>> = {},
    overrides: Partial<HostSupervisorOptions> = {},
  ): Promise<void> => {
    await start(specs, manners, overrides, together);
    await host.supervisor.waitUntilReady(waitMs);
  };

  test('are one process of their data center, with one log, and each is told apart', async () => {
    await startTogether();
    expect(pidsNow()).toBe(1);
    expect(statusOf('b.recommender.0').pid).not.toBe(pids()[0]);
    const log = await readFile(join(host.stateDir, 'logs', 'a.process.0.log'), 'utf8');
    for (const address of shared) expect(log).toContain(`${address} epoch 1 is steady`);
    expect(log).toContain(
      JSON.stringify({ user: 'a-trainer', argv: ['a.process.0'], nodeOptions: null }),
    );
    host.supervisor.setServing('a', false);
    await until('all have heard it', () =>
      shared.every((address) => statusOf(address).stats.serving === false),
    );
  });

  test('end together, are one crash of their data center, and begin anew together', async () => {
    await startTogether({}, { group: { restartsMax: 1 } });
    const [before] = pids();
    process.kill(before!, 'SIGKILL');
    await until('all are back', () => shared.every((address) => statusOf(address).epoch === 2));
    await host.supervisor.waitUntilReady(waitMs);
    expect(pidsNow()).toBe(1);
    expect(pids()[0]).not.toBe(before);
    for (const address of shared)
      expect(storyOf(address)).toEqual(['start', 'ready', 'exit', 'restart', 'start', 'ready']);
    expect(statusOf('b.recommender.0')).toMatchObject({ epoch: 1, restarts: 0 });
    expect(host.escalations).toEqual([]);
  });

  test('that fails ends the others, whose restarts are not spent, and is given up alone', async () => {
    await start(specs, { 'a.trainer.0': 'starving' }, {}, together);
    await until('it escalates', () => host.escalations.length > 0);
    expect(host.escalations).toMatchObject([
      { scope: 'child', status: { address: 'a.trainer.0', state: 'failed' } },
    ]);
    await until('the others are ready', () =>
      shared.slice(0, 2).every((address) => statusOf(address).state === 'ready'),
    );
    expect(
      host.events.filter(({ type, address }) => type === 'restart' && address === 'a.ps-shard.0'),
    ).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ detail: 'with its process, which a.trainer.0 has ended' }),
      ]),
    );
    await writeFile(join(host.stateDir, 'healed'), '');
    await host.supervisor.waitUntilReady(waitMs);
    expect(pidsNow()).toBe(1);
  });

  test('that hangs takes its process along', async () => {
    await startTogether();
    const [hung] = pids();
    process.kill(hung!, 'SIGSTOP');
    await until('all are others', () => shared.every((address) => statusOf(address).epoch > 1));
    await host.supervisor.waitUntilReady(waitMs);
    expect(isAlive(hung!)).toBe(false);
  });

  test('leave it one by one, come back to it, and the last one ends it', async () => {
    await startTogether();
    const [before] = pids();
    await host.supervisor.remove(['a.trainer.0']);
    expect(isAlive(before!)).toBe(true);
    expect(storyOf('a.trainer.0')).toEqual(['start', 'ready', 'exit', 'stop']);
    host.supervisor.start(specs.filter(({ address }) => address === 'a.trainer.0'));
    await host.supervisor.waitUntilReady(waitMs);
    expect(statusOf('a.trainer.0')).toMatchObject({ pid: before, epoch: 2, restarts: 0 });
    expect(statusOf('a.ps-shard.0')).toMatchObject({ epoch: 1, restarts: 0 });

    await host.supervisor.remove(shared);
    expect(isAlive(before!)).toBe(false);
    host.supervisor.start(specs.slice(0, 3));
    await host.supervisor.waitUntilReady(waitMs);
    expect(pidsNow()).toBe(1);
    expect(host.events.filter(({ type }) => type === 'restart')).toEqual([]);
  });

  test('all for one: start anew one by one, and no end of a process counts for them', async () => {
    await startTogether({}, { group: { strategy: 'all-for-one', restartsMax: 1 } });
    process.kill(pids()[0]!, 'SIGKILL');
    await until('all are back', () => shared.every((address) => statusOf(address).epoch > 1));
    await host.supervisor.waitUntilReady(waitMs);
    expect(host.escalations).toEqual([]);
    expect(pidsNow()).toBe(1);
  });

  test('rest for one: those of another process begin anew with all that ended, whoever is at fault', async () => {
    const apart = ({ dataCenter, address }: ActorSpec): string =>
      address === 'a.ps-shard.1' ? 'a.process.1' : `${dataCenter}.process.0`;
    const group = { strategy: 'rest-for-one', restartsMax: 1 } as const;
    await start(specs, { 'a.trainer.0': 'untidy' }, { group }, apart);
    await host.supervisor.waitUntilReady(waitMs);
    // It was asked to leave, and takes the first shard along, on which the second one may rest.
    await host.supervisor.remove(['a.trainer.0']);
    await until('the shards are back', () =>
      shared.slice(0, 2).every((address) => statusOf(address).epoch === 2),
    );
    await host.supervisor.waitUntilReady(waitMs);
    expect(host.events).toContainEqual(
      expect.objectContaining({
        ...{ address: 'a.ps-shard.1', type: 'restart' },
        detail: 'with its group: a.ps-shard.0 crashed',
      }),
    );
    expect(host.escalations).toEqual([]);
  });

  test('leave a process that gets a SIGTERM for another one, and that is one crash of theirs', async () => {
    await startTogether({}, { group: { restartsMax: 1 } });
    const [before] = pids();
    process.kill(before!, 'SIGTERM');
    await until('all are back', () => shared.every((address) => statusOf(address).epoch === 2));
    await host.supervisor.waitUntilReady(waitMs);
    expect(pidsNow()).toBe(1);
    expect(pids()[0]).not.toBe(before);
    await until('the one before is gone', () => !isAlive(before!));
    for (const address of shared)
      expect(storyOf(address)).toEqual(['start', 'ready', 'exit', 'restart', 'start', 'ready']);
    expect(host.escalations).toEqual([]);
  });

  test('end with one that has not left in order, and that is no crash of theirs', async () => {
    await startTogether({ 'a.trainer.0': 'untidy' });
    await host.supervisor.remove(['a.trainer.0']);
    await until('the others are back', () =>
      shared.slice(0, 2).every((address) => statusOf(address).epoch === 2),
    );
    const detail = 'with its process, which a.trainer.0 has ended';
    expect(host.events.filter(({ type }) => type === 'restart')).toMatchObject([
      { address: 'a.ps-shard.0', detail },
      { address: 'a.ps-shard.1', detail },
    ]);
  });

  test('stop in order where one is deaf: the others have their time, and nobody begins anew', async () => {
    await startTogether({ 'a.trainer.0': 'deaf' });
    const [pid] = pids();
    await host.supervisor.stopAll(1_500);
    expect(host.supervisor.snapshot().map(({ state }) => state)).toEqual(Array(4).fill('stopped'));
    expect(isAlive(pid!)).toBe(false);
    for (const address of shared)
      expect(storyOf(address)).toEqual(['start', 'ready', 'exit', 'stop']);
    const ends = host.events.filter(({ type }) => type === 'exit');
    const endOf = (of: string) => ends.find(({ address }) => address === of)?.detail;
    expect(endOf('a.trainer.0')).toContain('was not done in time');
    expect(endOf('a.ps-shard.1')).toBe('left its process');
  });

  test('whose process dies while they stop are not started again', async () => {
    await startTogether({ 'a.trainer.0': 'deaf' });
    const stopped = host.supervisor.stopAll(1_500);
    process.kill(pids()[0]!, 'SIGKILL');
    await stopped;
    for (const address of shared)
      expect(storyOf(address)).toEqual(['start', 'ready', 'exit', 'stop']);
  });
});
