import { describe, expect, test } from '@jest/globals';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository keeps its own rules. */
const root = fileURLToPath(new URL('../../', import.meta.url));

const ignored = new Set(['node_modules', 'dist', '.starling', '.git', 'coverage']);

/** Files of the project whose names end so. */
function filesEnding(...endings: string[]): string[] {
  const walk = (folder: string): string[] =>
    readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const file = path.join(folder, entry.name);
      if (ignored.has(entry.name) || entry.name.startsWith('.build-')) return [];
      return entry.isDirectory() ? walk(file) : [file];
    });
  return walk('').filter((file) => endings.some((ending) => file.endsWith(ending)));
}

const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

describe('the rules of the linter', () => {
  /** The rules that need no types, as those are what is tested and the others take most of the time. */
  const linter = new ESLint({
    cwd: root,
    overrideConfig: [tseslint.configs.disableTypeChecked],
  });

  test.each([
    [
      'supervisor/epochs.ts',
      {
        '../actors/shared/dead-letter.js': 'kind name',
        '../site/nats-site.js': 'knows no cluster',
        '../tests/support/events-csv.js': 'nothing imports tests',
        nats: 'import runtime/nats/nats-bus.ts',
      },
    ],
    [
      'core/retrieval/slate.ts',
      { '../model/adam.js': 'siblings in core/', '../../messages/codec.js': 'core is pure' },
    ],
    ['site/nats-site.ts', { '../cluster/cluster.js': 'whoever uses them' }],
    ['replay/replay.ts', { '../audience/audience.js': 'the replay is a client' }],
  ])(
    'find wrong imports planted in %s',
    async (file, imports) => {
      const planted = Object.keys(imports).map((from) => `import '${from}';\n`);
      const [result] = await linter.lintText(planted.join(''), { filePath: file });
      const said = result!.messages.map(({ message }) => message).join('\n');
      for (const words of Object.values(imports)) expect(said).toContain(words);
    },
    120_000,
  );
});

describe('the documents', () => {
  test.each([
    ...['docs/errors.md', 'docs/subjects.md', 'docs/roles.md', 'docs/supervision.md'],
    'docs/blocks.md',
  ])('%s is what the code says; `npm run docs` writes it', async (file) => {
    const script = new URL('../../scripts/reference-pages.mjs', import.meta.url).href;
    const { referencePages } = (await import(script)) as {
      referencePages: () => Promise<Record<string, string>>;
    };
    expect(read(file)).toBe((await referencePages())[file]);
  });

  test('link only to what is there', () => {
    const broken = filesEnding('.md').flatMap((file) =>
      [...read(file).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)]
        .map(([, target]) => target!)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(path.join(root, path.dirname(file), target)))
        .map((target) => `${file}: ${target}`),
    );
    expect(broken).toEqual([]);
  });
});

describe('every machine', () => {
  const machines = filesEnding('.machine.ts');

  test('is found', () => expect(machines).not.toEqual([]));

  test.each(machines)('%s is walked by a test and drawn', (file) => {
    const name = path.basename(file, '.machine.ts');
    const walk = `tests/machines/${name}.test.ts`;
    expect(existsSync(path.join(root, walk)) ? read(walk) : `${walk} is missing`).toContain(
      `/${file.replace(/ts$/, 'js')}'`,
    );
    expect(read(walk)).toContain('describePaths(');
    expect(read('docs/supervision.md')).toContain(`(../${file})`);
  });
});

describe('the files', () => {
  test('hold no leftovers', () => {
    const leftovers = /\b(TODO|FIXME|XXX)\b|\b(describe|test)\.only\(|\/home\/[a-z]|\/Users\/[a-z]/;
    const found = filesEnding('.ts', '.mjs', '.md', '.json')
      .filter((file) => file !== 'tests/tidy.test.ts')
      .filter((file) => leftovers.test(read(file)));
    expect(found).toEqual([]);
  });

  test('name no registry in the lock file', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved": "http/);
  });
});
