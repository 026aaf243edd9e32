import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseClusterConfig } from '../../core/config/schema.js';
import {
  configContentKey,
  configKey,
  encodeConfigContent,
  encodeConfigVersions,
} from '../../messages/config-versions.js';
import { names } from '../../messages/default-names.testkit.js';
import { keepConfigFile, readConfigFile, refuseImpossible } from './config-file.js';

const folder = mkdtempSync(path.join(tmpdir(), 'starling-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = parseClusterConfig({ features: { item: { entity: 'item', kind: 'id' } } });

describe('what a host ran last', () => {
  test('is in its state folder, and is written anew when there is another version', async () => {
    expect(await readConfigFile(folder)).toBeUndefined();
    await refuseImpossible(folder, { ...config, partitions: 3 });
    const keys = new Map<string, Uint8Array>();
    const store = (version: number, hash: string, stored: object): void => {
      const listed = { version, hash, atMs: 1, note: '' };
      keys.set(configContentKey(hash), encodeConfigContent(JSON.stringify(stored)));
      keys.set(configKey, encodeConfigVersions([listed]));
    };
    let change = (): void => undefined;
    const failures: string[] = [];
    store(1, 'a', config);
    await keepConfigFile(folder, {
      bus: { names, bucketGet: async (_bucket: string, key: string) => keys.get(key) },
      configs: {
        onChange: (listener) => {
          change = listener;
          return () => undefined;
        },
      },
      log: (line) => failures.push(line),
    });
    expect(await readConfigFile(folder)).toEqual({ version: 1, hash: 'a', config });
    store(2, 'b', { ...config, standby: 1 });
    change();
    for (let looks = 0; looks < 200 && (await readConfigFile(folder))?.version !== 2; looks++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await readConfigFile(folder)).toMatchObject({ version: 2, config: { standby: 1 } });
    expect(failures).toEqual([]);
  });

  test('refuses what can not be before any server starts', async () => {
    await refuseImpossible(folder, config);
    await expect(refuseImpossible(folder, { ...config, partitions: 3 })).rejects.toMatchObject({
      code: 'CHANGE_REFUSED',
      details: { fields: ['partitions'] },
    });
  });

  test('is told where it is damaged', async () => {
    writeFileSync(path.join(folder, 'config.json'), '{"version":1,"hash":"a","config":{}}');
    await expect(readConfigFile(folder)).rejects.toMatchObject({ code: 'STATE_INVALID' });
  });
});
