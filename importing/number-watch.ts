/**
 * Numbers that are far from all others of their column: placeholders, such as 999999999 for "price on request". They are learned from
 * like others, so a person should know of them.
 */
const keptMax = 4_096;
const largestMax = 100;
/** So many times as large as 99 of a hundred others. Money is spread over magnitudes, and its largest amounts are some ten times that. */
const ratio = 100;
/** Of fewer, nobody knows what is usual. */
const countMin = 20;

interface Watched {
  count: number;
  /** Every one, then every second, and so on. */
  every: number;
  some: number[];
  /** The largest, in whichever direction, in descending order. */
  largest: { readonly size: number; readonly value: number; readonly line: number }[];
}

export class NumberWatch {
  readonly #columns = new Map<string, Watched>();

  add(column: string, value: number, line: number): void {
    const watched = this.#watched(column);
    const size = Math.abs(value);
    if (watched.count++ % watched.every === 0) watched.some.push(size);
    if (watched.some.length > keptMax) {
      watched.some = watched.some.filter((_, i) => i % 2 === 0);
      watched.every *= 2;
    }
    const { largest } = watched;
    if (largest.length === largestMax && size <= largest.at(-1)!.size) return;
    const at = largest.findIndex((other) => other.size < size);
    largest.splice(at < 0 ? largest.length : at, 0, { size, value, line });
    if (largest.length > largestMax) largest.pop();
  }

  /** In words, one for each column that has such numbers. */
  notes(): string[] {
    return [...this.#columns].flatMap(([column, watched]) => {
      if (watched.count < countMin) return [];
      const usual = watched.some.sort((a, b) => a - b)[
        Math.floor(0.99 * (watched.some.length - 1))
      ]!;
      const far = watched.largest.filter(({ size }) => size > ratio * usual && usual > 0);
      const [first] = far.toSorted((a, b) => a.line - b.line);
      if (first === undefined) return [];
      const many =
        far.length === 1
          ? '1 number is'
          : `${far.length === largestMax ? 'at least ' : ''}${far.length} numbers are`;
      return [
        `${column}: ${many} more than ${ratio} times as large as 99 % of all (${usual}); line ${first.line}: ${first.value}`,
      ];
    });
  }

  #watched(column: string): Watched {
    const known = this.#columns.get(column);
    if (known) return known;
    const watched: Watched = { count: 0, every: 1, some: [], largest: [] };
    this.#columns.set(column, watched);
    return watched;
  }
}
