import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from './field-names.js';
import type { Fields } from './file-mapping.js';
import type { ImportOptions } from './import-options.js';
import type { Happening, ImportedEntity, ImportSource } from './import-source.js';
import { type OpenedImport, openImport } from './open-import.js';

/** Files in a folder of their own, and what an import makes of them. */
export class ImportFiles {
  readonly folder: string;
  #imports = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<ImportFiles> {
    return new ImportFiles(await mkdtemp(join(tmpdir(), 'starling-import-')));
  }

  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, content);
    return path;
  }

  /** @param paths or what is written under that name. */
  async open(
    paths: readonly string[],
    options: Partial<ImportOptions> & { readonly fields?: Partial<Record<Role, Fields>> } = {},
  ): Promise<OpenedImport> {
    const { fields = {}, ...more } = options;
    return openImport({
      files: paths.map((path) => ({ path })),
      mapping: {
        fields: { events: {}, items: {}, users: {}, aliases: {}, ...fields },
        isExact: new Set(),
      },
      folder: join(this.folder, 'cache'),
      token: `building-${++this.#imports}`,
      nowMs: 1_800_000_000_000,
      ...more,
    });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function happeningsOf(source: ImportSource, after = 0): Promise<Happening[]> {
  const all: Happening[] = [];
  for await (const page of source.happenings(after)) all.push(...page);
  return all;
}

export async function entitiesOf(
  pages: AsyncIterable<readonly ImportedEntity[]>,
): Promise<ImportedEntity[]> {
  const all: ImportedEntity[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}

/** Of all that an import says, whatever the files were called. */
export async function digestOf(source: ImportSource): Promise<string> {
  const said = [
    await entitiesOf(source.items(0)),
    await entitiesOf(source.users(0)),
    await happeningsOf(source),
  ];
  return createHash('sha256').update(JSON.stringify(said)).digest('hex');
}
