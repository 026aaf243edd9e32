import { entropy } from './metrics.js';

/** Of logits: what is beyond counts as the last of them. */
const logitMax = 8;
/** Finer: more to tell. Coarser: pairs within one count as ties. */
const bucketCount = 128;

/** Scores of one outcome by what happened, as counts that add up: over steps, over trainers, and from one moment to another. */
export type JudgedCounts = Readonly<Record<string, number>>;

/**
 * Scores that were given before the label was learned, in buckets of their logits: those where it happened, those where it did not, and what
 * was expected of them. Of `p<bucket>`, `n<bucket>`, and by weight `expected`, `happened`, `weight` and `millinats` (1,000 times the log loss).
 */
export class JudgedScores {
  readonly #happened = new Float64Array(bucketCount);
  readonly #not = new Float64Array(bucketCount);
  #expected = 0;
  #came = 0;
  #weight = 0;
  #loss = 0;

  add(logit: number, label: number, weight: number): void {
    const place = ((logit + logitMax) / (2 * logitMax)) * bucketCount;
    const bucket = Math.max(0, Math.min(bucketCount - 1, Math.floor(place)));
    if (label === 1) this.#happened[bucket]!++;
    else this.#not[bucket]!++;
    const odds = Math.exp(-Math.abs(logit));
    this.#expected += (weight * (logit >= 0 ? 1 : odds)) / (1 + odds);
    this.#weight += weight;
    this.#loss += weight * (Math.max(logit, 0) - logit * label + Math.log1p(odds));
    this.#came += weight * label;
  }

  /** Whole numbers; those of 0 are left out. */
  get counts(): JudgedCounts {
    const counts: Record<string, number> = {};
    for (let i = 0; i < bucketCount; i++) {
      if (this.#happened[i]! > 0) counts[`p${i}`] = this.#happened[i]!;
      if (this.#not[i]! > 0) counts[`n${i}`] = this.#not[i]!;
    }
    return {
      ...counts,
      expected: Math.round(this.#expected),
      happened: Math.round(this.#came),
      weight: Math.round(this.#weight),
      millinats: Math.round(1_000 * this.#loss),
    };
  }
}

export function judgedSum(a: JudgedCounts, b: JudgedCounts): JudgedCounts {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]));
}

/** What came since; undefined where whoever counts has begun anew. */
export function judgedSince(now: JudgedCounts, before: JudgedCounts): JudgedCounts | undefined {
  const names = [...new Set([...Object.keys(now), ...Object.keys(before)])];
  const counts = names.map((name) => [name, (now[name] ?? 0) - (before[name] ?? 0)] as const);
  return counts.some(([, count]) => count < 0) ? undefined : Object.fromEntries(counts);
}

export interface Judgement {
  readonly happened: number;
  readonly drawn: number;
  /** Ties within a bucket count half; NaN where there is only one kind. */
  readonly auc: number;
  /** Mean score over rate, by weight. */
  readonly calibration: number;
  /** Average precision, rows of a bucket as one; by chance it is the rate. */
  readonly prAuc: number;
  /** Mean by weight, nats. Of counts of a release that did not add it up NaN, as is the next. */
  readonly logloss: number;
  /** Log loss over that of always saying the rate (core/evaluation/quality.ts). */
  readonly normalisedEntropy: number;
}

export function judgementOf(counts: JudgedCounts): Judgement {
  let [below, pairs, positives] = [0, 0, 0];
  for (let i = 0; i < bucketCount; i++) {
    const [happened, not] = [counts[`p${i}`] ?? 0, counts[`n${i}`] ?? 0];
    pairs += happened * (below + not / 2);
    below += not;
    positives += happened;
  }
  return {
    ...{ happened: positives, drawn: below, auc: pairs / (positives * below) },
    calibration: (counts['expected'] ?? 0) / (counts['happened'] ?? 0),
    prAuc: averagePrecision(counts),
    ...lossOf(counts),
  };
}

function lossOf({ weight, millinats, happened = 0 }: JudgedCounts) {
  if (!weight || millinats === undefined) return { logloss: NaN, normalisedEntropy: NaN };
  const logloss = millinats / 1_000 / weight;
  return { logloss, normalisedEntropy: logloss / entropy(happened / weight) };
}

function averagePrecision(counts: JudgedCounts): number {
  let [above, below, precisions] = [0, 0, 0];
  for (let i = bucketCount - 1; i >= 0; i--) {
    const happened = counts[`p${i}`] ?? 0;
    above += happened;
    below += counts[`n${i}`] ?? 0;
    if (happened > 0) precisions += (happened * above) / (above + below);
  }
  return precisions / above;
}
