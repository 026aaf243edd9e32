import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseArguments, type Output } from './command.js';
import { network } from './commands/network.js';
import { failureOf } from './failure.js';

const mine = (columns: string): string => `
import { defineNetwork, linearParameters, linearTerms, headParameters, perHead } from 'starling/config';
export default defineNetwork({
  parameters: (spec) => [...linearParameters(spec), ...headParameters(spec), { name: 'gain', shape: [${columns}], initial: 'ones', columns: ['vectors'] }],
  forward: (blocks, inputs, p, spec) => {
    const biased = blocks.addBias(inputs.vectors, p.vector('gain'));
    const sum = blocks.add([...linearTerms(blocks, inputs, p), blocks.pairwiseInteractions(biased, spec.slotCount)]);
    return perHead(blocks, sum, p, spec);
  },
});`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'starling-network-'));
  writeFileSync(path.join(folder, 'mine.ts'), mine('spec.slotCount * spec.factorDim'));
  writeFileSync(path.join(folder, 'wrong.ts'), mine('3'));
  writeFileSync(
    path.join(folder, 'shop.config.json'),
    JSON.stringify({
      features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
      model: { factorDim: 3 },
      organic: { negatives: 0 },
    }),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function runs(json: boolean, ...argv: string[]) {
  const lines: string[] = [];
  const documents: unknown[] = [];
  const out: Output = {
    json,
    line: (text) => void lines.push(text),
    document: (value) => void documents.push(value),
    note: () => undefined,
  };
  try {
    const code = await network.run(parseArguments(network, argv), out);
    return { code, lines, documents };
  } catch (error) {
    const { exitCode, code, message } = failureOf(error);
    return { code: exitCode, lines: [`${code}: ${message}`], documents };
  }
}

describe('starling network check', () => {
  const config = (): string[] => ['--config', path.join(folder, 'shop.config.json')];

  test('tells what a network is made of, and that all compute the same', async () => {
    const { code, lines } = await runs(false, 'check', path.join(folder, 'mine.ts'), ...config());
    expect(lines.slice(0, 4)).toEqual([
      '7 parameters',
      '  parameter  shape  begins as',
      '  bias       [1]    zeros',
      '  gain       [6]    ones',
    ]);
    expect(lines.join('\n')).toMatch(/1 +addBias +\[n, 6\] +vectors \[n, 6\], gain \[1, 6\]/);
    expect(lines.filter((line) => /^ {2}(kernels|wasm) +within/.test(line))).toHaveLength(2);
    expect(lines.at(-1)).toBe('gradients are right, and all compute the same');
    expect(code).toBe(0);
  });

  test('takes the names of those there are, with features of each kind', async () => {
    const { code, documents } = await runs(true, 'check', 'fm');
    expect(code).toBe(0);
    const executors = expect.arrayContaining([expect.objectContaining({ name: 'kernels' })]);
    expect(documents).toMatchObject([{ network: 'fm', problems: [], executors }]);
  });

  test('says what does not fit, and what it does not know', async () => {
    const wrong = path.join(folder, 'wrong.ts');
    expect((await runs(false, 'check', wrong, ...config())).lines).toEqual([
      'CONFIG_INVALID: model.network: ./wrong.ts: parameters: gain: its columns are 6 numbers by what they are of, and 3 by its shape. Correct the named field, or place, of the configuration.',
    ]);
    const { code, lines } = await runs(false, 'check', 'nothing');
    expect(lines[0]).toMatch(/^USAGE: .*names? of a network: .*deepfm.*; got "nothing"/);
    expect(code).toBe(2);
    expect((await runs(false, 'look')).code).toBe(2);
  });
});
