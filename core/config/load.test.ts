import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadClusterConfig } from './load.js';

const features = "{ item: { entity: 'item', kind: 'id' } }";
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

describe('loading a configuration', () => {
  test('without a path it is the one of the project', async () => {
    const config = await loadClusterConfig();
    expect(Object.keys(config.features)).toEqual(
      expect.arrayContaining(['user', 'item', 'age', 'gender', 'occupation', 'year', 'genres']),
    );
  });

  test.each([
    ['a.json', '{"name": "mine", "features": {"item": {"entity": "item", "kind": "id"}}}'],
    ['a.mjs', `export default { name: 'mine', features: ${features} };`],
    ['a.ts', `const name: string = 'mine';\nexport default { name, features: ${features} };`],
  ])('%s is read', async (name, text) => {
    const config = await loadClusterConfig(await file(name, text));
    expect(config.name).toBe('mine');
    expect(config.partitions).toBe(8);
  });

  test('the TypeScript of the project says the same as what was compiled from it', async () => {
    const source = fileURLToPath(new URL('../../../cluster.config.ts', import.meta.url));
    expect(await loadClusterConfig(source)).toEqual(await loadClusterConfig());
  });

  test('a .ts file may import what lies beside it, packages, and its types', async () => {
    await file('shards.mjs', 'export const shards = 3;');
    const schema = fileURLToPath(new URL('./schema.js', import.meta.url));
    const text = `import { basename } from 'node:path';
      import type { ClusterConfigInput } from 'starling';
      import { z } from 'zod';
      import { shards } from './shards.mjs';
      import { defineCluster } from ${JSON.stringify(schema)};
      const config: ClusterConfigInput = { name: basename('/x/mine'), features: ${features}, actors: { 'ps-shard': z.int().parse(shards) } };
      export default defineCluster(config);`;
    const config = await loadClusterConfig(await file('imports.ts', text));
    expect(config.name).toBe('mine');
    expect(config.actors['ps-shard']).toBe(3);
  });

  test.each([
    ['none.ts', undefined, 'none.ts: there is no such file'],
    [
      'a.yaml',
      'name: mine',
      'a.yaml: expected a file that ends in .ts, .mts, .cts, .js, .mjs, .cjs, .json',
    ],
    ['broken.json', '{"name": ', 'broken.json: line 1, column 10: the text ends here'],
    ['broken.ts', 'export default {\n  name: = 3,\n};', 'broken.ts:2:9: '],
    ['throws.mjs', "throw new Error('no luck');", 'throws.mjs:1:7: no luck'],
    ['named.mjs', 'export const config = {};', 'named.mjs: expected a default export'],
    [
      'wrong.mjs',
      `export default { features: ${features}, partitions: 0 };`,
      'wrong.mjs: partitions: expected an integer from 1 to 4096; got 0',
    ],
  ])('%s is refused, naming the file', async (name, text, message) => {
    const path = text === undefined ? join(folder, name) : await file(name, text);
    await expect(loadClusterConfig(path)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(message),
      details: expect.objectContaining({ file: path }),
    });
  });
});
