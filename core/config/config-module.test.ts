import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const features = "features: { item: { entity: 'item', kind: 'id' } }";
const own = fileURLToPath(new URL('../../../cluster.config.ts', import.meta.url));

/** What is imported, beside the configurations. */
const beside: Readonly<Record<string, string>> = {
  'windows.ts': 'enum Unit { ms = 1 }\nexport const windowMs: number = 60_000 * Unit.ms;',
  'sub/more.mts': "import { windowMs } from '../windows';\nexport const more = windowMs / 10_000;",
  'numbers.json': '\uFEFF{ "standby": 1 }',
  'broken.json': '{"standby": }',
  'fails.ts': "export function fail(): number {\n  throw new Error('no luck');\n}",
  'name.txt': 'shop',
  'node_modules/left/package.json': '{ "name": "left", "main": "main.js" }',
  'node_modules/left/main.js': 'exports.one = 1;',
};

/** By file: what it says, and the name and number of partitions that are made of it. */
const good: Readonly<Record<string, readonly [text: string, name: string, partitions: number]>> = {
  'own-name.ts': [
    `import { defineCluster } from 'starling/config';
     import type { ClusterConfigInput } from 'starling';
     const config: ClusterConfigInput = { name: 'shop', ${features} };
     export default defineCluster(config);`,
    ...(['shop', 8] as const),
  ],
  'long-name.mts': [
    `import { defineCluster } from 'starling-recommender/config';
     export default defineCluster({ ${features} });`,
    ...(['starling', 8] as const),
  ],
  'files.ts': [
    `import { windowMs } from './windows';
     import { more } from './sub/more.mjs';
     import numbers from './numbers.json' with { type: 'json' };
     export default { ${features}, joining: { windowMs }, partitions: more, ...numbers };`,
    ...(['starling', 6] as const),
  ],
  'packages.ts': [
    `import { readFileSync } from 'node:fs';
     import { createRequire } from 'node:module';
     import left from 'left';
     import { z } from 'zod';
     const require = createRequire(import.meta.url);
     const name = readFileSync(new URL('./name.txt', import.meta.url), 'utf8');
     const partitions = z.int().parse(await Promise.resolve(left.one + require('left').one));
     export default { name, ${features}, partitions };`,
    ...(['shop', 2] as const),
  ],
  'common.cjs': [
    `const path = require('node:path'); const { windowMs } = require('./windows');
     module.exports = { name: path.basename(__dirname + '/shop'), ${features}, partitions: windowMs / 15_000 };`,
    ...(['shop', 4] as const),
  ],
  'common.js': [`module.exports = { ${features} };`, 'starling', 8],
  'translated.cjs': [
    `Object.defineProperty(exports, '__esModule', { value: true }); exports.default = { ${features} };`,
    ...(['starling', 8] as const),
  ],
};

/** By file: what it says, and what is said of it. */
const wrong: Readonly<Record<string, readonly [text: string, message: string]>> = {
  'syntax.ts': ['export default {\n  name: = 3,\n};', 'syntax.ts:2:9: Unexpected "="'],
  'export.ts': [
    `import { windws } from './windows';\nexport default { joining: { windowMs: windws } };`,
    'export.ts:1:10: No matching export in "windows.ts" for import "windws"',
  ],
  'own-export.ts': [
    "import { defineClustr } from 'starling/config';\nexport default defineClustr({});",
    'own-export.ts:1:10: No matching export in "starling/config" for import "defineClustr". Did you mean to import "defineCluster" instead?',
  ],
  'file.ts': [
    "import { a } from './nothing';\nexport default { a };",
    'file.ts:1:19: Could not resolve "./nothing"',
  ],
  'package.ts': [
    "import { a } from 'nothing-at-all';\nexport default { a };",
    'package.ts:1:19: There is no package "nothing-at-all" above this folder',
  ],
  'json.ts': [
    "import numbers from './broken.json';\nexport default numbers;",
    'broken.json:1:13: Unexpected "}" in JSON',
  ],
  'throws.ts': [
    "import { fail } from './fails';\nexport default { partitions: fail() };",
    'fails.ts:2:9: no luck',
  ],
  'unknown.mjs': [
    'export default { partitions: eight };',
    'unknown.mjs:1:30: eight is not defined',
  ],
  'text.ts': ["throw 'no luck';", "text.ts: can't be loaded: no luck"],
  'none.ts': [
    'const config = {};',
    'none.ts: expected a default export: export default defineCluster({ … }); it exports nothing',
  ],
  'named.ts': [
    'export const config = {};',
    'named.ts: expected a default export: export default defineCluster({ … }); it exports config',
  ],
  'function.ts': [
    'export default () => ({});',
    'function.ts: expected export default defineCluster({ … }); it exports a function, so call it there',
  ],
  'promise.ts': [
    'export default Promise.resolve({});',
    'promise.ts: expected export default defineCluster({ … }); it exports a promise: export default await …',
  ],
};

let folder = '';
let before: readonly string[];
/** What was made of each file, or the message. */
let outcomes: Readonly<Record<string, unknown>>;

/** In a process of its own, as the command line does: Jest finds modules in other ways than Node. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-anywhere-'));
  const texts = Object.entries({ ...good, ...wrong }).map(
    ([name, [text]]) => [name, text] as const,
  );
  for (const [name, text] of [...Object.entries(beside), ...texts]) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  await copyFile(own, join(folder, 'copy.config.ts'));
  before = await readdir(folder);
  const loader = new URL('./load.js', import.meta.url).href;
  const script = `const { loadClusterConfig } = await import('${loader}');
    const outcomes = {};
    for (const file of process.argv.slice(1))
      outcomes[file] = await loadClusterConfig(file).then(({ name, partitions }) => ({ name, partitions }), ({ message }) => message);
    console.log(JSON.stringify(outcomes));`;
  const files = [...texts.map(([name]) => name), 'copy.config.ts'];
  const args = ['--input-type=module', '-e', script, ...files];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  outcomes = JSON.parse(stdout) as typeof outcomes;
});
afterAll(() => rm(folder, { recursive: true }));

describe('a configuration that lies anywhere', () => {
  test.each(Object.entries(good))('%s is read', (file, [, name, partitions]) => {
    expect(outcomes[file]).toEqual({ name, partitions });
  });

  test("a copy of the project's own is one", () => {
    expect(outcomes['copy.config.ts']).toEqual({ name: 'starling', partitions: 8 });
  });

  test('nothing is left beside it', async () => expect(await readdir(folder)).toEqual(before));
});

test.each(Object.entries(wrong))('%s is refused with its place', (file, [, message]) => {
  expect(outcomes[file]).toBe(message);
});
