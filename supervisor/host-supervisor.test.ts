import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ActorStatus } from '../messages/actor-status.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import type { FixtureManner } from './fixture-actor.testkit.js';
import { StarlingError } from '../core/base/errors.js';
import { system } from '../runtime/system.js';
import { ActorLauncher } from './actor-launcher.js';
import { FileEpochStore } from './epochs.js';
import { MemoryEpochStore } from './epochs.testkit.js';
import { HostSupervisor, type Escalation, type HostSupervisorOptions } from './host-supervisor.js';
import { specs } from './actor-specs.testkit.js';
import type { ActorSpec } from '../messages/actor-spec.js';

const entry = fileURLToPath(new URL('./fixture-actor.testkit.js', import.meta.url));
const waitMs = 30_000;

let stateDir: string;
let supervisor: HostSupervisor;
let events: SupervisionEvent[];
let escalations: Escalation[];
let readyAddresses: string[];

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'starling-supervisor-'));
  events = [];
  escalations = [];
  readyAddresses = [];
});

afterEach(async () => {
  const pids = supervisor.snapshot().flatMap(({ pid }) => pid ?? []);
  supervisor.killAll();
  await until('no process is left', () => !pids.some(isAlive));
  // An epoch that is being written when its actor is called off may still land.
  await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
});

async function start(
  placed: readonly ActorSpec[],
  manners: Readonly<Record<string, FixtureManner>> = {},
  overrides: Partial<HostSupervisorOptions> = {},
  processOf: (spec: ActorSpec) => string = ({ address }) => address,
): Promise<void> {
  supervisor = new HostSupervisor({
    ...system,
    launcher: new ActorLauncher({
      entry,
      processOf,
      stateDir,
      configIn: () => ({ manners }),
      natsOf: (dataCenter, kind) => ({
        ...{ cluster: 'starling', url: [], password: 'secret' },
        user: `${dataCenter}-${kind}`,
      }),
    }),
    epochs: await FileEpochStore.open(stateDir),
    record: (event) => {
      events.push(event);
      if (event.type === 'ready') readyAddresses.push(event.address);
    },
    onEscalate: (escalation) => escalations.push(escalation),
    policy: {
      restartsMax: 3,
      backoffMsMin: 10,
      backoffMsMax: 20,
      heartbeatSilenceMs: 1_000,
      suspectGraceMs: 300,
      drainMs: 3_000,
      coolDownMs: 500,
    },
    host: 'here',
    ...overrides,
  });
  supervisor.start(placed);
}

function statusOf(address: string): ActorStatus {
  const status = supervisor.snapshot().find((row) => row.address === address);
  if (status === undefined) throw new Error(`${address} is not supervised`);
  return status;
}

/** Types of the events of one address, in order. */
function storyOf(address: string): string[] {
  return events.filter((event) => event.address === address).map(({ type }) => type);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // No such process: that is the answer.
    return false;
  }
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadlineMs = Date.now() + waitMs;
  while (!condition()) {
    if (Date.now() > deadlineMs) {
      throw new Error(`waited in vain until ${what}; events:\n${JSON.stringify(events, null, 1)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('a host supervisor', () => {
  test('starts every actor with what it needs and shows them ready', async () => {
    await start(specs);
    await supervisor.waitUntilReady(waitMs);
    await until('figures arrive', () =>
      supervisor.snapshot().every(({ stats }) => stats.serving !== undefined),
    );

    expect(supervisor.snapshot().map(({ address }) => address)).toEqual([
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
    expect(readyAddresses.sort()).toEqual(specs.map(({ address }) => address).sort());
    const log = await readFile(join(stateDir, 'logs', 'a.ps-shard.1.log'), 'utf8');
    expect(log).toContain('a.ps-shard.1 epoch 1 is steady');
    const told = { user: 'a-ps-shard', argv: ['ps-shard', 'a.ps-shard.1'], nodeOptions: null };
    expect(log).toContain(JSON.stringify(told));
  });

  test('restarts a killed actor at the next epoch and leaves the others alone', async () => {
    await start(specs);
    await supervisor.waitUntilReady(waitMs);
    const before = supervisor.snapshot();
    process.kill(statusOf('a.ps-shard.0').pid!, 'SIGKILL');
    await until('it is back', () => statusOf('a.ps-shard.0').epoch === 2);
    await supervisor.waitUntilReady(waitMs);

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
    const recovered = events.filter(({ recoveryMs }) => recoveryMs !== undefined);
    expect(recovered).toMatchObject([{ address: 'a.ps-shard.0', type: 'ready', epoch: 2 }]);
    expect(
      supervisor
        .snapshot()
        .slice(1)
        .map(({ pid }) => pid),
    ).toEqual(before.slice(1).map(({ pid }) => pid));
  });

  test('kills and restarts an actor that hangs', async () => {
    await start(specs.slice(0, 1));
    await supervisor.waitUntilReady(waitMs);
    const hung = statusOf('a.ps-shard.0').pid!;
    process.kill(hung, 'SIGSTOP');
    await until('it is back', () => storyOf('a.ps-shard.0').length >= 7);
    await supervisor.waitUntilReady(waitMs);

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
    await until('it escalates', () => escalations.length > 0);

    expect(escalations[0]).toMatchObject({
      status: { address: 'a.trainer.0', state: 'failed', pid: null, restarts: 3, epoch: 4 },
      failure: { code: 'INTERNAL', message: 'died 4 times, last exited with code 3' },
    });
    await until('the others are ready', () => readyAddresses.length === 3);
    await expect(supervisor.waitUntilReady(200)).rejects.toMatchObject({
      code: 'TIMEOUT',
      details: { addresses: ['a.trainer.0'] },
    });
  });

  test('a failed actor comes back by itself once its cause is gone', async () => {
    await start(specs.slice(0, 1), { 'a.ps-shard.0': 'starving' });
    await until('it escalates', () => escalations.length > 0);
    expect(escalations[0]!.failure).toEqual(
      expect.objectContaining({ code: 'STORAGE_FULL', message: 'no space left' }),
    );
    expect(statusOf('a.ps-shard.0').reason).toContain('STORAGE_FULL');

    await writeFile(join(stateDir, 'healed'), '');
    await supervisor.waitUntilReady(waitMs);
    expect(statusOf('a.ps-shard.0')).not.toHaveProperty('reason');
  });

  test('rest for one: those started after a killed actor of its data center start anew', async () => {
    await start(specs, {}, { group: { strategy: 'rest-for-one' } });
    await supervisor.waitUntilReady(waitMs);
    process.kill(statusOf('a.ps-shard.1').pid!, 'SIGKILL');
    await until('both are back', () =>
      ['a.ps-shard.1', 'a.trainer.0'].every((address) => statusOf(address).epoch === 2),
    );
    await supervisor.waitUntilReady(waitMs);

    expect(
      events.find(({ type, address }) => type === 'restart' && address === 'a.trainer.0'),
    ).toMatchObject({ detail: 'with its group: a.ps-shard.1 crashed', epoch: 1 });
    expect(storyOf('a.trainer.0').slice(2)).toEqual(['restart', 'exit', 'start', 'ready']);
    const drained = events.find(
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
    await supervisor.waitUntilReady(waitMs);
    expect(escalations).toEqual([]);
    expect(storyOf('a.ps-shard.0')).toEqual(['restart', 'exit', 'start', 'ready']);
    expect(statusOf('a.trainer.0').restarts).toBe(1);
  });

  test('a group that crashes too often goes down as a whole, says so, and comes back', async () => {
    await start(specs, {}, { group: { restartsMax: 1 } });
    await supervisor.waitUntilReady(waitMs);
    process.kill(statusOf('a.ps-shard.0').pid!, 'SIGKILL');
    await until('it is back', () => statusOf('a.ps-shard.0').epoch === 2);
    await supervisor.waitUntilReady(waitMs);
    process.kill(statusOf('a.trainer.0').pid!, 'SIGKILL');
    await until('it escalates', () => escalations.length > 0);

    expect(escalations).toEqual([
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
    await supervisor.waitUntilReady(waitMs);
    expect(statusOf('b.recommender.0')).toMatchObject({ epoch: 1, restarts: 0 });
  });

  test('a group that all have left begins anew with who comes next', async () => {
    const [first] = specs;
    const policy = { backoffMsMin: 10, backoffMsMax: 20, drainMs: 3_000, coolDownMs: 60_000 };
    await start([first!], {}, { group: { restartsMax: 0 }, policy });
    for (const times of [1, 2]) {
      await supervisor.waitUntilReady(waitMs);
      process.kill(statusOf(first!.address).pid!, 'SIGKILL');
      await until('the group is given up', () => escalations.length === times);
      await supervisor.remove([first!.address]);
      supervisor.start([first!]);
    }
    await supervisor.waitUntilReady(waitMs);
  });

  test('stops all, higher tiers first, and leaves no process, not even a deaf one', async () => {
    await start(specs, { 'a.trainer.0': 'deaf' });
    await supervisor.waitUntilReady(waitMs);
    const pids = supervisor.snapshot().map(({ pid }) => pid!);
    await supervisor.stopAll(1_500);

    expect(pids.some(isAlive)).toBe(false);
    expect(supervisor.snapshot().map(({ state }) => state)).toEqual(Array(4).fill('stopped'));
    const stopped = events.filter(({ type }) => type === 'stop').map(({ address }) => address);
    expect(stopped.slice(0, 2)).toEqual(['b.recommender.0', 'a.trainer.0']);
    const exits = events.filter(({ type }) => type === 'exit');
    expect(exits.find(({ address }) => address === 'a.trainer.0')?.detail).toBe(
      'killed by SIGKILL',
    );
    expect(exits.find(({ address }) => address === 'a.ps-shard.0')?.detail).toBe(
      'exited with code 0',
    );
  });

  test('keeps a data center out of service, also after its actors have died, until it is taken back', async () => {
    await start(specs);
    await supervisor.waitUntilReady(waitMs);
    const serves = (address: string) => statusOf(address).stats.serving === true;
    await until('they serve', () => serves('a.trainer.0') && serves('b.recommender.0'));

    supervisor.setServing('b', false);
    await until('it has left', () => statusOf('b.recommender.0').stats.serving === false);
    expect(serves('a.trainer.0')).toBe(true);

    process.kill(statusOf('b.recommender.0').pid!, 'SIGKILL');
    await until('it is back', () => statusOf('b.recommender.0').epoch === 2);
    await supervisor.waitUntilReady(waitMs);
    await until('it speaks', () => statusOf('b.recommender.0').stats.serving !== undefined);
    expect(statusOf('b.recommender.0').stats.serving).toBe(false);

    supervisor.setServing('b', true);
    await until('it serves again', () => statusOf('b.recommender.0').stats.serving === true);
    expect(readyAddresses).toHaveLength(5);
  });

  test('a second supervisor goes on with higher epochs', async () => {
    await start(specs.slice(0, 1));
    await supervisor.waitUntilReady(waitMs);
    await supervisor.stopAll();
    await start(specs.slice(0, 1));
    await supervisor.waitUntilReady(waitMs);
    expect(statusOf('a.ps-shard.0').epoch).toBe(2);
  });

  test('stops an actor that has no process yet', async () => {
    await start(specs);
    await supervisor.stopAll();
    expect(supervisor.snapshot().map(({ state, pid }) => [state, pid])).toEqual(
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
    await supervisor.waitUntilReady(waitMs);
    expect(events.slice(0, 3)).toMatchObject([
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
      ...{ pid: null, log: '', stop: nothing, serve: nothing },
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
    await supervisor.waitUntilReady(waitMs);
    await expect(supervisor.stopAll(100)).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(killCount).toBe(1);
  });

  test('refuses to supervise an address twice', async () => {
    await start(specs.slice(0, 1));
    expect(() => supervisor.start(specs.slice(0, 1))).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});

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
    await supervisor.waitUntilReady(waitMs);
  };

  test('are one process of their data center, with one log, and each is told apart', async () => {
    await startTogether();
    expect(pidsNow()).toBe(1);
    expect(statusOf('b.recommender.0').pid).not.toBe(pids()[0]);
    const log = await readFile(join(stateDir, 'logs', 'a.process.0.log'), 'utf8');
    for (const address of shared) expect(log).toContain(`${address} epoch 1 is steady`);
    expect(log).toContain(
      JSON.stringify({ user: 'a-trainer', argv: ['a.process.0'], nodeOptions: null }),
    );
    supervisor.setServing('a', false);
    await until('all have heard it', () =>
      shared.every((address) => statusOf(address).stats.serving === false),
    );
  });

  test('end together, are one crash of their data center, and begin anew together', async () => {
    await startTogether({}, { group: { restartsMax: 1 } });
    const [before] = pids();
    process.kill(before!, 'SIGKILL');
    await until('all are back', () => shared.every((address) => statusOf(address).epoch === 2));
    await supervisor.waitUntilReady(waitMs);
    expect(pidsNow()).toBe(1);
    expect(pids()[0]).not.toBe(before);
    for (const address of shared)
      expect(storyOf(address)).toEqual(['start', 'ready', 'exit', 'restart', 'start', 'ready']);
    expect(statusOf('b.recommender.0')).toMatchObject({ epoch: 1, restarts: 0 });
    expect(escalations).toEqual([]);
  });

  test('that fails ends the others, whose restarts are not spent, and is given up alone', async () => {
    await start(specs, { 'a.trainer.0': 'starving' }, {}, together);
    await until('it escalates', () => escalations.length > 0);
    expect(escalations).toMatchObject([
      { scope: 'child', status: { address: 'a.trainer.0', state: 'failed' } },
    ]);
    await until('the others are ready', () =>
      shared.slice(0, 2).every((address) => statusOf(address).state === 'ready'),
    );
    expect(
      events.filter(({ type, address }) => type === 'restart' && address === 'a.ps-shard.0'),
    ).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ detail: 'with its process, which a.trainer.0 has ended' }),
      ]),
    );
    await writeFile(join(stateDir, 'healed'), '');
    await supervisor.waitUntilReady(waitMs);
    expect(pidsNow()).toBe(1);
  });

  test('that hangs takes its process along', async () => {
    await startTogether();
    const [hung] = pids();
    process.kill(hung!, 'SIGSTOP');
    await until('all are others', () => shared.every((address) => statusOf(address).epoch > 1));
    await supervisor.waitUntilReady(waitMs);
    expect(isAlive(hung!)).toBe(false);
  });

  test('leave it one by one, come back to it, and the last one ends it', async () => {
    await startTogether();
    const [before] = pids();
    await supervisor.remove(['a.trainer.0']);
    expect(isAlive(before!)).toBe(true);
    expect(storyOf('a.trainer.0')).toEqual(['start', 'ready', 'exit', 'stop']);
    supervisor.start(specs.filter(({ address }) => address === 'a.trainer.0'));
    await supervisor.waitUntilReady(waitMs);
    expect(statusOf('a.trainer.0')).toMatchObject({ pid: before, epoch: 2, restarts: 0 });
    expect(statusOf('a.ps-shard.0')).toMatchObject({ epoch: 1, restarts: 0 });

    await supervisor.remove(shared);
    expect(isAlive(before!)).toBe(false);
    supervisor.start(specs.slice(0, 3));
    await supervisor.waitUntilReady(waitMs);
    expect(pidsNow()).toBe(1);
    expect(events.filter(({ type }) => type === 'restart')).toEqual([]);
  });

  test('all for one: start anew one by one, and no end of a process counts for them', async () => {
    await startTogether({}, { group: { strategy: 'all-for-one', restartsMax: 1 } });
    process.kill(pids()[0]!, 'SIGKILL');
    await until('all are back', () => shared.every((address) => statusOf(address).epoch > 1));
    await supervisor.waitUntilReady(waitMs);
    expect(escalations).toEqual([]);
    expect(pidsNow()).toBe(1);
  });

  test('that is deaf is killed when all stop, and the others with it have left in order', async () => {
    await startTogether({ 'a.trainer.0': 'deaf' });
    await supervisor.stopAll(1_500);
    expect(supervisor.snapshot().map(({ state }) => state)).toEqual(Array(4).fill('stopped'));
  });
});
