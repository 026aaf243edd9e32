import { existsSync } from 'node:fs';
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ActorSpec } from '../messages/actor-spec.js';
import { ActorLauncher } from './actor-launcher.js';
import { specs } from './actor-specs.testkit.js';
import type { ActorProcess } from './child-process.js';

const entry = fileURLToPath(new URL('./fixture-actor.testkit.js', import.meta.url));

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'starling-launcher-'));
});
afterEach(async () => {
  await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
});

interface Started {
  readonly process: ActorProcess;
  readonly exit: Promise<void>;
}

/** Resolves when the actor is ready. */
async function started(launcher: ActorLauncher, spec: ActorSpec): Promise<Started> {
  let onExit = (): void => undefined;
  const exit = new Promise<void>((resolve) => (onExit = resolve));
  const process = await new Promise<ActorProcess>((resolve) => {
    const begun = launcher.start(
      spec,
      { epoch: 1, serving: true },
      {
        onMessage: (message) => {
          if (message.type === 'state' && message.state === 'ready') resolve(begun);
        },
        onExit,
      },
    );
  });
  return { process, exit };
}

test('a large log is not moved away while an older process of that name writes to it', async () => {
  const [first, second] = specs;
  const launcher = new ActorLauncher({
    ...{ entry, stateDir, processOf: () => 'a.process.0' },
    configIn: () => ({ manners: { [first!.address]: 'deaf' } }),
    natsOf: () => ({ cluster: 'starling', url: [], user: 'user', password: 'secret' }),
  });
  const older = await started(launcher, first!);
  const { log } = older.process;
  await truncate(log, 11 * 1024 * 1024);
  // It does not listen, so its process goes on; but nobody else is sent there.
  older.process.stop(1);
  const newer = await started(launcher, second!);
  expect(newer.process.pid).not.toBe(older.process.pid);
  expect(existsSync(`${log}.1`)).toBe(false);

  for (const { process } of [older, newer]) process.kill();
  await Promise.all([older.exit, newer.exit]);
  const last = await started(launcher, second!);
  expect(existsSync(`${log}.1`)).toBe(true);
  last.process.kill();
  await last.exit;
});
