import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { roles } from '../../messages/roles.js';
import { loadCredentials } from './credentials.js';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'starling-credentials-'));
  file = path.join(folder, 'credentials.json');
});
afterEach(() => rm(folder, { recursive: true }));

test('every role has a password of its own, which stays', async () => {
  const drawn = await loadCredentials(folder);
  expect(new Set(Object.values(drawn.passwords)).size).toBe(roles.length);
  expect(await loadCredentials(folder)).toEqual(drawn);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a file of an earlier release gets what it lacks, and keeps what it has', async () => {
  const old = { user: 'starling', password: 'p', systemUser: 'system', systemPassword: 's' };
  await writeFile(file, JSON.stringify({ ...old, passwords: { client: 'known' } }));
  const upgraded = await loadCredentials(folder);
  expect(upgraded).toMatchObject({ systemPassword: 's', passwords: { client: 'known' } });
  expect(upgraded.passwords.ranker).toHaveLength(48);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(upgraded);
});

test('a damaged file is not replaced in silence', async () => {
  await writeFile(file, '{"passwords": 7}');
  await expect(loadCredentials(folder)).rejects.toMatchObject({ code: 'STATE_INVALID' });
});
