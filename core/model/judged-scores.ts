/** Of logits: what is beyond counts as the last of them. */
const logitMax = 8;
/** Finer: more to tell. Coarser: pairs within one count as ties. */
const bucketCount = 128;

/** Scores of one outcome by what happened, as counts that add up: over steps, over trainers, and from one moment to another. */
export type JudgedCounts = Readonly<Record<string, number>>;

/**
 * Scores that were given before the label was learned, in buckets of their logits: those where it happened, those where it did not, and what
 * was expected of them. Of `p<bucket>`, `n<bucket>`, `expected`, `happened`; the last two by weight.
 */
export class JudgedScores {
  readonly #happened = new Float64Array(bucketCount);
  readonly #not = new Float64Array(bucketCount);
  #expected = 0;
  #came = 0;

  add(logit: number, label: number, weight: number): void {
    const place = ((logit + logitMax) / (2 * logitMax)) * bucketCount;
    const bucket = Math.max(0, Math.min(bucketCount - 1, Math.floor(place)));
    if (label === 1) this.#happened[bucket]!++;
    else this.#not[bucket]!++;
    this.#expected += weight / (1 + Math.exp(-logit));
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
  };
}
