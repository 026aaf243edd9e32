import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseClusterConfig } from '../../core/config/schema.js';
import { loadCredentials } from '../servers/credentials.js';
import { parseTopology } from './topology.js';
import { readTopology, writeDeployment } from './write-deployment.js';

const config = parseClusterConfig({
  features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
  dataCenters: [
    { name: 'train', role: 'training' },
    { name: 'east', role: 'inference' },
  ],
});
const topologyOf = (eastServer: string) =>
  parseTopology(
    { dataCenters: { train: [{ server: 'n1' }], east: [{ server: eastServer }] } },
    config,
  );

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), 'starling-deployment-'));
  folder = path.join(parent, 'out');
});
afterEach(() => rm(parent, { recursive: true }));
const read = (name: string) => readFile(path.join(folder, name), 'utf8');
const modeOf = async (name: string) => (await stat(path.join(folder, name))).mode & 0o777;

describe('a folder of deployment files', () => {
  test('is for its owner alone', async () => {
    const written = await writeDeployment(folder, { config, topology: topologyOf('e1') });
    expect(written).toEqual({
      folder,
      files: [
        'credentials.json',
        'train/n1.conf',
        'east/e1.conf',
        'access.json',
        'client-access.json',
      ],
      leftovers: [],
    });
    for (const name of ['', 'train', 'east']) expect(await modeOf(name)).toBe(0o700);
    for (const name of written.files) expect(await modeOf(name)).toBe(0o600);
  });

  test('keeps its passwords when it is written again, and names what is no longer of use', async () => {
    await writeDeployment(folder, { config, topology: topologyOf('e1') });
    const before = await read('credentials.json');
    const conf = await read('train/n1.conf');
    const again = await writeDeployment(folder, { config, topology: topologyOf('e2') });
    expect(again.leftovers).toEqual(['east/e1.conf']);
    expect(await read('credentials.json')).toBe(before);
    expect(await read('train/n1.conf')).toBe(conf.replace('@e1:', '@e2:'));
    const { passwords } = await loadCredentials(folder);
    expect(await read('east/e2.conf')).toContain(passwords.ranker);
  });

  test('with other things in it is left as it is', async () => {
    await writeFile(path.join(parent, 'mine.txt'), 'mine');
    const { mode } = await stat(parent);
    const attempt = writeDeployment(parent, { config, topology: topologyOf('e1') });
    await expect(attempt).rejects.toMatchObject({ code: 'BAD_REQUEST', details: { field: 'out' } });
    expect(await readdir(parent)).toEqual(['mine.txt']);
    expect((await stat(parent)).mode).toBe(mode);
  });

  test('that is a file is refused', async () => {
    await writeFile(folder, '');
    const attempt = writeDeployment(folder, { config, topology: topologyOf('e1') });
    await expect(attempt).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('with damaged passwords is left as it is', async () => {
    await writeDeployment(folder, { config, topology: topologyOf('e1') });
    await writeFile(path.join(folder, 'credentials.json'), '{');
    const attempt = writeDeployment(folder, { config, topology: topologyOf('e2') });
    await expect(attempt).rejects.toMatchObject({ code: 'STATE_INVALID' });
    expect(await readdir(path.join(folder, 'east'))).toEqual(['e1.conf']);
  });
});

describe('a topology file', () => {
  test.each([
    ['that is not there', undefined, 'no such file'],
    ['that is not JSON', '{', 'line 1, column 2: the text ends here'],
    ['that is wrong', '{"dataCenters":{},"tls":7}', 'tls: expected an object with ca, cert, key'],
  ])('%s is named', async (_what, text, message) => {
    const file = path.join(parent, 'topology.json');
    if (text !== undefined) await writeFile(file, text);
    const attempt = readTopology(file, config);
    await expect(attempt).rejects.toMatchObject({ code: 'CONFIG_INVALID', details: { file } });
    await expect(attempt).rejects.toThrow(`${file}: `);
    await expect(attempt).rejects.toThrow(message);
  });
});
