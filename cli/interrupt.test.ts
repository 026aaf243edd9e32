import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from '@jest/globals';

const interrupt = new URL('./interrupt.js', import.meta.url).href;

/** A command that takes `drainMs` to stop after it was asked to. */
const program = (drainMs: number): string => `
  import { exitCodeOf, onInterrupt } from ${JSON.stringify(interrupt)};
  const { signal, name, ...rest } = onInterrupt((text) => console.error(text));
  const busy = setInterval(() => undefined, 1_000);
  signal.addEventListener('abort', () => setTimeout(() => {
    clearInterval(busy);
    console.log('drained');
    process.exit(0);
  }, ${drainMs}));
  console.log('runs');
`;

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number>;
}

const children = new Set<ChildProcess>();

afterAll(() => children.forEach((child) => child.kill('SIGKILL')));

/** Resolves when it runs. */
async function start(drainMs: number): Promise<Started> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program(drainMs)]);
  children.add(child);
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const ended = once(child, 'close').then(([code]) => code as number);
  await once(child.stdout, 'data');
  return { child, output: () => output, ended };
}

// At the same time, as they wait for most of theirs.
describe('a command that runs until it is told to end', () => {
  test.concurrent.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('drains at %s', async (signal) => {
    const { child, output, ended } = await start(100);
    child.kill(signal);
    expect(await ended).toBe(0);
    expect(output()).toContain('drained');
  });

  test.concurrent.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('ends at once at a second wish, %s, with %i', async (signal, code) => {
    const { child, output, ended } = await start(60_000);
    child.kill('SIGINT');
    // An echo is no second wish, however long it takes; only what comes later is.
    await sleep(700);
    child.kill(signal);
    expect(await ended).toBe(code);
    expect(output()).not.toContain('drained');
  });

  test.concurrent('takes the echo of a signal for the same wish', async () => {
    const { child, output, ended } = await start(1_000);
    child.kill('SIGINT');
    child.kill('SIGHUP');
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(output()).toContain('drained');
  });

  test.concurrent('ends at once at SIGQUIT', async () => {
    const { child, output, ended } = await start(60_000);
    child.kill('SIGQUIT');
    expect(await ended).toBe(131);
    expect(output()).not.toContain('drained');
  });
});
