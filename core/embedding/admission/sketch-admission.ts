import { assert } from '../../base/assert.js';
import { hashPair, mix32 } from '../../base/hash.js';
import type { Admission } from './admission.js';

/**
 * Count-min sketch (Cormode & Muthukrishnan 2005) over a sliding window, with conservative update (Estan & Varghese
 * 2002: of a fid's counters only the lowest are raised). Four hash functions, each with its own row of cells:
 *
 *   row      u16 [columns]          4 rows, one after the other
 *   cell     4 counters of 4 bits   one per sub-window, a third of the window each, used in turn
 *
 * The counters of all sub-windows share a cell, so an occurrence costs four cache misses however the window is cut. A
 * fid's estimate is the sum over sub-windows of the least of its four counters: each is at least the true count, hence
 * a fid is never admitted late. 4 bits suffice as the threshold is at most 15: a full counter alone admits.
 *
 * Window: an occurrence counts while it is less than `windowSeconds` older than the newest event time seen, and no
 * longer than 4/3 of that. One that comes late counts in the sub-window it belongs to; one older than all of them, in
 * the oldest. A single event time far in the future thus ends the window for what came before, and later ones share
 * the oldest sub-window until time has caught up: fids are then admitted early, never late.
 *
 * Nothing is forgotten at admission, since the counters are shared: a row that is removed and comes back within the
 * window is admitted at once.
 *
 * Rejected: more sub-windows (the false admissions of each add up, at the same memory), 8-bit counters (twice the
 * memory for thresholds nobody uses), a fingerprint table as in Monolith's SlidingHashFilter (fewer bytes per fid, but
 * when full it must either drop a counter, which admits late, or admit whatever comes).
 */
export const sketchOccurrencesMax = 15;
const rowsPerSketch = 4;
const countersPerCell = 4;
const counterBits = 4;
const counterMask = (1 << counterBits) - 1;
const cellBytes = 2;

assert(countersPerCell * counterBits === 8 * cellBytes, 'a cell is full of counters');
assert(sketchOccurrencesMax <= counterMask, 'a full counter reaches the threshold');

export class SketchAdmission implements Admission {
  readonly #cells: Uint16Array;
  readonly #columns: number;
  readonly #occurrences: number;
  readonly #subWindowSeconds: number;
  readonly #seedA: number;
  readonly #seedB: number;
  /** Number of the newest sub-window seen, counted from time 0; -1 before the first. */
  #newest = -1;

  constructor(occurrences: number, windowSeconds: number, bytes: number, seed: number) {
    this.#occurrences = occurrences;
    this.#subWindowSeconds = windowSeconds / (countersPerCell - 1);
    this.#columns = columnsOf(bytes);
    this.#cells = new Uint16Array(rowsPerSketch * this.#columns);
    this.#seedA = mix32(seed ^ 0x34e90c6c);
    this.#seedB = mix32(seed ^ 0xc0ac29b7);
  }

  get bytes(): number {
    return this.#cells.byteLength;
  }

  admit(low: number, high: number, atSeconds: number): boolean {
    assert(atSeconds >= 0, 'event time is not negative');
    const shift = this.#shiftAt(atSeconds);
    const cells = this.#cells;
    const columns = this.#columns;
    // Four hashes from two (Kirsch & Mitzenmacher 2008), mixed again: near pairs would collide in all four rows.
    const first = hashPair(low, high, this.#seedA);
    const second = hashPair(low, high, this.#seedB);
    const a = columnOf(mix32(first), columns);
    const b = columnOf(mix32(first + second), columns) + columns;
    const c = columnOf(mix32(first + 2 * second), columns) + 2 * columns;
    const d = columnOf(mix32(first + 3 * second), columns) + 3 * columns;
    let estimate = 1;
    let least = 0;
    for (let at = 0; at < countersPerCell * counterBits; at += counterBits) {
      const leastHere = Math.min(
        (cells[a]! >>> at) & counterMask,
        (cells[b]! >>> at) & counterMask,
        (cells[c]! >>> at) & counterMask,
        (cells[d]! >>> at) & counterMask,
      );
      estimate += leastHere;
      if (at === shift) least = leastHere;
    }
    if (estimate >= this.#occurrences) return true;
    raise(cells, a, shift, least);
    raise(cells, b, shift, least);
    raise(cells, c, shift, least);
    raise(cells, d, shift, least);
    return false;
  }

  /** Where in a cell the counter of this event time stands, after the window has moved up to it. */
  #shiftAt(atSeconds: number): number {
    const subWindow = Math.floor(atSeconds / this.#subWindowSeconds);
    if (subWindow > this.#newest) this.#advance(subWindow);
    const oldest = this.#newest - (countersPerCell - 1);
    return (Math.max(subWindow, oldest) & (countersPerCell - 1)) * counterBits;
  }

  /** Clears the counters of the sub-windows that begin. A sweep of the sketch: about 0.2 ms per MiB. */
  #advance(subWindow: number): void {
    const steps = subWindow - this.#newest;
    if (this.#newest < 0 || steps >= countersPerCell) {
      if (this.#newest >= 0) this.#cells.fill(0);
      this.#newest = subWindow;
      return;
    }
    let keep = 0xffff;
    while (this.#newest < subWindow) {
      this.#newest++;
      keep &= ~(counterMask << ((this.#newest & (countersPerCell - 1)) * counterBits));
    }
    // Two cells at a time; there is an even number of them.
    const pairs = new Int32Array(this.#cells.buffer);
    const keepPair = keep | (keep << 16);
    for (let i = 0; i < pairs.length; i++) pairs[i]! &= keepPair;
  }
}

/**
 * Upper bound of the share of decisions that admit too early, for ideal hashing: a fid is overestimated in a
 * sub-window only if other fids have touched all four of its cells (Bloom 1970), and there are four sub-windows:
 *
 *   P ≤ 4 · (1 − e^(−u/columns))^4,   columns = bytes / 8
 *
 * u = distinct absent fids in one sub-window, a third of the window. With 10 bytes per distinct absent fid of the whole
 * window, spread evenly, that is 1.2 %; with 5 bytes, 11 %; with 20 bytes, 0.1 %. For thresholds above 2 the rate is
 * lower still, since one touch by another fid is then not enough.
 */
export function falseAdmissionBound(bytes: number, distinctPerSubWindow: number): number {
  const touched = 1 - Math.exp(-distinctPerSubWindow / columnsOf(bytes));
  return Math.min(1, countersPerCell * touched ** rowsPerSketch);
}

function columnsOf(bytes: number): number {
  return Math.floor(bytes / (rowsPerSketch * cellBytes));
}

/** A u32 hash to 0 … columns - 1; by multiplication, as the low bits alone would need a power of two. */
function columnOf(hash: number, columns: number): number {
  return Math.floor((hash * columns) / 2 ** 32);
}

/** Conservative update: a counter above the least already allows for this occurrence. */
function raise(cells: Uint16Array, at: number, shift: number, least: number): void {
  if (((cells[at]! >>> shift) & counterMask) === least) cells[at]! += 1 << shift;
}
