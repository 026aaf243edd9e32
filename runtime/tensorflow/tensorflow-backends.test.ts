import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { codeOf } from '../../core/base/errors.js';
import type { ModelSpec } from '../../core/model/network.js';
import { systemClock } from '../system.js';
import { measure, speedUp } from './measure.js';
import { probe, type Probe, type ProbeRequest } from './probe.js';
import { remembered } from './remembered.js';
import { TensorflowBackends } from './tensorflow-backends.js';
import { loadBackend } from '../../core/model/backend.js';

const model: ModelSpec = {
  ...{ network: 'fm', slotCount: 2, factorDim: 2, denseCount: 0, hidden: [], heads: 1 },
};
let folder: string;
let library: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tensorflow-backends-'));
  library = path.join(folder, 'library.so');
  writeFileSync(library, 'no library');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A library that is so many times as fast at training, and half as fast at scoring. */
const probeOf = (ratio: number): Probe => ({
  ...{ version: '2.18.1', devices: ['/device:CPU:0'], loadMs: 1, other: 'kernels' },
  timings: {
    'training 16': [1, ratio],
    'training 256': [1, ratio],
    'scoring 32': [2, 1],
  },
});

function backends(tried: (request: ProbeRequest) => Promise<Probe>): TensorflowBackends {
  const find = () => ({ path: library, from: 'a test' });
  return new TensorflowBackends({ folder, clock: systemClock, find, tried });
}

describe('backends of a machine with a libtensorflow', () => {
  test('auto stays with what is faster, and says so', async () => {
    const { name, detail } = await backends(async () => probeOf(0.5)).load(
      'auto',
      model,
      'training',
    );
    expect(name).toBe('kernels');
    expect(detail).toBe('kernels, 2.0 × as fast as TensorFlow at training here');
  });

  test('the same measurement decides for training and for scoring', async () => {
    let measured = 0;
    const source = backends(async () => {
      measured++;
      return probeOf(0.25);
    });
    expect((await source.load('auto', model, 'training')).detail).toContain('4.0 ×');
    expect((await source.load('auto', model, 'scoring')).detail).toContain('2.0 ×');
    expect(measured).toBe(1);
    // Another model is another question, and so is another library.
    await source.load('auto', { ...model, slotCount: 3 }, 'training');
    utimesSync(library, 1, 1);
    await source.load('auto', model, 'training');
    expect(measured).toBe(3);
  });

  test('auto does without a library that does not work, and finds that out once', async () => {
    let tries = 0;
    const source = backends(async () => {
      tries++;
      throw new Error('it ended by SIGILL');
    });
    for (let i = 0; i < 2; i++) {
      const { name, detail } = await source.load('auto', model, 'training');
      expect(name).toBe('kernels');
      expect(detail).toContain('it ended by SIGILL');
    }
    expect(tries).toBe(1);
    const error = await source
      .load('tensorflow', model, 'training')
      .catch((thrown: unknown) => thrown);
    expect(codeOf(error)).toBe('TENSORFLOW_FAILED');
  });

  test('auto does without a network whose blocks are not there', async () => {
    const source = backends(async () => ({ ...probeOf(9), missing: ['pool'] }));
    expect((await source.load('auto', model, 'training')).detail).toBe(
      'kernels (TensorFlow lacks pool)',
    );
  });

  test('without one all is as ever, and by name it says how to get one', async () => {
    const source = new TensorflowBackends({ clock: systemClock, find: () => undefined });
    expect((await source.load('auto', model, 'training')).detail).toBe('kernels');
    const error = await source
      .load('tensorflow', model, 'training')
      .catch((thrown: unknown) => thrown);
    expect(codeOf(error)).toBe('CONFIG_INVALID');
    expect(String(error)).toContain('starling setup-tensorflow');
    await expect(source.load('tfjs-node', model, 'training')).rejects.toThrow('--ignore-scripts');
  });
});

describe('a library is tried in a process of its own', () => {
  test('one that is none says so, with the code of that', async () => {
    const error = await probe({ library }).catch((thrown: unknown) => thrown);
    expect(codeOf(error)).toBe('TENSORFLOW_FAILED');
    expect(String(error)).toContain(library);
  });

  test('one that the process dies of is an error here, and no more', async () => {
    const main = path.join(folder, 'dies.mjs');
    writeFileSync(main, "console.error('Illegal'); process.kill(process.pid, 'SIGILL');");
    const error = await probe({ library }, main).catch((thrown: unknown) => thrown);
    expect(codeOf(error)).toBe('TENSORFLOW_FAILED');
    expect(String(error)).toContain('it ended by SIGILL: Illegal');
  });
});

describe('what was found out', () => {
  test('is found by one of those who ask at the same moment, and read by the others', async () => {
    const file = path.join(folder, 'in', 'found.json');
    let found = 0;
    const find = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { times: ++found };
    };
    const asked = Array.from({ length: 4 }, () => remembered(file, systemClock, { find }));
    expect(await Promise.all(asked)).toEqual(new Array(4).fill({ times: 1 }));
    expect(readdirSync(path.dirname(file))).toEqual(['found.json']);
  });

  test('is asked for again where it was not found, or whoever looked has died', async () => {
    const file = path.join(folder, 'found.json');
    const failing = remembered(file, systemClock, {
      find: () => Promise.reject(new Error('not now')),
    });
    await expect(failing).rejects.toThrow('not now');
    writeFileSync(`${file}.lock`, '');
    utimesSync(`${file}.lock`, 1, 1);
    expect(await remembered(file, systemClock, { find: async () => 7 })).toBe(7);
  });

  test('is kept only where it will be the same the next time', async () => {
    const file = path.join(folder, 'found.json');
    const finding = (value: number) => ({ find: async () => value, keeps: (n: number) => n > 1 });
    expect(await remembered(file, systemClock, finding(1))).toBe(1);
    expect(await remembered(file, systemClock, finding(2))).toBe(2);
    expect(await remembered(file, systemClock, finding(3))).toBe(2);
  });

  test('needs no folder that can be written to', async () => {
    writeFileSync(path.join(folder, 'file'), '');
    const file = path.join(folder, 'file', 'in', 'found.json');
    expect(await remembered(file, systemClock, { find: async () => 7 })).toBe(7);
  });
});

describe('how fast', () => {
  test('is measured of each, for all numbers of rows', async () => {
    const wasm = await loadBackend('wasm', model);
    let nowMs = 0;
    const timings = measure([wasm, wasm], model, { nowMs: () => (nowMs += 5) });
    expect(Object.keys(timings)).toEqual([
      ...['training 16', 'training 256', 'training 1024', 'scoring 32', 'scoring 256'],
    ]);
    for (const each of Object.values(timings)) expect(each).toEqual([5, 5]);
  });

  test('is a mean that no number of rows decides alone', () => {
    expect(speedUp(probeOf(4).timings!, 'training')).toBeCloseTo(4);
    expect(speedUp({ 'training 16': [1, 4], 'training 256': [4, 1] }, 'training')).toBeCloseTo(1);
    expect(speedUp(probeOf(4).timings!, 'scoring')).toBeCloseTo(0.5);
  });
});
