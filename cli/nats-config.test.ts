import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { commandsInFolder } from './commands-in-folder.testkit.js';

const { folder, starling } = commandsInFolder();

describe('starling nats-config', () => {
  const dataCenters = {
    train: [{ server: 'n1' }],
    east: [{ server: 'e1' }],
    west: [{ server: 'w1' }],
  };

  async function topology(name: string, content: unknown): Promise<string[]> {
    await writeFile(path.join(folder, name), JSON.stringify(content));
    return ['nats-config', '--topology', name, '--out', `${name}.out`];
  }

  test('lists what it wrote, and prints no password', async () => {
    const args = await topology('t.json', { dataCenters });
    const { code, out, err } = await starling(args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('train: 1 server, one copy of each stream');
    for (const name of ['train/n1.conf', 'west/w1.conf', 'access.json'])
      expect(out).toContain(name);
    const json = await starling([...args, '--json']);
    expect(JSON.parse(json.out)).toMatchObject({
      folder: path.join(await realpath(folder), 't.json.out'),
      leftovers: [],
      dataCenters: [{ name: 'train', servers: 1, replicas: 1 }, { name: 'east' }, { name: 'west' }],
    });
    const kept = await readFile(path.join(folder, 't.json.out', 'credentials.json'), 'utf8');
    const { passwords } = JSON.parse(kept) as { passwords: Record<string, string> };
    for (const password of Object.values(passwords)) expect(out + json.out).not.toContain(password);
  });

  test('names what is wrong with the topology, and writes nothing', async () => {
    const args = await topology('wrong.json', { dataCenters: { ...dataCenters, west: [] } });
    const { code, err } = await starling(args);
    expect(code).toBe(1);
    expect(err).toMatch(/^CONFIG_INVALID: wrong.json: dataCenters.west: expected as many servers/);
    await expect(stat(path.join(folder, 'wrong.json.out'))).rejects.toThrow('ENOENT');
  });

  test('tells of servers that are no longer there', async () => {
    await starling(await topology('moved.json', { dataCenters }));
    const moved = { ...dataCenters, west: [{ server: 'w2' }] };
    const { code, err } = await starling(await topology('moved.json', { dataCenters: moved }));
    expect(code).toBe(0);
    expect(err).toContain('west/w1.conf is of an earlier topology');
  });
});
