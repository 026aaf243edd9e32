import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { identityOf } from '../runtime/os/process-identity.js';
import { protocolVersion } from '../messages/codec.js';
import { readClusterAccess } from '../runtime/cluster-file.js';
import { openStateFolder, type ClusterDescription } from './state-folder.js';

const description: ClusterDescription = {
  name: 'starling',
  startedAtMs: 1,
  dataCenters: [{ name: 'east', role: 'inference', url: 'nats://127.0.0.1:1', serverPid: 7 }],
  user: 'starling',
  password: 'secret',
  admin: { user: 'admin', password: 'secret too' },
  configHash: 'abc',
};

let folder: string;
const file = (name: string) => path.join(folder, name);

/** The lock as a process would have left it that was killed. */
async function lockOfDeadProcess(): Promise<{ pid: number; started?: string | undefined }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const identity = await identityOf(child.pid!);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return identity;
}

beforeEach(async () => {
  folder = path.join(await mkdtemp(path.join(tmpdir(), 'starling-state-')), 'state');
});
afterEach(async () => {
  await rm(path.dirname(folder), { recursive: true, force: true });
});

describe('a state folder', () => {
  test('is private, and so is what tells how to reach the cluster', async () => {
    const state = await openStateFolder(folder);
    await state.writeClusterFile(description);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(file('cluster.json'))).mode & 0o777).toBe(0o600);
    await state.release();
  });

  test('that was open to others is closed to them', async () => {
    await mkdir(folder);
    await chmod(folder, 0o755);
    const state = await openStateFolder(folder);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    await state.release();
  });

  test('tells how to reach the cluster while it runs', async () => {
    const state = await openStateFolder(folder);
    await state.writeClusterFile(description);
    const { name, user, password, admin } = description;
    expect(await readClusterAccess(folder)).toMatchObject({
      ...{ name, user, password, admin, pid: process.pid },
      dataCenters: [{ name: 'east', url: 'nats://127.0.0.1:1' }],
    });
    await state.release();
  });

  test('of a cluster that was stopped or never ran has none to reach', async () => {
    await expect(readClusterAccess(folder)).rejects.toMatchObject({ code: 'NOT_RUNNING' });
    const state = await openStateFolder(folder);
    await state.writeClusterFile(description);
    await state.release();
    await expect(readClusterAccess(folder)).rejects.toMatchObject({ code: 'NOT_RUNNING' });
  });

  test('of a cluster that was killed has none to reach', async () => {
    const state = await openStateFolder(folder);
    await state.writeClusterFile(description);
    const left = JSON.parse(await readFile(file('cluster.json'), 'utf8')) as object;
    await writeFile(
      file('cluster.json'),
      JSON.stringify({ ...left, ...(await lockOfDeadProcess()) }),
    );
    await expect(readClusterAccess(folder)).rejects.toMatchObject({ code: 'NOT_RUNNING' });
    await state.release();
  });

  test('is held by one cluster at a time', async () => {
    const state = await openStateFolder(folder);
    await expect(openStateFolder(folder)).rejects.toMatchObject({ code: 'STATE_LOCKED' });
    await state.release();
    await (await openStateFolder(folder)).release();
  });

  test('goes to one of several that start at once', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => openStateFolder(folder)),
    );
    const opened = results.filter(({ status }) => status === 'fulfilled');
    expect(opened).toHaveLength(1);
  });

  test('held by a process that was killed is taken over', async () => {
    await (await openStateFolder(folder)).release();
    await writeFile(file('lock.json'), JSON.stringify(await lockOfDeadProcess()));
    await (await openStateFolder(folder)).release();
  });

  test('held by a dead process whose pid is in use again is taken over', async () => {
    await (await openStateFolder(folder)).release();
    const started = 'another boot 123';
    await writeFile(file('lock.json'), JSON.stringify({ pid: process.pid, started }));
    await (await openStateFolder(folder)).release();
  });

  test('that can not be made, or is no folder, is refused at once, with what is the matter', async () => {
    const refused = (where: string) =>
      expect(openStateFolder(where)).rejects.toMatchObject({ code: 'STATE_INVALID' });
    const why = (where: string, text: RegExp) =>
      expect(openStateFolder(where)).rejects.toThrow(text);
    await writeFile(`${folder}.txt`, 'no folder');
    await refused(`${folder}.txt`);
    await why(`${folder}.txt`, /it is a file/);
    await refused(`${folder}.txt/state`);
    await why(`${folder}.txt/state`, /a part of its path is a file/);
    await why(path.join(folder, 'x'.repeat(300)), /its name is too long/);
    // Where `mkdir` with its parents never ends.
    if (process.platform !== 'linux') return;
    await refused('/proc/starling/state');
    await why('/proc/starling/state', /nothing can be made there/);
  });

  test('keeps no temporary files', async () => {
    const state = await openStateFolder(folder);
    await state.writeClusterFile(description);
    expect((await readdir(folder)).sort()).toEqual(['cluster.json', 'format.json', 'lock.json']);
    await state.release();
    expect(await readdir(folder)).toEqual(['format.json']);
  });

  test('written by another release is refused, with what helps', async () => {
    await (await openStateFolder(folder)).release();
    await writeFile(file('format.json'), JSON.stringify({ version: 99 }));
    await expect(openStateFolder(folder)).rejects.toMatchObject({ code: 'STATE_INVALID' });
    await expect(openStateFolder(folder)).rejects.toThrow(/newer release.*version 99/);
    await writeFile(file('format.json'), JSON.stringify({ version: 1 }));
    await expect(openStateFolder(folder)).rejects.toThrow(
      /older release.*version 1.*start with a new --state folder, or run the release that wrote it/,
    );
  });

  test('with a damaged file is refused by the name of the file', async () => {
    const state = await openStateFolder(folder);
    await writeFile(file('cluster.json'), '{"version": 1');
    await expect(readClusterAccess(folder)).rejects.toMatchObject({ code: 'STATE_INVALID' });
    await writeFile(file('cluster.json'), JSON.stringify({ version: protocolVersion }));
    await expect(readClusterAccess(folder)).rejects.toThrow(/cluster\.json is damaged/);
    await state.release();
  });

  test('can not be where a file is', async () => {
    await writeFile(folder, '');
    await expect(openStateFolder(folder)).rejects.toMatchObject({ code: 'STATE_INVALID' });
  });
});
