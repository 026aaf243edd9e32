import { openImport } from '../importing/open-import.js';
import type { ItemFileMode } from '../operations/item-files/load-items.js';
import { itemFileModes } from '../operations/item-files/load-items.js';
import { loadSource } from '../operations/item-files/load-source.js';
import { StarlingError } from '../core/base/errors.js';
import { withAdmin } from './cluster-access.js';
import type { Arguments, Output } from './command.js';
import { UsageError, exitCode } from './command.js';
import { refusalText } from './import-lines.js';
import { fileOptions, importPlanOf } from './import-plan.js';
import { itemLoadText } from './item-load-text.js';
import { runningConfig } from './running-config.js';

const ofLoad = ['map', 'encoding', 'config', 'cache'];

export const loadOptions = [
  {
    name: 'mode',
    value: 'MODE',
    text: 'of load: patch, or replace (default: as `files.items` says, else patch)',
  },
  {
    name: 'absent-max',
    value: 'SHARE',
    text: 'of load: of all items, what a file may lack (default: as `files.items` says, else 0.1)',
  },
  { name: 'dry-run', text: 'of load: says what it would do, and does nothing' },
  ...fileOptions
    .filter(({ name }) => ofLoad.includes(name))
    .map((option) => ({ ...option, text: `of load: ${option.text}` })),
];

const absentMaxDefault = 0.1;

/** Brings items to what files say, and tells what that was. */
export async function loadFile(args: Arguments, out: Output): Promise<number> {
  const [, ...files] = args.positionals;
  if (files.length === 0) throw new UsageError('items load: name the files.');
  const said = args.value('mode');
  const mode = said === undefined ? undefined : modeOf(said);
  const absentMax = shareOf(args.value('absent-max'));
  const { options, config: given } = await importPlanOf(args, { files, role: 'items' });
  const source = await openImport(options);
  try {
    if (source.counts.refused > 0)
      throw new StarlingError('FILE_INVALID', refusalText(source.report));
    const result = await withAdmin(args, async (bus) => {
      const config = await runningConfig(bus, given);
      const { items } = config.files ?? {};
      return loadSource({
        ...{ bus, config, source, dryRun: args.has('dry-run') },
        mode: mode ?? items?.mode ?? 'patch',
        absentMax: absentMax ?? items?.absentMax ?? absentMaxDefault,
      });
    });
    const { unreadable, unreadableExample } = result;
    if (out.json) out.document(result);
    else out.line(itemLoadText(result));
    if (!out.json && unreadable > 0)
      out.note(`${unreadable} values can't be read, such as ${unreadableExample}`);
    return exitCode.ok;
  } finally {
    await source.close();
  }
}

function modeOf(text: string): ItemFileMode {
  const mode = itemFileModes.find((each) => each === text);
  if (!mode) throw new UsageError(`--mode: expected ${itemFileModes.join(' or ')}; got "${text}".`);
  return mode;
}

function shareOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const share = text.trim() === '' ? NaN : Number(text);
  if (share >= 0 && share <= 1) return share;
  throw new UsageError(`--absent-max: expected a share from 0 to 1; got "${text}".`);
}
