import { slateQuality, type JudgedSlate } from '../core/evaluation/slate-quality.js';
import { readSlates } from '../importing/slates-file.js';
import type { Arguments, Output } from './command.js';
import { exitCode, integerOf, UsageError } from './command.js';
import { figure } from './evaluation-lines.js';
import { intervalOfMeans } from '../core/evaluation/bootstrap.js';
import { judgeSlate } from '../core/evaluation/slate-quality.js';
import { bootstrapOf } from './bootstrap-options.js';

const depthDefault = 10;

/** Judges answers by what was chosen after them. */
export async function evaluateSlates(args: Arguments, out: Output): Promise<number> {
  const [slates, chosen] = [args.value('slates'), args.value('chosen')];
  if (slates === undefined || chosen === undefined)
    throw new UsageError('--chosen is missing: what users chose after the slates.');
  if (args.positionals.length > 0)
    throw new UsageError('with --slates all files are named by options.');
  const k = integerOf(args.value('at') ?? String(depthDefault), 'at', 1);
  const read = await readSlates({ slates, chosen, items: args.value('items') });
  const quality = slateQuality({ ...read, k });
  const judged = read.slates.filter((slate) => slate.chosen.size > 0);
  const { draws, random } = bootstrapOf(args);
  const [recall, ndcg] = (['recall', 'ndcg'] as const).map((name) =>
    intervalOfMeans(
      judged.map((slate) => judgeSlate(slate, k)[name]),
      { random: random(), draws },
    ),
  );
  const short = countShort(read.slates, k, read.catalogSize);
  if (short > 0)
    out.note(`${short} slates are shorter than ${k}: what is behind them counts as not shown`);
  const { catalogSize } = read;
  if (out.json) {
    out.document({
      k,
      ...quality,
      answers: read.slates.length,
      catalogSize,
      short,
      intervals: { recall, ndcg },
    });
    return exitCode.ok;
  }
  const within = (interval = [NaN, NaN] as readonly [number, number]): string =>
    draws > 0 ? ` (${interval.map((end) => figure(end)).join('…')})` : '';
  out.line(
    `${read.slates.length} slates, ${quality.slates} with something chosen; ${catalogSize} items`,
  );
  out.line(`  recall@${k}    ${figure(quality.recall)}${within(recall)}`);
  out.line(`  NDCG@${k}      ${figure(quality.ndcg)}${within(ndcg)}`);
  out.line(`  coverage@${k}  ${figure(quality.coverage)} of the catalog`);
  out.line(`  novelty@${k}   ${figure(quality.novelty, 2)} bits`);
  if (draws > 0) out.line('  intervals: 95 % of bootstraps that draw slates');
  return exitCode.ok;
}

function countShort(slates: readonly JudgedSlate[], k: number, catalogSize: number): number {
  return slates.filter(({ items }) => items.length < Math.min(k, catalogSize)).length;
}
