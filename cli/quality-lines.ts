import type { ClusterStatus } from '../messages/cluster-status.js';
import { progressiveQuality } from '../messages/stats/quality.js';

/** Fewer rows say nothing that is worth a line. */
const rowsMin = 100;

/** How good the model is by what it said before it learned, one line for each outcome; none before some hundreds of samples. */
export function qualityLines({ actors }: Pick<ClusterStatus, 'actors'>): string[] {
  return progressiveQuality(actors)
    .filter(({ happened, drawn }) => happened + drawn >= rowsMin)
    .map((quality) => {
      const { outcome, of, happened, drawn, auc, withinUserAuc, logloss } = quality;
      const { normalisedEntropy, calibration, rate } = quality;
      const rows = (happened + drawn).toLocaleString('en-US');
      const what = of === 'shown' ? outcome : `${outcome} of their own accord`;
      const figures = [
        `AUC ${figure(auc)}`,
        `within users ${figure(withinUserAuc)}`,
        `log loss ${figure(logloss)}`,
        `entropy ${figure(normalisedEntropy, 3)}`,
        `calibration ${figure(calibration, 2)}`,
        `rate ${figure(100 * rate, 2)} %`,
      ];
      return `quality of ${what}, before the label, of the last ${rows}: ${figures.join(', ')}`;
    });
}

/** What is wrong with what is learned, and since when. */
export function alarmLines(
  { alarms = [] }: Pick<ClusterStatus, 'alarms'>,
  nowMs: number,
): string[] {
  return alarms.map(({ name, text, sinceMs }) => {
    const minutes = Math.max(0, Math.round((nowMs - sinceMs) / 60_000));
    return `ALARM ${name}, for ${minutes} min: ${text}`;
  });
}

function figure(value: number, digits = 4): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–';
}
