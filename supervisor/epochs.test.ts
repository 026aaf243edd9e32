import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FileEpochStore } from './epochs.js';
import { MemoryEpochStore } from './epochs.testkit.js';

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'starling-epochs-'));
});
afterEach(async () => {
  await rm(stateDir, { recursive: true, force: true });
});

describe('epochs', () => {
  test('grow by one per address, and go on after a restart of the supervisor', async () => {
    const first = await FileEpochStore.open(stateDir);
    expect(await first.next('a.ps-shard.0')).toBe(1);
    expect(await first.next('a.ps-shard.0')).toBe(2);
    expect(await first.next('a.ps-shard.1')).toBe(1);

    const second = await FileEpochStore.open(stateDir);
    expect(await second.next('a.ps-shard.0')).toBe(3);
    expect(await second.next('a.ps-shard.1')).toBe(2);
  });

  test('are on disk when they are handed out, also when many are asked for at once', async () => {
    const store = await FileEpochStore.open(stateDir);
    const addresses = Array.from({ length: 20 }, (_, index) => `a.ranker.${index}`);
    await Promise.all(
      addresses.map(async (address) => {
        const epoch = await store.next(address);
        const onDisk = JSON.parse(await readFile(join(stateDir, 'epochs.json'), 'utf8')) as Record<
          string,
          number
        >;
        expect(onDisk[address]).toBe(epoch);
      }),
    );
    expect(await readdir(stateDir)).toEqual(['epochs.json']);
  });

  test('a write that fails is a typed error and the next one works', async () => {
    const store = await FileEpochStore.open(join(stateDir, 'folder'));
    await writeFile(join(stateDir, 'folder'), 'in the way');
    await expect(store.next('a.ranker.0')).rejects.toMatchObject({ code: 'STATE_INVALID' });
    await rm(join(stateDir, 'folder'));
    expect(await store.next('a.ranker.0')).toBe(2);
  });

  test.each(['not json', '[1.5]', '{"a":"1"}', '{"a":-1}', 'null'])(
    'a file that holds %s is refused',
    async (text) => {
      await writeFile(join(stateDir, 'epochs.json'), text);
      await expect(FileEpochStore.open(stateDir)).rejects.toMatchObject({ code: 'STATE_INVALID' });
    },
  );

  test('in memory grow by one per address', async () => {
    const store = new MemoryEpochStore();
    expect([await store.next('x'), await store.next('x'), await store.next('y')]).toEqual([
      1, 2, 1,
    ]);
  });
});
