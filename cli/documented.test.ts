import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { commonOptions, type Command } from './command.js';
import { commands } from './commands.js';
import { helpOf } from './help.js';

/** What documents and help say is there, and what is there is used. */
const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

const names = Object.keys(commands);
let loaded: Command[];

beforeAll(async () => {
  // One after the other: Jest loads modules wrongly side by side.
  loaded = [];
  for (const load of Object.values(commands)) loaded.push(await load());
});

function sourcesIn(folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.name.endsWith('.ts') && !entry.name.includes('.test.'))
    .map(({ name }) => read(`${folder}/${name}`));
}

describe('the help', () => {
  test('lists the name under which each command is called', () => {
    expect(loaded.map(({ name }) => name)).toEqual(names);
  });

  test('names no option that nothing reads', () => {
    const sources = [...sourcesIn('cli'), ...sourcesIn('cli/commands')].join('\n');
    // Whoever reads it spells its name, and not where it is declared.
    const used = (name: string): boolean => new RegExp(`(?<!name: )'${name}'`).test(sources);
    const idle = loaded.flatMap(({ name, options }) =>
      [...options, ...commonOptions]
        .filter((option) => option.hidden !== true && option.name !== 'json')
        .filter((option) => !used(option.name))
        .map((option) => `${name} --${option.name}`),
    );
    expect(idle).toEqual([]);
  });

  test('does not speak of what does not exist yet', () => {
    for (const command of loaded) expect(helpOf(command)).not.toMatch(/dashboard|HTTP/i);
    expect(read('docs/errors.md')).not.toMatch(/HTTP/);
  });
});

describe('the documents', () => {
  const files = [
    'README.md',
    'CHANGELOG.md',
    ...readdirSync(path.join(root, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];

  /** What stands in code, inline or in a block. */
  function codeIn(file: string): string[] {
    return [...read(file).matchAll(/```[a-z]*\n([\s\S]*?)```|`([^`\n]+)`/g)].flatMap(
      ([, block, inline]) => (block ?? inline ?? '').split('\n'),
    );
  }

  const calls = (line: string): RegExpMatchArray | null =>
    /^\s*(?:npx )?starling ([a-z][a-z-]*)([^#|]*)/.exec(line);

  test.each(files)('%s names only commands and options that exist', (file) => {
    const wrong = codeIn(file).flatMap((line) => {
      const [, name, rest = ''] = calls(line) ?? [];
      if (name === undefined) return [];
      const command = loaded.find((each) => each.name === name);
      if (!command) return [`${file}: starling ${name}`];
      const known = [...command.options, ...commonOptions].map((option) => option.name);
      return [...rest.matchAll(/(?:^|\s)--([a-z][a-z-]*)/g)]
        .map(([, option]) => option!)
        .filter((option) => !known.includes(option))
        .map((option) => `${file}: starling ${name} --${option}`);
    });
    expect(wrong).toEqual([]);
  });

  test.each(files)('%s names only scripts that exist', (file) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = codeIn(file).flatMap((line) =>
      [...line.matchAll(/npm run ([a-z][a-z:-]*)/g)].map(([, name]) => name!),
    );
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});
