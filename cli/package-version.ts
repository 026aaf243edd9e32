import { readFileSync } from 'node:fs';

/** Of the package that this program is a part of, as installed and in a checkout: beside `dist/`. */
export function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
