import { assert } from '../base/assert.js';
import { JudgedScores, judgedSum, type JudgedCounts } from './judged-scores.js';
import { auc } from './metrics.js';

/** Parts that a window is made of: the oldest goes as a whole. Fewer: the window is of 3/4 to all of its rows. */
const parts = 8;

/** The last scores of one outcome that were given before their label was learned; sums of several windows are those of all their rows. */
export class JudgedWindow {
  readonly #partRows: number;
  readonly #full: JudgedCounts[] = [];
  /** Of these. */
  #sum: JudgedCounts = {};
  #part = new JudgedScores();
  #rows = 0;
  readonly #users: RecentByUser;

  /** @param rows of which it is, at most. */
  constructor(rows: number, userRows = Math.min(rows, 16_384)) {
    this.#partRows = Math.max(1, Math.floor(rows / parts));
    this.#users = new RecentByUser(userRows);
  }

  /**
   * @param logit of the chance as it is served.
   * @param weight rows of the world that it stands for: 1/r of a negative of which a share r was kept.
   * @param user a hash of whom it was shown to.
   */
  add(logit: number, label: number, weight: number, user: number): void {
    this.#part.add(logit, label, weight);
    this.#users.add(user, logit, label);
    if (++this.#rows < this.#partRows) return;
    this.#full.push(this.#part.counts);
    if (this.#full.length === parts) this.#full.shift();
    this.#sum = this.#full.reduce(judgedSum, {});
    this.#part = new JudgedScores();
    this.#rows = 0;
  }

  /** As of JudgedScores, and of the newest rows `userRows` and `userMicros`: 10⁻⁶ of the AUC within each user, times his rows. */
  get counts(): JudgedCounts {
    return { ...judgedSum(this.#sum, this.#part.counts), ...this.#users.counts };
  }
}

/** AUC within users (Zhu et al., 2017): of each with both labels, by his rows. */
export function withinUsersOf({ userRows, userMicros }: JudgedCounts): number {
  return userRows ? (userMicros ?? 0) / 1e6 / userRows : NaN;
}

class RecentByUser {
  readonly #users: Uint32Array;
  readonly #logits: Float32Array;
  readonly #labels: Uint8Array;
  #added = 0;
  #judgedAt = 0;
  #judged: JudgedCounts = {};

  constructor(rowsMax: number) {
    assert(rowsMax > 0, 'a row at least');
    this.#users = new Uint32Array(rowsMax);
    this.#logits = new Float32Array(rowsMax);
    this.#labels = new Uint8Array(rowsMax);
  }

  add(user: number, logit: number, label: number): void {
    const at = this.#added++ % this.#users.length;
    this.#users[at] = user;
    this.#logits[at] = logit;
    this.#labels[at] = label;
  }

  /** Judged again when half of the rows are others: it takes a sort. */
  get counts(): JudgedCounts {
    const rows = Math.min(this.#added, this.#users.length);
    if (this.#added - this.#judgedAt > rows / 2) {
      this.#judged = this.#judge(rows);
      this.#judgedAt = this.#added;
    }
    return this.#judged;
  }

  #judge(rows: number): JudgedCounts {
    const order = Uint32Array.from({ length: rows }, (_unused, row) => row);
    order.sort((a, b) => this.#users[a]! - this.#users[b]!);
    const logits = Float32Array.from(order, (row) => this.#logits[row]!);
    const labels = Uint8Array.from(order, (row) => this.#labels[row]!);
    let [start, userRows, micros] = [0, 0, 0];
    for (let end = 1; end <= rows; end++) {
      if (end < rows && this.#users[order[end]!] === this.#users[order[start]!]) continue;
      const found = end - start > 1 ? auc(logits, labels, start, end) : NaN;
      if (!Number.isNaN(found)) {
        userRows += end - start;
        micros += 1e6 * found * (end - start);
      }
      start = end;
    }
    return userRows === 0 ? {} : { userRows, userMicros: Math.round(micros) };
  }
}
