import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ActorStatus } from '../../messages/actor-status.js';
import type { AttachMessage } from '../../messages/child-messages.js';
import type { SupervisionEvent } from '../../messages/supervision-events.js';
import { identityOf, signalSameProcess } from '../../runtime/os/process-identity.js';
import { system } from '../../runtime/system.js';
import { supervisionSocket } from '../../runtime/supervision-socket.js';
import { FileEpochStore } from '../epochs.js';
import type { FixtureConfig } from '../fixture-actor.testkit.js';
import { ActorLauncher } from '../actor-launcher.js';
import { HostSupervisor } from '../host-supervisor.js';
import { specs } from '../actor-specs.testkit.js';
import type { ActorSpec } from '../../messages/actor-spec.js';
import { Adoption, type AdoptionOptions } from './adoption.js';
import type { FixtureSupervision } from './fixture-supervisor.testkit.js';

const entry = fileURLToPath(new URL('../fixture-actor.testkit.js', import.meta.url));
const supervisorEntry = fileURLToPath(new URL('./fixture-supervisor.testkit.js', import.meta.url));
const waitMs = 30_000;

const patient: FixtureConfig = { manners: {}, orphanMs: waitMs };

let stateDir: string;
let adoption: Adoption | undefined;
let supervisor: HostSupervisor | undefined;
let events: SupervisionEvent[];
let pidsSeen: Set<number>;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'starling-adoption-'));
  events = [];
  pidsSeen = new Set();
});

afterEach(async () => {
  supervisor?.killAll();
  supervisor = undefined;
  await adoption?.close();
  adoption = undefined;
  // Processes of this test alone, whose supervisors are gone.
  for (const pid of pidsSeen) signalSameProcess(await identityOf(pid), 'SIGKILL');
  await untilGone();
  await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
});

/** Its actors when all were ready; by then it has been killed. */
async function killedSupervisor(
  config: FixtureConfig,
  placed: readonly ActorSpec[] = specs,
  together = false,
): Promise<ActorStatus[]> {
  const supervision: FixtureSupervision = { stateDir, specs: placed, config, together };
  const child = spawn(process.execPath, [supervisorEntry, JSON.stringify(supervision)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const [output] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill('SIGKILL');
  await once(child, 'exit');
  const actors = JSON.parse(output.toString()) as ActorStatus[];
  for (const { pid } of actors) pidsSeen.add(pid!);
  return actors;
}

/** A supervisor in this process, on the same state folder. */
async function succeed(
  config: FixtureConfig,
  placed: readonly ActorSpec[] = specs,
  options: Partial<AdoptionOptions> = {},
): Promise<HostSupervisor> {
  adoption = await Adoption.open({ stateDir, ...options });
  const recorded = events; // Its own: what it says after the end of its test is not for the next.
  const started = new HostSupervisor({
    ...system,
    launcher: new ActorLauncher({
      entry,
      stateDir,
      configIn: () => config,
      natsOf: (dataCenter, kind) => ({
        cluster: 'starling',
        url: [],
        user: `${dataCenter}-${kind}`,
        password: 'secret',
      }),
      adoption,
    }),
    epochs: await FileEpochStore.open(stateDir),
    record: (event) => {
      recorded.push(event);
      if (event.type === 'start') notePids();
    },
    policy: { backoffMsMin: 10, backoffMsMax: 20, drainMs: 3_000 },
  });
  supervisor = started;
  started.start(placed);
  return started;
}

function notePids(): void {
  queueMicrotask(() => {
    for (const { pid } of supervisor?.snapshot() ?? []) if (pid !== null) pidsSeen.add(pid);
  });
}

const identities = (actors: readonly ActorStatus[]) =>
  actors.map(({ address, pid, epoch }) => ({ address, pid, epoch }));

function storyOf(address: string): string[] {
  return events.filter((event) => event.address === address).map(({ type }) => type);
}

/** One that has ended may stay in the list of the system for a second: it has no parent that would look. */
async function isRunning(pid: number): Promise<boolean> {
  const { started } = await identityOf(pid);
  return started !== undefined && started !== 'ended';
}

async function areRunning(pids: Iterable<number | null>): Promise<boolean[]> {
  return Promise.all([...pids].map((pid) => isRunning(pid!)));
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + waitMs;
  while (!(await holds())) {
    if (Date.now() > endMs)
      throw new Error(`waited in vain until ${what}; events:\n${JSON.stringify(events, null, 1)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function untilGone(): Promise<void> {
  return until('no process is left', async () => !(await areRunning(pidsSeen)).includes(true));
}

describe('actors whose supervisor was killed', () => {
  test('go on under the next one, as they are', async () => {
    const before = await killedSupervisor(patient);
    const successor = await succeed(patient);
    await successor.waitUntilReady(waitMs);
    await until('heartbeats arrive', () =>
      successor.snapshot().every(({ stats }) => stats.serving !== undefined),
    );
    expect(identities(successor.snapshot())).toEqual(identities(before));
    expect(successor.snapshot().map(({ restarts }) => restarts)).toEqual([0, 0, 0, 0]);
    for (const { address } of specs) expect(storyOf(address)).toEqual(['adopt', 'ready']);

    await successor.stopAll();
    await untilGone();
    for (const { address } of specs)
      expect(storyOf(address)).toEqual(['adopt', 'ready', 'exit', 'stop']);
  });

  test('are waited for by one that takes its time to start', async () => {
    const before = await killedSupervisor({ manners: {}, orphanMs: 1_000 });
    adoption = await Adoption.open({ stateDir });
    // Longer than they would have looked for a supervisor that is not there.
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect(await areRunning(before.map(({ pid }) => pid))).not.toContain(false);
    await adoption.close();
    await untilGone();
  });

  test('leave when nobody comes', async () => {
    await killedSupervisor({ manners: {}, orphanMs: 300 });
    await untilGone();
    const successor = await succeed(patient);
    await successor.waitUntilReady(waitMs);
    expect(successor.snapshot().map(({ epoch }) => epoch)).toEqual([2, 2, 2, 2]);
    for (const { address } of specs) expect(storyOf(address)).toEqual(['start', 'ready']);
  });

  test('leave at once when they are told not to wait', async () => {
    await killedSupervisor({ manners: {}, orphanMs: 0 });
    await untilGone();
  });

  test('are replaced when another configuration is wanted, each after its end', async () => {
    const one = specs.slice(0, 1);
    const [before] = await killedSupervisor(patient, one);
    const successor = await succeed({ ...patient, orphanMs: waitMs + 1 }, one);
    await successor.waitUntilReady(waitMs);
    expect(storyOf('a.ps-shard.0')).toEqual(['exit', 'start', 'ready']);
    await until('it is gone', async () => !(await isRunning(before!.pid!)));
    expect(successor.snapshot()).toMatchObject([{ epoch: 2, restarts: 0, state: 'ready' }]);
  });

  test('are told to leave when nobody wants their address', async () => {
    const before = await killedSupervisor(patient);
    const successor = await succeed(patient, specs.slice(0, 2));
    await successor.waitUntilReady(waitMs);
    const others = before.slice(2).map(({ pid }) => pid);
    await until('the others have left', async () => !(await areRunning(others)).includes(true));
    expect(identities(successor.snapshot())).toEqual(identities(before.slice(0, 2)));
  });

  test('are killed and replaced when they never say a word', async () => {
    const one = specs.slice(0, 1);
    const lost: FixtureConfig = { ...patient, manners: { 'a.ps-shard.0': 'lost' } };
    const [before] = await killedSupervisor(lost, one);
    const successor = await succeed(lost, one, { attachMsMax: 300 });
    await successor.waitUntilReady(waitMs);
    expect(storyOf('a.ps-shard.0')).toEqual(['exit', 'start', 'ready']);
    expect(events[0]).toMatchObject({ detail: 'killed by SIGKILL, before it was adopted' });
    await until('it is gone', async () => !(await isRunning(before!.pid!)));
    expect(successor.snapshot()).toMatchObject([{ epoch: 2 }]);
  });

  test('are stopped by a successor that stops before it has heard of them', async () => {
    const one = specs.slice(0, 1);
    await killedSupervisor({ ...patient, manners: { 'a.ps-shard.0': 'lost' } }, one);
    const successor = await succeed(patient, one);
    await successor.stopAll();
    await untilGone();
    expect(successor.snapshot()).toMatchObject([{ state: 'stopped', epoch: 1 }]);
  });
});

describe('an adopted actor', () => {
  const one = specs.slice(0, 1);

  test('that dies is replaced at the next epoch, once', async () => {
    const [before] = await killedSupervisor(patient, one);
    const successor = await succeed(patient, one);
    await successor.waitUntilReady(waitMs);
    process.kill(before!.pid!, 'SIGKILL');
    await until('it is back', () => successor.snapshot()[0]!.epoch === 2);
    await successor.waitUntilReady(waitMs);
    expect(storyOf('a.ps-shard.0')).toEqual([
      'adopt',
      'ready',
      'exit',
      'restart',
      'start',
      'ready',
    ]);
    expect(successor.snapshot()).toMatchObject([{ restarts: 1, state: 'ready' }]);
  });

  test('that is deaf is killed when all stop', async () => {
    const deaf: FixtureConfig = { ...patient, manners: { 'a.ps-shard.0': 'deaf' } };
    await killedSupervisor(deaf, one);
    const successor = await succeed(deaf, one);
    await successor.waitUntilReady(waitMs);
    await successor.stopAll(500);
    await untilGone();
    expect(events.find(({ type }) => type === 'exit')?.detail).toBe('killed by SIGKILL');
  });

  test('outlives its second supervisor as well', async () => {
    const [before] = await killedSupervisor(patient, one);
    const [between] = await killedSupervisor(patient, one);
    const successor = await succeed(patient, one);
    await successor.waitUntilReady(waitMs);
    expect(identities([between!])).toEqual(identities([before!]));
    expect(identities(successor.snapshot())).toEqual(identities([before!]));
  });
});

describe('actors that share a process and whose supervisor was killed', () => {
  const some = specs.slice(0, 3);

  test('go on together, and end together', async () => {
    const before = await killedSupervisor(patient, some, true);
    const successor = await succeed(patient, some);
    await successor.waitUntilReady(waitMs);
    expect(new Set(before.map(({ pid }) => pid)).size).toBe(1);
    expect(identities(successor.snapshot())).toEqual(identities(before));
    process.kill(before[0]!.pid!, 'SIGKILL');
    await until('all are back', () => successor.snapshot().every(({ epoch }) => epoch === 2));
    await successor.waitUntilReady(waitMs);
    for (const { address } of some)
      expect(storyOf(address)).toEqual(['adopt', 'ready', 'exit', 'restart', 'start', 'ready']);
  });

  test('leave it one by one where one of them is not wanted any more', async () => {
    const before = await killedSupervisor(patient, some, true);
    const successor = await succeed(patient, some.slice(0, 2));
    await successor.waitUntilReady(waitMs);
    await until('the notes say so', async () => {
      const notes = await readFile(join(stateDir, 'children.json'), 'utf8');
      return !notes.includes('a.trainer.0');
    });
    expect(identities(successor.snapshot())).toEqual(identities(before.slice(0, 2)));
    await successor.remove(['a.ps-shard.0']);
    expect(await isRunning(before[0]!.pid!)).toBe(true);
    await successor.stopAll();
    await untilGone();
  });

  test('end with the one among them that does not leave in order, and nobody else is blamed', async () => {
    const untidy: FixtureConfig = { ...patient, manners: { 'a.trainer.0': 'untidy' } };
    await killedSupervisor(untidy, some, true);
    const successor = await succeed(untidy, some);
    await successor.waitUntilReady(waitMs);
    await successor.remove(['a.trainer.0']);
    await successor.waitUntilReady(waitMs);
    const detail = 'with its process, which a.trainer.0 has ended';
    expect(events.filter(({ type }) => type === 'restart')).toMatchObject([{ detail }, { detail }]);
  });

  test('are killed with the one among them that never says a word', async () => {
    const lost: FixtureConfig = { ...patient, manners: { 'a.ps-shard.0': 'lost' } };
    const before = await killedSupervisor(lost, some, true);
    const successor = await succeed(lost, some, { attachMsMax: 300 });
    await successor.waitUntilReady(waitMs);
    await until('all are others', () => successor.snapshot().every(({ epoch }) => epoch > 1));
    expect(await isRunning(before[0]!.pid!)).toBe(false);
    await successor.waitUntilReady(waitMs);
  });
});

describe('the notes in the state folder', () => {
  test('name the processes that run', async () => {
    const successor = await succeed(patient);
    await successor.waitUntilReady(waitMs);
    const read = async (): Promise<Record<string, { pid: number; epoch: number }>> =>
      JSON.parse(await readFile(join(stateDir, 'children.json'), 'utf8')) as never;
    const noted = await read();
    for (const { address, pid, epoch } of successor.snapshot())
      expect(noted[address]).toMatchObject({ pid, epoch });
    await successor.stopAll();
    await adoption!.close();
    expect(await read()).toEqual({});
    expect(existsSync(supervisionSocket(stateDir))).toBe(false);
  });

  test('do not keep what was called off while it was noted, and keep the next life in that process', async () => {
    adoption = await Adoption.open({ stateDir });
    const noted = adoption.note('a.ranker.0', 1, process.pid);
    adoption.forget('a.ranker.0', 1);
    await noted;
    const called = adoption.note('a.ranker.1', 1, process.pid);
    const next = adoption.note('a.ranker.1', 2, process.pid);
    adoption.forget('a.ranker.1', 1);
    await Promise.all([called, next]);
    await adoption.close();
    const notes = JSON.parse(await readFile(join(stateDir, 'children.json'), 'utf8')) as object;
    expect(notes).toMatchObject({ 'a.ranker.1': { epoch: 2 } });
    expect(Object.keys(notes)).toEqual(['a.ranker.1']);
  });

  test('that are damaged are not overlooked', async () => {
    await writeFile(join(stateDir, 'children.json'), '{"a.ranker.0": {"pid": "1"}}');
    await expect(Adoption.open({ stateDir })).rejects.toMatchObject({ code: 'STATE_INVALID' });
  });
});

describe('the socket of a supervisor', () => {
  const stranger: AttachMessage = {
    type: 'attach',
    address: 'a.ps-shard.0',
    kind: 'ps-shard',
    epoch: 1,
    pid: process.pid,
    state: 'ready',
    partitions: [],
    startHash: '',
  };

  /** What it answers, and whether it hangs up. */
  async function answerTo(line: string): Promise<{ answer: string; closed: boolean }> {
    const socket = createConnection(supervisionSocket(stateDir));
    let answer = '';
    socket.on('data', (data) => (answer += data.toString()));
    socket.write(line);
    const closed = await Promise.race([
      once(socket, 'close').then(() => true),
      once(socket, 'data').then(() => false),
    ]);
    socket.destroy();
    return { answer, closed };
  }

  test('tells a process that it does not know to leave', async () => {
    await succeed(patient);
    const { answer, closed } = await answerTo(`${JSON.stringify(stranger)}\n`);
    expect(JSON.parse(answer)).toMatchObject({ type: 'stop' });
    expect(closed).toBe(false);
  });

  test.each(['hello\n', '[]\n', '{"type":"attach"}\n', '{"type":"heartbeat","atMs":1}\n'])(
    'closes on %j',
    async (line) => {
      await succeed(patient);
      expect(await answerTo(line)).toEqual({ answer: '', closed: true });
    },
  );
});
