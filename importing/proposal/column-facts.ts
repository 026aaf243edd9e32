import { secondsOf } from '../../messages/event-time.js';
import { type DecimalMark, isNothing, numberOf } from '../cell-values.js';
import type { Cell } from '../row-file.js';

/** What the values of a column are like, of which `starling init` judges what it may be good for. */
export interface ColumnFacts {
  readonly column: string;
  readonly rows: number;
  readonly missing: number;
  /** Different values with how often each came; only the most frequent are known where there are more than `isMany` says. */
  readonly values: ReadonlyMap<string, number>;
  /** More different values than are counted. */
  readonly isMany: boolean;
  readonly numbers: number;
  /** Some of them, in ascending order. */
  readonly someNumbers: readonly number[];
  readonly times: number;
  readonly lists: number;
  readonly urls: number;
  readonly lengthMean: number;
}

/** Beyond it, a value of a column says little of others. */
const valuesMax = 20_000;
const numbersMax = 10_000;

export class ColumnFactsCounter {
  readonly #column: string;
  readonly #mark: DecimalMark;
  readonly #values = new Map<string, number>();
  readonly #numbers: number[] = [];
  readonly #counts = { rows: 0, missing: 0, numbers: 0, times: 0, lists: 0, urls: 0, length: 0 };
  #isMany = false;

  constructor(column: string, mark: DecimalMark) {
    this.#column = column;
    this.#mark = mark;
  }

  add(cell: Cell): void {
    const counts = this.#counts;
    counts.rows++;
    if (isNothing(cell)) {
      counts.missing++;
      return;
    }
    const text = typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
    counts.length += text.length;
    if (Array.isArray(cell) || /^[^|\s]+(\|[^|\s]+)+$/.test(text)) counts.lists++;
    if (/^https?:\/\//.test(text)) counts.urls++;
    const number = typeof cell === 'boolean' ? undefined : numberOf(cell, this.#mark);
    if (number !== undefined) this.#addNumber(number);
    else if (text.length < 40 && secondsOf(text) !== undefined) counts.times++;
    this.#addValue(text);
  }

  get facts(): ColumnFacts {
    const { length, ...counts } = this.#counts;
    return {
      ...counts,
      ...{ column: this.#column, values: this.#values, isMany: this.#isMany },
      someNumbers: this.#numbers.toSorted((a, b) => a - b),
      lengthMean: length / Math.max(1, counts.rows - counts.missing),
    };
  }

  #addValue(text: string): void {
    const known = this.#values.get(text);
    if (known !== undefined) this.#values.set(text, known + 1);
    else if (this.#values.size < valuesMax) this.#values.set(text, 1);
    else this.#isMany = true;
  }

  /** Every one, until there are enough; then every second, and so on: spread over the file, without chance. */
  #addNumber(number: number): void {
    const every = Math.max(1, 2 ** Math.ceil(Math.log2((this.#counts.numbers + 1) / numbersMax)));
    if (this.#counts.numbers++ % every === 0) this.#numbers.push(number);
    if (this.#numbers.length < 2 * numbersMax) return;
    const kept = this.#numbers.filter((_, i) => i % 2 === 0);
    this.#numbers.length = 0;
    this.#numbers.push(...kept);
  }
}
