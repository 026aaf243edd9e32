/** What a slate is chosen from. Candidates are distinct. */
export interface SlateInput {
  readonly candidates: readonly string[];
  /** Probability per candidate. */
  readonly scores: Float32Array;
  readonly k: number;
  /** Share of places given to a random candidate: an item that is never shown is never learned about. */
  readonly exploration: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Candidates that are not to be in it. */
  readonly without?: ReadonlySet<string> | undefined;
}

/**
 * The k best candidates, with some places given away to exploration (ε-greedy per place). Best first; an explored item
 * stands where a better one would have stood, so that position alone does not give it away.
 *
 * @returns indices into candidates, at most k and without repeats.
 */
export function chooseSlate(input: SlateInput): number[] {
  const { candidates, scores, exploration, random, without } = input;
  const count = candidates.length;
  const taken = new Uint8Array(count);
  let left = count;
  if (without)
    candidates.forEach((candidate, i) => {
      if (!without.has(candidate)) return;
      taken[i] = 1;
      left--;
    });
  const k = Math.min(input.k, left);
  const order = bestOf(scores, taken, k);
  const slate: number[] = [];
  let next = 0;
  while (slate.length < k) {
    while (taken[order[next]!]) next++;
    let choice = order[next]!;
    if (exploration > 0 && random() < exploration) {
      const candidate = Math.floor(random() * count);
      if (!taken[candidate]) choice = candidate;
    }
    taken[choice] = 1;
    slate.push(choice);
  }
  return slate;
}

/**
 * The k best rows that are not taken, best first, the earlier one of those that are as good. Each of the others is looked at once:
 * to put 1,700 in order took longer than to score them.
 */
function bestOf(scores: Float32Array, taken: Uint8Array, k: number): Uint32Array {
  const best = new Uint32Array(k);
  let size = 0;
  for (let row = 0; row < scores.length; row++) {
    if (taken[row]) continue;
    if (size === k && !isBefore(scores, row, best[k - 1])) continue;
    let low = 0;
    for (let high = size; low < high;) {
      const middle = (low + high) >>> 1;
      if (isBefore(scores, row, best[middle])) high = middle;
      else low = middle + 1;
    }
    if (size < k) size++;
    best.copyWithin(low + 1, low, size - 1);
    best[low] = row;
  }
  return best;
}

/** Of the rows before, none comes behind one that is as good. */
function isBefore(scores: Float32Array, row: number, other: number | undefined): boolean {
  return other === undefined ? false : scores[row]! > scores[other]!;
}
