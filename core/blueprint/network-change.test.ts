import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf, messageOf } from '../base/errors.js';
import { loadClusterConfig } from '../config/load.js';
import { parseClusterConfig, type ClusterConfig } from '../config/schema.js';
import { blueprintOf, initialParameters, parameterCounts } from './blueprint.js';
import { succeeding } from './lineage.js';
import { changesBetween } from './network-change.js';

const features = `{ user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' }, price: { entity: 'item', kind: 'dense', normalisation: { method: 'standard', mean: 0, deviation: 1 } } }`;

/** A layer over the vectors beside the first-order part. */
const layer = (units: number, more = '') => `
import { defineNetwork, linearParameters, linearTerms, inputsOf, inputParts, partsWidth, headParameters, withOwn } from 'starling/config';
import { relu } from './lib/relu';
${more}
export default defineNetwork({
  parameters: (spec) => [
    ...linearParameters(spec),
    ...headParameters(spec),
    { name: 'hidden.kernel', shape: [partsWidth(inputParts, spec), ${units}], initial: 'glorot', rows: inputParts },
    { name: 'out', shape: [${units}, spec.heads], initial: 'glorot', columns: 'heads' },
  ],
  forward: (blocks, inputs, parameters, spec) => {
    const units = blocks.denseLayer(inputsOf(blocks, inputs), parameters.matrix('hidden.kernel'), null, relu);
    return withOwn(blocks, linearTerms(blocks, inputs, parameters), blocks.denseLayer(units, parameters.matrix('out'), null, false), parameters, spec);
  },
});`;

/** Two vectors of 16, the number, and whether it is missing; and the numbers of the first-order part, its bias first. */
const inputs = 34;
const linear = 3;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-network-'));
  await mkdir(join(folder, 'nets', 'lib'), { recursive: true });
  await writeFile(join(folder, 'nets', 'lib', 'relu.ts'), 'export const relu: boolean = true;');
  await writeFile(
    join(folder, 'shop.config.ts'),
    `import { defineCluster } from 'starling/config';
     export default defineCluster({ features: ${features}, organic: { negatives: 0 }, model: { network: './nets/mine.ts' } });`,
  );
});
afterAll(() => rm(folder, { recursive: true }));

async function with_(network: string): Promise<ClusterConfig> {
  await writeFile(join(folder, 'nets', 'mine.ts'), network);
  return loadClusterConfig(join(folder, 'shop.config.ts'));
}

async function problemOf(network: string): Promise<string> {
  try {
    blueprintOf(await with_(network));
    return 'none';
  } catch (error) {
    return `${codeOf(error)}: ${messageOf(error)}`;
  }
}

describe('a network of one’s own', () => {
  test('is read with the configuration, with what it imports, and is part of what is hashed', async () => {
    const config = await with_(layer(6));
    expect(config.model.network).toBe('./nets/mine.ts');
    expect(parseClusterConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
    const blueprint = blueprintOf(config);
    expect(parameterCounts(blueprint).network).toBe(linear + inputs * 6 + 6);
    expect(initialParameters(blueprint).some((value) => value !== 0)).toBe(true);
    expect(blueprintOf(await with_(layer(6, '// A comment is no change.'))).hash).toBe(
      blueprint.hash,
    );
    expect(blueprintOf(await with_(layer(7))).hash).not.toBe(blueprint.hash);
    const builtIn = parseClusterConfig({ ...config, model: { network: 'deepfm' } });
    expect(blueprintOf(builtIn).hash).not.toBe(blueprint.hash);
  });

  test('that changes keeps what keeps its name and shape', async () => {
    const before = await with_(layer(6));
    const same = await with_(layer(6).replace("'./lib/relu'", "'./lib/relu.js'"));
    expect(changesBetween(before, same)).toEqual([]);

    const bent = await with_(layer(6).replace('null, relu)', 'null, !relu)'));
    expect(changesBetween(before, bent)).toMatchObject([
      { path: 'model.networkCode', effect: 'kept', before: /^[\da-f]{16}$/ },
    ]);

    const wider = await with_(layer(7));
    const changes = changesBetween(before, wider);
    expect(changes).toMatchObject([
      {
        path: 'model.networkCode',
        effect: 'starts cold',
        why: /^hidden\.kernel, out begin anew/,
      },
    ]);
    const after = succeeding(before, wider, changes);
    const blueprint = blueprintOf(after);
    const earlier = blueprint.earlier.get(blueprintOf(before).hash)!;
    const learned = Float32Array.from({ length: earlier.parameterCount }, (_, i) => 100 + i);
    const fresh = initialParameters(blueprint);
    const carried = earlier.parameters(learned);
    expect([...carried.slice(0, linear)]).toEqual([100, 101, 102]);
    expect(carried.slice(linear, linear + inputs * 7 + 7)).toEqual(
      fresh.slice(linear, linear + inputs * 7 + 7),
    );

    const renamed = await with_(layer(6).replaceAll("'out'", "'output'"));
    const kept = blueprintOf(succeeding(before, renamed, changesBetween(before, renamed)));
    const mapped = kept.earlier.get(blueprintOf(before).hash)!.parameters(learned);
    expect([...mapped.slice(0, linear + inputs * 6)]).toEqual([
      ...learned.slice(0, linear + inputs * 6),
    ]);
    expect(mapped[linear + inputs * 6]).toBeLessThan(100);
  });

  test('goes on by name when features come and go', async () => {
    const before = await with_(layer(3));
    const wider = { brand: { entity: 'item', kind: 'id' }, ...before.features };
    const after = parseClusterConfig({ ...before, features: wider });
    const changes = changesBetween(before, after);
    expect(changes.map(({ effect, path }) => `${effect}: ${path}`)).toEqual([
      'starts cold: features.brand',
    ]);
    const { earlier } = blueprintOf(succeeding(before, after, changes));
    const model = earlier.get(blueprintOf(before).hash)!;
    const learned = Float32Array.from({ length: model.parameterCount }, (_, i) => 100 + i);
    const carried = model.parameters(learned);
    const slots = blueprintOf(after).spec.slots.map(({ name }) => name);
    const row = (carriedSlot: string) => linear + slots.indexOf(carriedSlot) * 16 * 3;
    expect(carried[row('brand')]).toBe(0);
    const slotsThen = blueprintOf(before).spec.slots.map(({ name }) => name);
    for (const name of slotsThen)
      expect(carried[row(name)]).toBe(100 + linear + slotsThen.indexOf(name) * 16 * 3);
  });

  test('in place of one of Starling, or the other way round, is another network', async () => {
    const own = await with_(layer(6));
    const model = { ...own.model, network: 'deepfm', networkCode: undefined };
    const builtIn = parseClusterConfig(JSON.parse(JSON.stringify({ ...own, model })));
    for (const [before, after] of [
      [own, builtIn],
      [builtIn, own],
    ] as const)
      expect(changesBetween(before, after)).toMatchObject([
        { path: 'model.network', effect: 'forgets', forgets: 'model.network' },
      ]);
  });

  test.each([
    ['no default export', 'export const mine = 1;', 'it exports mine'],
    ['something else', 'export default 5;', 'it exports something else'],
    [
      'what does not fit',
      layer(6).replace(
        "shape: [6, spec.heads], initial: 'glorot'",
        "shape: [5, spec.heads], initial: 'glorot'",
      ),
      './nets/mine.ts: denseLayer([n, 6], out [5, 1], null, false): out has 5 inputs, not 6',
    ],
    [
      'a parameter that is not declared',
      layer(6).replace("matrix('out')", "matrix('outt')"),
      'the network uses parameter "outt", which it does not declare',
    ],
    [
      'rows that are not what they are said to be of',
      layer(6).replace('[partsWidth(inputParts, spec), 6]', '[9, 6]'),
      'parameters: hidden.kernel: its rows are 34 numbers by what they are of, and 9 by its shape',
    ],
    [
      'a part that there is not',
      layer(6).replace('inputsOf, ', 'inputOf, ').replace('inputsOf(', 'inputOf('),
      '"starling/config" exports no inputOf to a network',
    ],
    [
      'a block that there is not',
      layer(6).replace('blocks.denseLayer', 'blocks.dense'),
      'there is no block dense',
    ],
    [
      'logits of another shape',
      layer(6).replace('return withOwn', 'return units; return withOwn'),
      'forward: expected logits [n, 1]; got [n, 6]',
    ],
    [
      'an import from outside',
      `import { readFileSync } from 'node:fs';${layer(6)}\nreadFileSync('x');`,
      'mine.ts:1:30: A network is a function of what it is given, and can\'t import "node:fs"',
    ],
    [
      'a mistake of syntax',
      'export default {',
      'mine.ts:1:17: Expected identifier but found end of file',
    ],
  ])('is refused: %s', async (_what, network, text) => {
    const problem = await problemOf(network);
    expect(problem).toMatch(/^CONFIG_INVALID: /);
    expect(problem).toContain('model.network: ');
    expect(problem).toContain(text);
  });

  test('is refused where its file is not, or nobody has read it', async () => {
    await writeFile(
      join(folder, 'none.json'),
      JSON.stringify({
        features: { item: { entity: 'item', kind: 'id' } },
        model: { network: './no.ts' },
      }),
    );
    await expect(loadClusterConfig(join(folder, 'none.json'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/model\.network: there is no such file: .*no\.ts/),
    });
    const { features: declared } = await with_(layer(6));
    expect(() => parseClusterConfig({ features: declared, model: { network: './no.ts' } })).toThrow(
      'model.network: expected ./no.ts to be read with the file of a configuration',
    );
    expect(() => parseClusterConfig({ features: declared, model: { networkCode: 'x' } })).toThrow(
      'model.networkCode: expected none with network deepfm',
    );
    expect(() => parseClusterConfig({ features: declared, model: { network: 'deep' } })).toThrow(
      'or the file of one of your own, such as ./my-network.ts; got "deep"',
    );
  });
});
