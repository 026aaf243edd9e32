import { StarlingError } from '../../core/base/errors.js';
import { type OpenedImport, openImport } from '../../importing/open-import.js';
import type { Command, Output } from '../command.js';
import { clusterOptions, exitCode } from '../command.js';
import { giveWay, importInto } from '../import-into.js';
import { importLines, refusalText } from '../import-lines.js';
import { fileOptions, importPlanOf } from '../import-plan.js';

export const importFiles: Command = {
  name: 'import',
  summary: 'bring history and catalog from files into a cluster',
  usage: '[--dry-run] FILES…',
  text: 'Reads files of events, items, users and of who logged in as whom: text with any separator, JSON lines and Parquet, compressed by gzip or zstd, whatever they are called. Which file is which, and which column is what, is said by `files` in the configuration, by --map, or guessed; --dry-run prints what was understood, and sends nothing.\nEvents are put in order of time over all files, and each is sent once. The same command goes on where it was stopped.',
  options: [
    { name: 'dry-run', text: 'print what the files say, and send nothing' },
    { name: 'skip-bad', text: 'leave out rows that can not be read, instead of importing none' },
    ...fileOptions,
    ...clusterOptions,
  ],
  examples: [
    'starling import --dry-run events.csv products.csv customers.csv',
    'starling import --config shop.config.ts products.csv customers.csv aliases.csv events.csv',
    "starling import --map user=customer_id,item=sku,type=event 'events-*.csv.gz'",
  ],
  async run(args, out) {
    const { options, config, configFile } = await importPlanOf(args);
    if (configFile !== undefined && args.value('config') === undefined)
      out.note(`columns and features are those of ${configFile}`);
    giveWay();
    const source = await openImport({ ...options, ...progressOf(out) });
    if (args.has('dry-run')) return dryRun(source, out);
    if (source.counts.refused > 0 && !args.has('skip-bad')) {
      const text = refusalText(source.report);
      await source.close();
      throw new StarlingError('FILE_INVALID', text);
    }
    return importInto(source, { config, args, out });
  },
};

async function dryRun(source: OpenedImport, out: Output): Promise<number> {
  const { report, id } = source;
  await source.close();
  if (out.json) out.document({ import: id, ...report });
  else for (const line of importLines(report)) out.line(line);
  return exitCode.ok;
}

const rowsPerNote = 1_000_000;

/** Of files that take their time. */
function progressOf(out: Output): { progress: (file: string, rows: number) => void } {
  let told = 0;
  return {
    progress: (file, rows) => {
      if (rows < told) told = 0;
      if (rows - told < rowsPerNote) return;
      told = rows;
      out.note(`${file}: ${rows.toLocaleString('en-US')} rows read`);
    },
  };
}
