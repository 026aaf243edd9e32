import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StarlingError } from '../core/base/errors.js';
import { nearestOf } from '../core/config/fields.js';
import { type Role, roles } from './field-names.js';
import { type IdentifiedFile, identified, importId } from './file-identity.js';
import { type Mapping, mappingOf } from './file-mapping.js';
import type { ImportOptions, MappedFile, NamedFile } from './import-options.js';
import type { FileReport, ImportReport } from './import-report.js';
import type { ImportSource } from './import-source.js';
import { openFile } from './open-file.js';
import { countsOf, order } from './ordering.js';
import { quoted } from './parquet-file.js';
import type { RowFile } from './row-file.js';
import { Staging, discard, keep, openDatabase } from './staging.js';
import { StagedSource } from './staged-source.js';
import { readRows } from './read-rows.js';

/** Another number: what was put in order before is read anew. */
const version = 1;
/** What is left of imports is taken away when another one begins so much later. */
const keptMs = 86_400_000;

export interface OpenedImport extends ImportSource {
  readonly report: ImportReport;
}

/**
 * Reads files, and puts what they say into an order. What was read before, of the same files in the same way, is there still.
 *
 * @throws StarlingError FILE_INVALID naming the file that can't be read or understood as a whole. Rows that can't be used are in
 *   the report, and whoever imports decides what becomes of the others.
 */
export async function openImport(options: ImportOptions): Promise<OpenedImport> {
  if (options.files.length === 0) throw new StarlingError('FILE_INVALID', 'there are no files.');
  const { folder, token } = options;
  await mkdir(folder, { recursive: true });
  await dropOld(folder);
  const temporary = join(folder, 'temporary');
  const looking = await openDatabase(':memory:', temporary);
  try {
    const mapped = await lookAt(options, looking.connection);
    const id = idOf(options, mapped);
    const path = join(folder, `${id}.duckdb`);
    if (!existsSync(path)) {
      await build(options, mapped, { path, temporary, building: join(folder, `${id}.${token}`) });
    }
    const { connection, close } = await openDatabase(path, temporary, true);
    return new StagedSource(id, connection, named(await reportIn(connection), mapped), close);
  } finally {
    looking.close();
    await removeTemporary(options.files);
  }
}

export async function removeTemporary(files: readonly NamedFile[]): Promise<void> {
  for (const { path, isTemporary } of files) if (isTemporary) await rm(path, { force: true });
}

/** What was read before may have had other names. */
function named(report: ImportReport, mapped: readonly MappedFile[]): ImportReport {
  const files = report.files.map((file, i) => ({ ...file, name: mapped[i]!.file.name }));
  return { ...report, files };
}

/** What the files are, before any of them is read as a whole. */
export async function lookAt(
  options: Pick<ImportOptions, 'files' | 'mapping' | 'encoding'>,
  connection: Parameters<typeof openFile>[1],
): Promise<MappedFile[]> {
  const { mapping, encoding } = options;
  const opened = await openAll(await identified(options.files), connection, encoding);
  refuseStrangers(
    mapping,
    opened.map(({ file }) => file),
    roles.filter((role) => !mapping.isExact.has(role)),
  );
  const mapped = opened.map(({ file, role, hash }) => ({
    ...{ file, hash },
    mapping: mappingOf(file, mapping, role),
  }));
  // What the configuration says of events does not matter where there are none.
  for (const role of mapping.isExact) {
    const files = mapped.filter((each) => each.mapping.role === role).map(({ file }) => file);
    if (files.length > 0) refuseStrangers(mapping, files, [role]);
  }
  return mapped;
}

type Opened = { file: RowFile; role: Role | undefined; hash: string };

async function openAll(
  files: readonly IdentifiedFile[],
  connection: Parameters<typeof openFile>[1],
  encoding: string | undefined,
): Promise<Opened[]> {
  const opened: Opened[] = [];
  for (const { path, name = nameOf(path), role, hash } of files)
    opened.push({ file: await openFile({ path, name, encoding }, connection), role, hash });
  return opened;
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** A column that no file has is a slip of the hand, and its field would silently be missing. */
function refuseStrangers(mapping: Mapping, files: readonly RowFile[], of: readonly Role[]): void {
  // Objects of JSON may have more keys than the first of them.
  if (files.some(({ format }) => format === 'json')) return;
  const columns = [...new Set(files.flatMap((file) => file.columns))];
  for (const [field, column] of of.flatMap((role) => Object.entries(mapping.fields[role]))) {
    if (columns.includes(column)) continue;
    const nearest = nearestOf(column, columns);
    const hint = nearest ? `did you mean ${nearest}?` : `there are ${columns.join(', ')}`;
    const text = `${field}=${column}: no file has a column ${column}; ${hint}.`;
    throw new StarlingError('FILE_INVALID', text, { field });
  }
}

function idOf(options: ImportOptions, mapped: readonly MappedFile[]): string {
  const { model, timezone, encoding, threshold } = options;
  return importId({
    ...{ version, timezone, encoding, threshold, model: model?.hash },
    ...typesOf(options.mapping),
    files: mapped.map(({ hash, mapping: { role, fields } }) => [hash, role, [...fields]]),
  });
}

/** Nothing where none is written otherwise: what was imported before they could be is the same still. */
function typesOf({ types = {} }: Mapping): { readonly types?: unknown } {
  const sorted = Object.entries(types).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.length === 0 ? {} : { types: sorted };
}

interface Places {
  readonly path: string;
  readonly temporary: string;
  readonly building: string;
}

async function build(
  options: ImportOptions,
  mapped: readonly MappedFile[],
  { path, temporary, building }: Places,
): Promise<void> {
  await discard(building);
  const { connection, close } = await openDatabase(building, temporary);
  try {
    const staging = await Staging.begin(connection);
    const reading = await openDatabase(':memory:', temporary);
    const files: FileReport[] = [];
    try {
      for (const [index, each] of mapped.entries()) {
        const again = await openFile(
          { ...each.file, encoding: options.encoding },
          reading.connection,
        );
        files.push(await readRows({ ...each, file: again }, index, staging, options));
      }
    } finally {
      reading.close();
    }
    await staging.close();
    await order(connection, options.nowMs);
    const report = JSON.stringify(reportOf(options, files, await countsOf(connection)));
    await connection.run(`create table report as select ${quoted(report)} as report`);
    await connection.run('checkpoint');
  } catch (cause) {
    close();
    await discard(building);
    throw cause;
  }
  close();
  await keep(building, path);
}

function reportOf(
  { model }: ImportOptions,
  files: readonly FileReport[],
  found: Awaited<ReturnType<typeof countsOf>>,
): ImportReport {
  const { firstMs, lastMs, ...counts } = found;
  const sum = (of: readonly FileReport[], value: (file: FileReport) => number): number =>
    of.reduce((total, file) => total + value(file), 0);
  const refusedIn = (file: FileReport): number =>
    file.refused.reduce((total, { count }) => total + count, 0);
  const events = files.filter(({ role }) => role === 'events');
  const timed = files.filter((file) => file.columns.some(({ becomes }) => becomes === 'timestamp'));
  const entities = { item: 'items', user: 'users' } as const;
  const isTimed = (feature: string): boolean =>
    timed.some(({ role }) => role === entities[feature.startsWith('item.') ? 'item' : 'user']);
  return {
    files,
    counts: {
      ...counts,
      eventRows: sum(events, ({ rows }) => rows),
      refused: sum(files, refusedIn),
      refusedEvents: sum(events, refusedIn),
      timeless: sum(events, ({ timeless }) => timeless),
      behind: sum(events, ({ behind }) => behind ?? 0),
    },
    ...(firstMs === undefined ? {} : { firstMs, lastMs }),
    asOfToday: (model?.features ?? []).filter((feature) => !isTimed(feature)),
  };
}

async function reportIn(connection: Parameters<typeof openFile>[1]): Promise<ImportReport> {
  const found = await connection.runAndReadAll('select report from report');
  return JSON.parse(String(found.getRows()[0]![0])) as ImportReport;
}

/** Of imports that were ended long ago, or never came to an end. */
async function dropOld(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const { mtimeMs } = await stat(path);
    if (new Date().getTime() - mtimeMs > keptMs) await rm(path, { recursive: true, force: true });
  }
}
