import {
  evaluatePredictions,
  type EvaluatedOutcome,
} from '../../core/evaluation/prediction-report.js';
import { filesOf, isPattern } from '../../importing/glob.js';
import { readPredictions } from '../../importing/predictions-file.js';
import type { Arguments, Command, Output } from '../command.js';
import { exitCode, UsageError } from '../command.js';
import { bootstrapOf, drawsDefault } from '../bootstrap-options.js';
import { evaluateSlates } from '../evaluate-slates.js';
import { evaluationLines, histogramLines } from '../evaluation-lines.js';

export const evaluate: Command = {
  name: 'evaluate',
  summary: 'says how good predictions or slates were',
  usage: '[options] FILES…',
  text: 'Reads predictions and what came of them: rows of p and label, and of outcome, user, request and weight where they are known, as CSV or Parquet; `starling train --predictions` and `starling up --events … --predictions` write such files. It prints AUC over all and within users, PR-AUC, NDCG of requests, log loss, normalised entropy and calibration, each with the interval in which it would be with other users of the same kind.\nWith --slates it judges answers instead: recall and NDCG at a depth, coverage of the catalog and novelty.',
  options: [
    {
      name: 'by',
      value: 'COLUMN',
      many: true,
      text: 'judge the rows of each value of this column by themselves too, such as version',
    },
    {
      name: 'rival-score',
      value: 'COLUMN',
      text: 'column with what another system said of the same rows: both are judged, and the difference',
    },
    {
      name: 'draws',
      value: 'N',
      text: `draws of the bootstrap that intervals are of (default ${drawsDefault}); 0: no intervals`,
    },
    { name: 'seed', value: 'N', text: 'of those draws (default 1)' },
    {
      name: 'slates',
      value: 'FILE',
      text: 'answers as they were given, of the whole catalog: request or user, item, rank',
    },
    {
      name: 'chosen',
      value: 'FILE',
      text: 'with --slates: what was chosen afterwards, request or user, item',
    },
    { name: 'items', value: 'FILE', text: 'with --slates: all items there are' },
    { name: 'at', value: 'K', text: 'with --slates: places that count (default 10)' },
  ],
  examples: [
    'starling evaluate --by version predictions.parquet',
    'starling evaluate --rival-score score log.csv',
    'starling evaluate --slates answers.csv --chosen clicks.csv --items items.csv --at 20',
  ],
  async run(args, out) {
    if (args.value('slates') !== undefined) return evaluateSlates(args, out);
    for (const name of ['chosen', 'items', 'at'])
      if (args.value(name) !== undefined) throw new UsageError(`--${name} needs --slates.`);
    return evaluateFiles(args, out);
  },
};

async function evaluateFiles(args: Arguments, out: Output): Promise<number> {
  const files: string[] = [];
  for (const each of args.positionals)
    files.push(...(isPattern(each) ? await filesOf(each) : [each]));
  if (files.length === 0) throw new UsageError('name one or more files of predictions.');
  const columns = { by: args.all('by'), rival: args.value('rival-score') };
  const { table, histograms, rows, leftOut } = await readPredictions(files, columns);
  if (rows === 0) throw new UsageError('there is no row with a score and a label in these files.');
  if (leftOut > 0) out.note(`${leftOut} rows without a score or a label are left out`);
  if (!table) {
    out.note(
      `${rows} rows are more than are held: orders are of buckets, with bounds; no users, slices and intervals`,
    );
    if (out.json) out.document({ files, rows, leftOut, histograms: boundedOf(histograms) });
    else for (const line of histogramLines(histograms)) out.line(line);
    return exitCode.ok;
  }
  const outcomes: EvaluatedOutcome[] = evaluatePredictions(table, bootstrapOf(args));
  if (out.json) out.document({ files, rows, leftOut, outcomes });
  else for (const line of evaluationLines(outcomes)) out.line(line);
  return exitCode.ok;
}

function boundedOf(histograms: Parameters<typeof histogramLines>[0]) {
  return [...histograms].map(([outcome, of]) => ({
    ...{ outcome, rows: of.rows, rate: of.rate, auc: of.auc, prAuc: of.averagePrecision },
    ...{ logloss: of.logloss, normalisedEntropy: of.normalisedEntropy },
    calibration: of.calibration,
  }));
}
