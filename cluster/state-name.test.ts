import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requireSameName } from './state-name.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'starling-name-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('state goes on under the name it was begun with, and under no other', async () => {
  await requireSameName(folder, 'shop');
  await requireSameName(folder, 'shop');
  const refused = requireSameName(folder, 'films');
  await expect(refused).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    details: { field: 'name', before: 'shop', now: 'films' },
  });
  await expect(refused).rejects.toThrow(/name: 'shop', or use another --state folder/);
});

test('a note of the name that can not be read is told by its file', async () => {
  await writeFile(path.join(folder, 'name.json'), '{}');
  const refused = requireSameName(folder, 'shop');
  await expect(refused).rejects.toMatchObject({ code: 'STATE_INVALID' });
  await expect(refused).rejects.toThrow('name.json');
});
