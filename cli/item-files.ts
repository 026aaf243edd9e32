import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { clientOn } from '../client/client.js';
import { StarlingError, messageOf } from '../core/base/errors.js';
import { parseJson } from '../core/base/json-text.js';
import { loadClusterConfig } from '../core/config/load.js';
import { featureSpecOf } from '../core/features/feature-spec.js';
import { AttributeReader } from '../messages/attribute-reader.js';
import { parseEntityChange } from '../messages/public.js';
import type { ItemFileMode, ItemLoadResult, ItemRow } from '../operations/item-files/load-items.js';
import { itemFileModes, loadItems } from '../operations/item-files/load-items.js';
import { presentItems } from '../operations/item-files/present-items.js';
import { invalidFile, readCsv } from '../replay/csv-file.js';
import { withAdmin } from './cluster-access.js';
import type { Arguments, Output } from './command.js';
import { UsageError, exitCode } from './command.js';

export const loadOptions = [
  { name: 'mode', value: 'MODE', text: 'of load: patch (default), or replace' },
  {
    name: 'absent-max',
    value: 'SHARE',
    text: 'of load: of all items, what a file may lack (default 0.1)',
  },
  { name: 'config', value: 'FILE', text: 'of load: configuration of the cluster' },
  { name: 'dry-run', text: 'of load: says what it would do, and does nothing' },
] as const;

const absentMaxDefault = 0.1;
/** Of a part, however busy the cluster is with those before it. */
const sendMsMax = 60_000;

/** Brings items to what a file says, and tells what that was. */
export async function loadFile(args: Arguments, out: Output): Promise<number> {
  const [, file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0) throw new UsageError('items load: expected one file.');
  const mode = modeOf(args.value('mode') ?? 'patch');
  const absentMax = shareOf(args.value('absent-max'));
  const config = await loadClusterConfig(args.value('config'));
  const reader = new AttributeReader(featureSpecOf(config.features), config.attributes);
  const log = pino({ level: 'error' }, pino.destination(2));
  const result = await withAdmin(args, async (bus) => {
    const present = await presentItems({ bus, config, log });
    const client = clientOn(bus, sendMsMax);
    return loadItems({
      ...{ present, reader, mode, absentMax },
      rows: () => rowsOf(file),
      send: (items) => client.ingestItems(items),
      nowMs: Date.now(),
      dryRun: args.has('dry-run'),
    });
  });
  tell(result, out);
  return exitCode.ok;
}

function tell(result: ItemLoadResult, out: Output): void {
  const { added, changed, unchanged, hidden, broughtBack, unreadable, unreadableExample } = result;
  if (out.json) return out.document(result);
  const back = broughtBack > 0 ? ` (${broughtBack} brought back)` : '';
  out.line(
    `${added} added, ${changed} changed${back}, ${unchanged} unchanged, ${hidden} hidden; ${result.rows} rows`,
  );
  if (unreadable > 0) out.note(`${unreadable} values can't be read, such as ${unreadableExample}`);
}

function modeOf(text: string): ItemFileMode {
  const mode = itemFileModes.find((each) => each === text);
  if (!mode) throw new UsageError(`--mode: expected ${itemFileModes.join(' or ')}; got "${text}".`);
  return mode;
}

function shareOf(text: string | undefined): number {
  if (text === undefined) return absentMaxDefault;
  const share = text.trim() === '' ? NaN : Number(text);
  if (share >= 0 && share <= 1) return share;
  throw new UsageError(`--absent-max: expected a share from 0 to 1; got "${text}".`);
}

const linesMax = 1_000;

async function* rowsOf(file: string): AsyncGenerator<readonly ItemRow[]> {
  if (/\.csv(\.gz)?$/i.test(file)) {
    yield* csvRows(file);
    return;
  }
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  let rows: ItemRow[] = [];
  let line = 0;
  try {
    for await (const text of lines) {
      line++;
      if (text.trim() === '') continue;
      rows.push(
        rowOf(file, line, (): unknown =>
          parseJson(line === 1 ? text.replace(/^\uFEFF/, '') : text),
        ),
      );
      if (rows.length < linesMax) continue;
      yield rows;
      rows = [];
    }
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ENOENT')
      throw invalidFile(file, `there is no such file: ${file}`, {}, cause);
    throw cause;
  }
  if (rows.length > 0) yield rows;
}

async function* csvRows(file: string): AsyncGenerator<readonly ItemRow[]> {
  for await (const { columns, rows, lines } of readCsv(file, ['item']))
    yield rows.map((row, r) =>
      rowOf(file, lines[r]!, (): unknown => {
        const fields = columns.map((name, c) => {
          const isBlank = row[c]!.trim() === '';
          return [name, isBlank && name !== 'item' ? null : row[c]!] as const;
        });
        return Object.fromEntries(fields);
      }),
    );
}

/** @throws StarlingError FILE_INVALID with the line. */
function rowOf(file: string, line: number, parse: () => unknown): ItemRow {
  try {
    const { id, attributes, deleted, mode } = parseEntityChange('items', parse());
    if (deleted || mode !== 'patch')
      throw new StarlingError('FILE_INVALID', 'expected attributes only, without mode or deleted');
    return { id, attributes };
  } catch (cause) {
    throw invalidFile(file, messageOf(cause), { line }, cause);
  }
}
