import { createWriteStream, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../core/base/errors.js';
import { loadClusterConfig } from '../core/config/load.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { type EventField, type Role, roleFields, roles } from '../importing/field-names.js';
import { isEncoding } from '../importing/file-text.js';
import { type Fields, type Mapping, mapOfText } from '../importing/file-mapping.js';
import { filesOf, isPattern } from '../importing/glob.js';
import type { ImportOptions, NamedFile } from '../importing/import-options.js';
import { modelOf } from '../importing/model-of.js';
import { makeFolders } from '../runtime/os/make-folders.js';
import type { Arguments, OptionHelp } from './command.js';
import { UsageError } from './command.js';
import { zoneOf } from './timezone.js';

/** What the command line and the configuration say of files to be read. */
export const fileOptions: readonly OptionHelp[] = [
  {
    name: 'config',
    value: 'FILE',
    text: 'configuration; its `files` says which column is which (default: the one here that is called *.config.ts)',
  },
  {
    name: 'map',
    value: 'MAP',
    text: 'which column is which, such as user=customer_id,item=sku,type=event; the rest is guessed. type:add_to_cart=cart: what is written so is of the type cart',
  },
  ...roles.map((role) => ({
    name: role,
    value: 'FILE',
    text: `a file of ${role}, where its columns do not tell; a pattern such as 'day-*.csv' names several`,
  })),
  {
    name: 'timezone',
    value: 'ZONE',
    text: 'of times that name none, such as Europe/Berlin (default: of the configuration, else UTC)',
  },
  { name: 'threshold', value: 'N', text: 'from what rating on something is liked' },
  {
    name: 'encoding',
    value: 'NAME',
    text: 'of texts that are no UTF-8, such as windows-1252; a byte order mark says more',
  },
  {
    name: 'cache',
    value: 'DIR',
    text: 'where rows are put in order (default ~/.cache/starling/imports); about as large as the files',
  },
];

export interface ImportPlan {
  readonly options: ImportOptions;
  readonly config: ClusterConfig | undefined;
  /** For a person; undefined where there is none. */
  readonly configFile: string | undefined;
}

/** Files that can be of this role alone, where the command says so; else they are all that the arguments name. */
export interface FilesOfRole {
  readonly files: readonly string[];
  readonly role: Role;
}

/** @throws UsageError, StarlingError CONFIG_INVALID, FILE_INVALID */
export async function importPlanOf(args: Arguments, only?: FilesOfRole): Promise<ImportPlan> {
  const configFile = args.value('config') ?? (await configHere());
  const config = configFile === undefined ? undefined : await loadClusterConfig(configFile);
  return {
    ...{ config, configFile },
    options: {
      ...(await filePlanOf(args, config, only)),
      ...{ token: `${process.pid}.building`, nowMs: Date.now() },
      model: config && modelOf(config),
      timezone: zoneOf(args.value('timezone')) ?? config?.timezone,
      threshold: thresholdFrom(args) ?? config?.files?.events?.threshold,
    },
  };
}

/** Which files, and what is said of them. @throws UsageError */
export async function filePlanOf(
  args: Arguments,
  config: ClusterConfig | undefined,
  only?: FilesOfRole,
): Promise<Pick<ImportOptions, 'files' | 'folder' | 'encoding' | 'mapping'>> {
  const folder = path.resolve(args.value('cache') ?? cacheDefault());
  const encoding = args.value('encoding');
  if (encoding !== undefined && !isEncoding(encoding)) {
    const some = 'utf-8, windows-1252 and iso-8859-15 are some';
    throw new UsageError(`--encoding: there is no encoding "${encoding}"; ${some}.`);
  }
  const files = await filesFrom(args, folder, only);
  return { files, folder, encoding, mapping: mappingFrom(args, config) };
}

function cacheDefault(): string {
  const base = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
  return path.join(base, 'starling', 'imports');
}

/** The one configuration of the folder one stands in; of several nobody knows which is meant. */
async function configHere(): Promise<string | undefined> {
  const names = (await readdir('.')).filter((name) => /\.config\.(ts|mts|js|mjs|json)$/.test(name));
  const ours = names.filter(
    (name) => !/^(jest|eslint|vite|vitest|webpack|rollup|tailwind|postcss|babel|next)/.test(name),
  );
  return ours.length === 1 && ours[0] !== 'cluster.config.ts' ? ours[0] : undefined;
}

function mappingFrom(args: Arguments, config: ClusterConfig | undefined): Mapping {
  const { fields: said, types } = saidMap(args.value('map'));
  const unknown =
    config && Object.values(types).find((type) => !Object.hasOwn(config.events, type));
  if (config && unknown !== undefined) {
    const known = Object.keys(config.events).join(', ');
    throw new UsageError(`--map: there is no type of event ${unknown}; there are ${known}.`);
  }
  const named = config?.files;
  const fields = Object.fromEntries(
    roles.map((role) => [role, { ...columnsOf(role, named?.[role]), ...within(role, said) }]),
  ) as Record<Role, Fields>;
  return {
    fields,
    types: { ...named?.events?.types, ...types },
    isExact: new Set(roles.filter((role) => named?.[role] !== undefined)),
  };
}

function saidMap(text: string | undefined): ReturnType<typeof mapOfText> {
  try {
    return mapOfText(text ?? '');
  } catch (cause) {
    throw new UsageError(`--map: ${messageOf(cause)}.`, { cause });
  }
}

/** What the configuration says beside columns is not of columns. */
function columnsOf(role: Role, named: object = {}): Fields {
  const entries = Object.entries(named) as [EventField, unknown][];
  return Object.fromEntries(
    entries.filter(([field, column]) => isOf(role, field) && typeof column === 'string'),
  );
}

function within(role: Role, fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([field]) => isOf(role, field as EventField) && isMeant(role, field),
    ),
  );
}

const isOf = (role: Role, field: EventField): boolean =>
  (roleFields[role] as readonly EventField[]).includes(field);

/** A time is said of events. */
const isMeant = (role: Role, field: string): boolean => role === 'events' || field !== 'timestamp';

function thresholdFrom(args: Arguments): number | undefined {
  const text = args.value('threshold');
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new UsageError(`--threshold: expected a number; got "${text}".`);
}

async function filesFrom(
  args: Arguments,
  folder: string,
  only: FilesOfRole | undefined,
): Promise<NamedFile[]> {
  const files: NamedFile[] = [];
  if (only) {
    for (const file of only.files) files.push(...(await named(file, only.role, folder)));
    return files;
  }
  for (const positional of args.positionals)
    files.push(...(await named(positional, undefined, folder)));
  for (const role of roles) {
    const value = args.value(role);
    if (value !== undefined) files.push(...(await named(value, role, folder)));
  }
  if (files.length === 0) throw new UsageError('name the files.');
  return files;
}

async function named(text: string, role: Role | undefined, folder: string): Promise<NamedFile[]> {
  if (text === '-')
    return [{ path: await spooled(folder), name: 'standard input', isTemporary: true, role }];
  if (existsSync(text) || !isPattern(text)) return [{ path: text, role }];
  const found = await filesOf(text);
  if (found.length === 0) throw new UsageError(`no file is called like ${text}.`);
  return found.map((each) => ({ path: each, role }));
}

/** What comes from a pipe is read twice: to see what it is, and for good. */
async function spooled(folder: string): Promise<string> {
  await makeFolders(folder);
  const file = path.join(folder, `standard-input.${process.pid}`);
  await pipeline(process.stdin, createWriteStream(file));
  return file;
}
