import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

test('a process gives way for good', async () => {
  const module = new URL('give-way.js', import.meta.url).href;
  const script = `import os from 'node:os';
    const { giveWay } = await import('${module}');
    const before = os.getPriority();
    giveWay();
    giveWay();
    console.log(JSON.stringify([before, os.getPriority()]));`;
  const args = ['--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const [before, after] = JSON.parse(stdout) as [number, number];
  expect(after).toBe(Math.max(before, 5));
});
