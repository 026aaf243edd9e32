import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Files that a pattern names, as a shell does it, for where none did: `*`, `?`, `[a-z]`, `{a,b}`, and `**` for folders. */
export async function filesOf(pattern: string): Promise<string[]> {
  const found: string[] = [];
  for (const each of alternatives(pattern)) found.push(...(await matching(each)));
  return [...new Set(found)].sort();
}

export const isPattern = (text: string): boolean => /[*?[\]{}]/.test(text);

function alternatives(pattern: string): string[] {
  const braces = /^(.*?)\{([^{}]*)\}(.*)$/.exec(pattern);
  if (!braces) return [pattern];
  const [, before = '', list = '', after = ''] = braces;
  return list.split(',').flatMap((each) => alternatives(before + each + after));
}

async function matching(pattern: string): Promise<string[]> {
  const isWhole = pattern.startsWith('/');
  const parts = pattern.split('/').filter((part) => part !== '' && part !== '.');
  return walk(isWhole ? '/' : '.', parts);
}

async function walk(folder: string, parts: readonly string[]): Promise<string[]> {
  const [part, ...rest] = parts;
  if (part === undefined) return [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []); // What can't be looked into has none.
  if (part === '**') {
    const folders = entries.filter((entry) => entry.isDirectory());
    const deeper = await Promise.all(folders.map(({ name }) => walk(join(folder, name), parts)));
    return [...(await walk(folder, rest)), ...deeper.flat()];
  }
  if (part === '..') return walk(join(folder, part), rest);
  const isMatch = matcherOf(part);
  const found: string[] = [];
  for (const entry of entries.filter(({ name }) => isMatch(name))) {
    const path = join(folder, entry.name);
    if (rest.length > 0) found.push(...(await walk(path, rest)));
    else if (!entry.isDirectory()) found.push(path);
  }
  return found;
}

function matcherOf(part: string): (name: string) => boolean {
  const source = part.replace(/\[!?[^\]]*\]|[*?.+^${}()|\\[\]]/g, (found) => {
    if (found === '*') return '.*';
    if (found === '?') return '.';
    if (found.length > 1 && found.startsWith('['))
      return found.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
    return `\\${found}`;
  });
  const pattern = new RegExp(`^${source}$`);
  // A hidden file is meant only by who says so.
  return (name) => pattern.test(name) && (!name.startsWith('.') || part.startsWith('.'));
}
