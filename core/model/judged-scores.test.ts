import { expect, test } from '@jest/globals';
import { JudgedScores, judgedSince, judgedSum, judgementOf } from './judged-scores.js';
import { auc, entropy, logloss } from './metrics.js';

/** Scores that know something: half of what there is to know. */
function scoresOf(count: number): { logits: number[]; labels: number[] } {
  const logits = Array.from({ length: count }, (_unused, i) => ((i * 7_919) % 1_000) / 250 - 3);
  const labels = logits.map((logit, i) => {
    const chance = 1 / (1 + Math.exp(-logit));
    return ((i * 104_729) % 997) / 997 < chance ? 1 : 0;
  });
  return { logits, labels };
}

test('scores in buckets judge as the scores themselves do, whoever has counted which of them', () => {
  const { logits, labels } = scoresOf(20_000);
  const [one, other] = [new JudgedScores(), new JudgedScores()];
  logits.forEach((logit, i) => (i % 3 === 0 ? one : other).add(logit, labels[i]!, 1));
  const {
    happened,
    drawn,
    auc: found,
    calibration,
    prAuc,
    ...loss
  } = judgementOf(judgedSum(one.counts, other.counts));
  expect(happened + drawn).toBe(20_000);
  expect(found).toBeCloseTo(auc(logits, labels), 2);
  expect(calibration).toBeCloseTo(1, 1);
  const sum = logits.reduce((all, z, i) => all + logloss(1 / (1 + Math.exp(-z)), labels[i]!), 0);
  expect(loss.logloss).toBeCloseTo(sum / 20_000, 5);
  expect(loss.normalisedEntropy).toBeCloseTo(loss.logloss / entropy(happened / 20_000), 3);
  expect(prAuc).toBeGreaterThan(happened / 20_000 + 0.1);
});

test('what came since a moment is told apart, and who has begun anew is known', () => {
  const scores = new JudgedScores();
  scores.add(-20, 0, 3);
  const before = scores.counts;
  scores.add(20, 1, 2);
  scores.add(0, 0, 2);
  const since = judgedSince(scores.counts, before)!;
  expect(judgementOf(since)).toMatchObject({ happened: 1, drawn: 1, auc: 1, calibration: 1.5 });
  expect(judgedSince(new JudgedScores().counts, before)).toBeUndefined();
  expect(judgementOf({}).auc).toBeNaN();
  expect(judgementOf({ p3: 1, n2: 1, expected: 1, happened: 1 }).logloss).toBeNaN();
});
