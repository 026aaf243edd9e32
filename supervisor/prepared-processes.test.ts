import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ActorSpec } from '../messages/actor-spec.js';
import { isAlive, identityOf } from '../runtime/os/process-identity.js';
import { ActorLauncher } from './actor-launcher.js';
import type { ActorProcess, HostedProcess } from './child-process.js';
import { PreparedProcesses } from './prepared-processes.js';

const entry = fileURLToPath(new URL('./fixture-actor.testkit.js', import.meta.url));
const spec: ActorSpec = {
  ...{ address: 'a.ranker.0', kind: 'ranker', dataCenter: 'a', index: 0, tier: 1 },
};
const other: ActorSpec = { ...spec, address: 'a.ranker.1', index: 1 };
const processOf = ({ index }: ActorSpec): string => `a.process.${index}`;

let stateDir: string;
let prepared: PreparedProcesses;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'starling-prepared-'));
  prepared = new PreparedProcesses({ entry, stateDir, processOf });
  prepared.start([spec, other]);
});
afterEach(async () => {
  prepared.dismiss();
  await rm(stateDir, { recursive: true, force: true });
});

async function untilEnded(pid: number): Promise<void> {
  const identity = await identityOf(pid);
  while (await isAlive(identity)) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Resolves when the actor is ready; its process is told to leave then, and to be gone. */
function lifeIn(launcher: ActorLauncher): Promise<number> {
  return new Promise((resolve) => {
    const life = { epoch: 1, serving: true };
    const actor: ActorProcess = launcher.start(spec, life, {
      onMessage: (message) => {
        if (message.type === 'state' && message.state === 'ready') actor.stop(1_000);
      },
      onExit: () => resolve(actor.pid!),
    });
  });
}

function launcherWith(given: Pick<PreparedProcesses, 'take'>): ActorLauncher {
  return new ActorLauncher({
    ...{ entry, stateDir, processOf, prepared: given },
    configIn: () => ({ manners: { [spec.address]: 'steady' } }),
    natsOf: () => ({ cluster: 'starling', url: [], user: 'user', password: 'secret' }),
  });
}

describe('a process that was started early', () => {
  test('becomes the actor that begins in it, once', async () => {
    const early = prepared.take('a.process.0')!;
    expect(prepared.take('a.process.0')).toBeUndefined();
    const asked: string[] = [];
    const take = (name: string): HostedProcess => {
      asked.push(name);
      return early;
    };
    expect(await lifeIn(launcherWith({ take }))).toBe(early.pid);
    expect(asked).toEqual(['a.process.0']);
  });

  test('ends when nobody is going to begin in it', async () => {
    const taken = prepared.take('a.process.1')!;
    taken.dismiss();
    await untilEnded(taken.pid!);
    prepared.dismiss();
    expect(prepared.take('a.process.0')).toBeUndefined();
  });
});
