import type { ReplayProgress } from '../replay/replay.js';
import type { ReplayReport } from '../replay/replay-report.js';
import type { DuelReport } from '../replay/replay-quality.js';
import { cursor, truncate } from './ansi.js';
import { table } from './text-table.js';

export interface ReplayView {
  readonly update: (progress: ReplayProgress) => void;
  /** A line of text above the bar. */
  readonly note: (text: string) => void;
  stop(): void;
}

const plainMs = 5_000;
const barWidth = 24;

/** On a terminal one line that is redrawn; elsewhere, as in a log file, a line every five seconds. */
export function startReplayView(out: NodeJS.WriteStream): ReplayView {
  const live = out.isTTY && process.env['TERM'] !== 'dumb';
  let shown = '';
  let toldAtMs = -Infinity;
  const clear = (): void => {
    if (live && shown !== '') out.write(`${cursor.lineStart}${cursor.clearToLineEnd}`);
  };
  return {
    update(progress) {
      shown = progressLine(progress, live);
      if (live) {
        out.write(
          `${cursor.lineStart}${truncate(shown, (out.columns || 80) - 1)}${cursor.clearToLineEnd}`,
        );
      } else if (performance.now() - toldAtMs >= plainMs) {
        toldAtMs = performance.now();
        out.write(`${shown}\n`);
      }
    },
    note(text) {
      clear();
      out.write(`${text}\n`);
    },
    stop() {
      clear();
      shown = '';
    },
  };
}

export function progressLine(progress: ReplayProgress, bar: boolean): string {
  const { phase, done, total, eventsPerSecond, auc, lag } = progress;
  if (phase === 'features') return 'telling the features of items and users';
  const share = total === 0 ? 1 : done / total;
  const filled = Math.round(share * barWidth);
  const drawn = bar ? `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ` : '';
  const parts = [
    `${drawn}${count(done)}/${count(total)} events (${Math.floor(100 * share)} %)`,
    `${count(Math.round(eventsPerSecond))}/s`,
    `AUC ${Number.isNaN(auc) ? '-' : auc.toFixed(4)}`,
    `lag ${count(lag)}`,
  ];
  return phase === 'settling' ? `${parts[0]}, waiting until all is learned` : parts.join(', ');
}

/** What a person wants to know of a run. */
export function summaryLines(report: ReplayReport): string[] {
  const { events, quality, training, freshnessMs, serving, supervision, conservation } = report;
  const fresh = Object.entries(freshnessMs).map(
    ([name, { p50, p99 }]) => `${name} ${figure(p50, 0)} ms (p99 ${figure(p99, 0)})`,
  );
  const recoveries = supervision.recoveryMs.map((ms) => `${ms} ms`).join(', ');
  return [
    `${report.interrupted ? 'interrupted after ' : ''}${count(events.accepted)} events in ${report.seconds.toFixed(1)} s (${count(Math.round(events.accepted / report.seconds))}/s)`,
    `quality       AUC ${figure(quality.auc, 4)}, logloss ${figure(quality.logloss, 4)}, CTR ${figure(quality.ctr, 4)}, calibration ${figure(quality.calibration, 3)}`,
    `              within users ${figure(quality.withinUserAuc, 4)}, PR-AUC ${figure(quality.prAuc, 4)}, entropy ${figure(quality.normalisedEntropy, 4)}${quality.ndcg === null ? '' : `, NDCG ${figure(quality.ndcg, 4)}`}`,
    `  over time   ${quality.windows.map(({ auc }) => figure(auc, 3)).join('  ')}`,
    `  by score    ${quality.deciles.map(({ calibration }) => figure(calibration, 2)).join('  ')}`,
    ...(report.duel ? duelTable(report.duel) : []),
    `learning      ${count(events.positives)} positives, ${count(events.negatives)} negatives, ${count(events.negativesDropped)} dropped; ${count(Math.round(training.samplesPerSecond))} samples/s in ${count(training.batches)} batches on ${training.backend}`,
    `freshness     ${fresh.join(', ') || '-'}`,
    `serving       ${count(serving.requests)} requests, ${figure(serving.p50Ms, 1)} ms (p99 ${figure(serving.p99Ms, 1)}), ${serving.degraded} degraded, ${serving.rerouted} rerouted`,
    `supervision   ${supervision.restarts} restarts, ${supervision.failovers} failovers${recoveries === '' ? '' : `, recovered in ${recoveries}`}`,
    ...(conservation.ok
      ? ['conservation  holds: nothing lost, nothing twice']
      : conservation.broken.map((law) => `conservation  BROKEN: ${law}`)),
  ];
}

const compared = [
  ['AUC', 'auc', 4],
  ['within users', 'withinUserAuc', 4],
  ['NDCG', 'ndcg', 4],
  ['log loss', 'logloss', 4],
  ['calibration', 'calibration', 3],
] as const;

/** Of a score that is no probability there is no log loss. */
function duelTable({ events, ours, theirs, difference, intervals, lists }: DuelReport): string[] {
  const line = (title: string, of: DuelReport['ours']): string[] => [
    title,
    ...compared.map(([, name, digits]) => figure(of[name], digits)),
  ];
  return [
    `duel          ${count(events)} events, theirs against ours; NDCG of each ${lists}`,
    ...table(
      ['', ...compared.map(([title]) => title)],
      [
        ...[line('theirs', theirs), line('ours', ours), line('ours − theirs', difference)],
        [
          '95 % of users',
          ...compared.map(([, name, digits]) =>
            intervals[name].map((end) => figure(end, digits)).join('…'),
          ),
        ],
      ],
    ),
  ];
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function figure(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}
