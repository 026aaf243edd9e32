import { availableParallelism } from 'node:os';
import { StarlingError } from '../../core/base/errors.js';
import { openImport, type OpenedImport } from '../../importing/open-import.js';
import { systemClock } from '../../runtime/system.js';
import { writePredictions } from '../../importing/predictions-file.js';
import { predictionsOf } from '../../training/holdout.js';
import { runTraining, type Holdout, type TrainingProgress } from '../../training/run-training.js';
import { withSettings } from '../config-settings.js';
import type { Arguments, Command, Output } from '../command.js';
import { UsageError, exitCode, integerOf } from '../command.js';
import { importLines, refusalText } from '../import-lines.js';
import { fileOptions, importPlanOf } from '../import-plan.js';
import { exitCodeOf, onInterrupt } from '../interrupt.js';
import { trainingLines, trainingProgressLine } from '../training-lines.js';

const outDefault = 'trained';
const progressMs = 1_000;

export const train: Command = {
  name: 'train',
  summary: 'train a model from files, without a cluster',
  usage: '[--dry-run] [options] FILES…',
  text: 'Reads files as `starling import` does, makes of them the samples that a cluster would have learned from, and trains on them in threads of this process: the same features, tables, optimizers and step, and nothing over a network. The last part by time may be held out; how well its outcomes are predicted is said at the end. What it writes is a snapshot. The same files, configuration, seed and number of threads give the same model, bit for bit. What was cut off goes on from its last checkpoint when the same is run again.',
  options: [
    { name: 'files', value: 'FILE', many: true, text: 'files to read, as the arguments name them' },
    { name: 'dry-run', text: 'print what the files say, and train nothing' },
    { name: 'skip-bad', text: 'leave out rows that can not be read, instead of training on none' },
    { name: 'epochs', value: 'N', text: 'how often each sample is learned (default 1)' },
    {
      name: 'holdout',
      value: 'SHARE',
      text: 'share of the events, such as 10%, of which nothing is learned: the last ones',
    },
    {
      name: 'holdout-from',
      value: 'DATE',
      text: 'the same by time: what happened from then on, such as 2026-05-01',
    },
    { name: 'out', value: 'FOLDER', text: `where the model goes (default ${outDefault})` },
    {
      name: 'predictions',
      value: 'FILE',
      text: 'where to write what is said of the rows of the holdout, as Parquet or .csv; for `starling evaluate`',
    },
    {
      name: 'threads',
      value: 'N',
      text: 'threads, which share the partitions (default: one for each core)',
    },
    { name: 'seed', value: 'N', text: 'of what rows and networks begin with, and of drawn items' },
    {
      name: 'set',
      value: 'PATH=VALUE',
      many: true,
      text: 'another value of the configuration, such as model.factorDim=32',
    },
    ...fileOptions,
  ],
  examples: [
    "starling train --files 'history/*.parquet' --items products.csv --holdout 10%",
    'starling train --config shop.config.ts --epochs 2 --set model.factorDim=32 events.csv',
  ],
  async run(args, out) {
    const wanted = optionsFrom(args);
    const { options, config, configFile } = await importPlanOf(withFiles(args));
    if (!config)
      throw new UsageError(
        '--config is missing: a model is made of features. `starling init` writes one from the files.',
      );
    if (args.value('config') === undefined)
      out.note(`features and columns are those of ${configFile}`);
    const changed = withSettings(config, args.all('set'));
    const { partitions } = changed;
    const threads = wanted.threads ?? Math.min(availableParallelism(), partitions);
    if (threads > partitions)
      throw new UsageError(
        `--threads: ${partitions} partitions are shared by ${partitions} threads at most.`,
      );
    const source = await openImport(options);
    try {
      if (args.has('dry-run')) return dryRun(source, out);
      if (source.counts.refused > 0 && !args.has('skip-bad'))
        throw new StarlingError('FILE_INVALID', refusalText(source.report));
      return await trainOn(source, { ...wanted, threads, config: changed }, out);
    } finally {
      await source.close();
    }
  },
};

interface Wanted {
  readonly epochs: number;
  readonly holdout: Holdout | undefined;
  readonly out: string;
  readonly predictions: string | undefined;
  readonly seed: number | undefined;
  readonly threads: number | undefined;
}

type Planned = Wanted & {
  readonly threads: number;
  readonly config: Parameters<typeof runTraining>[0]['config'];
};

async function trainOn(source: OpenedImport, wanted: Planned, out: Output): Promise<number> {
  const interrupt = onInterrupt(out.note);
  const view = new ProgressView(out);
  const { predictions } = wanted;
  try {
    const end = await runTraining({
      ...{ ...wanted, source, clock: systemClock, signal: interrupt.signal },
      files: source.report.files.map(({ name }) => name),
      progress: (progress) => view.show(progress),
      note: (text) => view.note(text),
      scored: async (scores, snapshot) => {
        if (predictions === undefined) return;
        await writePredictions(predictions, predictionsOf(scores, snapshot));
        view.note(`predictions of the holdout written to ${predictions}`);
      },
    });
    view.end();
    if (end.kind === 'stopped') {
      out.note('stopped at a checkpoint; the same command goes on');
      return exitCodeOf(interrupt.name);
    }
    if (end.kind === 'known') {
      out.note(`${wanted.out} has this model already`);
      if (predictions !== undefined)
        out.note('predictions are written when a model is trained; name another --out');
    }
    if (out.json) out.document(end.result);
    else for (const line of trainingLines(end.result, wanted.out)) out.line(line);
    return exitCode.ok;
  } finally {
    view.end();
    interrupt.dispose();
  }
}

function dryRun({ report, id }: OpenedImport, out: Output): number {
  if (out.json) out.document({ import: id, ...report });
  else for (const line of importLines(report)) out.line(line);
  return exitCode.ok;
}

/** `--files 'a*.csv' b.csv` names both. */
function withFiles(args: Arguments): Arguments {
  return { ...args, positionals: [...args.all('files'), ...args.positionals] };
}

function optionsFrom(args: Arguments): Wanted {
  const seed = args.value('seed');
  const threads = args.value('threads');
  const predictions = args.value('predictions');
  if (predictions !== undefined && !args.has('dry-run') && holdoutFrom(args) === undefined)
    throw new UsageError(
      '--predictions are those of a holdout; give --holdout 10% or --holdout-from.',
    );
  return {
    predictions,
    epochs: integerOf(args.value('epochs') ?? '1', 'epochs', 1),
    holdout: holdoutFrom(args),
    out: args.value('out') ?? outDefault,
    seed: seed === undefined ? undefined : integerOf(seed, 'seed', 0),
    threads: threads === undefined ? undefined : integerOf(threads, 'threads', 1),
  };
}

function holdoutFrom(args: Arguments): Holdout | undefined {
  const [share, from] = [args.value('holdout'), args.value('holdout-from')];
  if (share !== undefined && from !== undefined)
    throw new UsageError('--holdout and --holdout-from say the same in two ways; give one.');
  if (share !== undefined) {
    const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(share);
    const value = match ? Number(match[1]) / (match[2] === '%' ? 100 : 1) : NaN;
    if (value > 0 && value < 1) return { share: value };
    throw new UsageError(`--holdout: expected a share such as 10% or 0.1; got "${share}".`);
  }
  if (from === undefined) return undefined;
  const fromMs = /^\d{4}-\d\d-\d\d/.test(from) ? Date.parse(from) : NaN;
  if (Number.isFinite(fromMs)) return { fromMs };
  throw new UsageError(
    `--holdout-from: expected a date such as 2026-05-01 or 2026-05-01T12:00Z; got "${from}".`,
  );
}

/** A line that is written over on a terminal; else one now and then. */
class ProgressView {
  readonly #out: Output;
  readonly #isTerminal = process.stderr.isTTY;
  #shownMs = -Infinity;
  #isDrawn = false;

  constructor(out: Output) {
    this.#out = out;
  }

  show(progress: TrainingProgress): void {
    const nowMs = performance.now();
    if (nowMs - this.#shownMs < (this.#isTerminal ? progressMs / 4 : 5 * progressMs)) return;
    this.#shownMs = nowMs;
    const text = trainingProgressLine(progress);
    if (!this.#isTerminal) return this.#out.note(text);
    process.stderr.write(`\r\u001b[K${text}`);
    this.#isDrawn = true;
  }

  note(text: string): void {
    this.end();
    this.#out.note(text);
  }

  end(): void {
    if (this.#isDrawn) process.stderr.write('\r\u001b[K');
    this.#isDrawn = false;
  }
}
