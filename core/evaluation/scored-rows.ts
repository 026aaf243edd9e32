import { assert } from '../base/assert.js';

/** What was said of rows before their label was known, and what came. Columns are of one length. */
export interface ScoredRows {
  /** Any number that orders; log loss, entropy and calibration are of probabilities alone. No NaN. */
  readonly scores: ArrayLike<number>;
  /** 1: it happened, 0: it did not. */
  readonly labels: ArrayLike<number>;
  /** How much each counts; left out: alike. */
  readonly weights?: ArrayLike<number> | undefined;
  /** Whose they are, as numbers from 0 on; left out: not known, and each row is its own. */
  readonly users?: ArrayLike<number> | undefined;
  /** Rows that were ordered together, as numbers from 0 on; left out: there are no lists. */
  readonly requests?: ArrayLike<number> | undefined;
}

export function requireColumns({ scores, labels, weights, users, requests }: ScoredRows): void {
  for (const column of [labels, weights, users, requests])
    if (column)
      assert(column.length === scores.length, `${column.length} values for ${scores.length} rows`);
}

/** Rows of each group one after the other: those of group g are `rows[starts[g]] … rows[starts[g + 1] - 1]`, in their order. */
export interface Groups {
  readonly starts: Uint32Array;
  readonly rows: Uint32Array;
}

/** A counting sort, O(n + groups). */
export function groupsOf(groups: ArrayLike<number>): Groups {
  let last = -1;
  for (let i = 0; i < groups.length; i++) if (groups[i]! > last) last = groups[i]!;
  const starts = new Uint32Array(last + 2);
  for (let i = 0; i < groups.length; i++) starts[groups[i]! + 1]!++;
  for (let g = 0; g <= last; g++) starts[g + 1]! += starts[g]!;
  const next = starts.slice();
  const rows = new Uint32Array(groups.length);
  for (let i = 0; i < groups.length; i++) rows[next[groups[i]!]!++] = i;
  return { starts, rows };
}

/** Rows by falling score. O(n log n). */
export function byFallingScore(rows: Uint32Array, scores: ArrayLike<number>): Uint32Array {
  return rows.slice().sort((a, b) => scores[b]! - scores[a]! || a - b);
}
