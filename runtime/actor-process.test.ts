import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import type { StartMessage } from '../messages/child-messages.js';

const entry = fileURLToPath(new URL('./idle-process.testkit.js', import.meta.url));

test('a process does not become an actor twice: it says so, and ends', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'starling-twice-'));
  const child = fork(entry, { execArgv: [], env: { PATH: process.env['PATH'] }, silent: true });
  const said: unknown[] = [];
  child.on('message', (message) => said.push(message));
  const start: StartMessage = {
    ...{ type: 'start', address: 'a.ranker.0', kind: 'ranker', dataCenter: 'a', index: 0 },
    ...{ epoch: 1, partitions: [], stateDir },
    config: { supervision: { heartbeatMs: 10_000, drainMs: 1_000, orphanMs: 0 } },
    // Nobody listens there: what it does first takes its time.
    nats: { cluster: 'starling', url: ['nats://127.0.0.1:1'], user: 'user', password: 'secret' },
  };
  child.send(start);
  child.send({ ...start, epoch: 2 });
  const [code] = (await once(child, 'close')) as [number];
  expect(said).toContainEqual({
    ...{ type: 'failed', address: 'a.ranker.0', code: 'INTERNAL' },
    message: expect.stringContaining('epoch 2 was started'),
  });
  expect(code).toBe(1);
  await rm(stateDir, { recursive: true });
});
