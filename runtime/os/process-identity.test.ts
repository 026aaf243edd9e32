import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { identityOf, isAlive, isSameProcess, signalSameProcess } from './process-identity.js';

let child: ChildProcess;
beforeEach(async () => {
  child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
  await once(child, 'spawn');
});
afterEach(() => void child.kill('SIGKILL'));

test('a process is known by its pid and its start', async () => {
  const identity = await identityOf(child.pid!);
  expect(await isSameProcess(identity)).toBe(true);
  const exited = once(child, 'exit');
  signalSameProcess(identity, 'SIGKILL');
  expect(await exited).toEqual([null, 'SIGKILL']);
  expect(await isSameProcess(identity)).toBe(false);
  expect(await isAlive(identity)).toBe(false);
  signalSameProcess(identity, 'SIGKILL');
});

test('a process that has the pid of another is left alone', async () => {
  const { pid } = await identityOf(child.pid!);
  for (const identity of [{ pid, started: 'long ago' }, { pid }]) {
    signalSameProcess(identity, 'SIGKILL');
    expect(await isSameProcess(identity)).toBe(false);
  }
  expect(await isAlive({ pid })).toBe(true);
  expect(await isAlive({ pid, started: 'long ago' })).toBe(false);
  const exited = await Promise.race([
    once(child, 'exit'),
    new Promise((done) => setTimeout(done, 200)),
  ]);
  expect(exited).toBeUndefined();
});
