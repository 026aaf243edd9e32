import type { BadRow } from './row-file.js';

/** What is wrong in one file, told by kind: a count, and the first lines of each. */
export interface Problem {
  readonly kind: string;
  readonly count: number;
  readonly first: readonly {
    readonly line: number;
    readonly column?: string;
    readonly text: string;
  }[];
}

/** Enough to see what they have in common. */
const firstMax = 3;
/** A file whose every cell is wrong in its own way would otherwise be held in memory. */
const kindsMax = 1_000;

export class Problems {
  readonly #kinds = new Map<string, { count: number; first: BadRow[] }>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  readonly take = (row: BadRow): void => {
    this.#count++;
    const known = this.#kinds.get(row.kind) ?? { count: 0, first: [] };
    known.count++;
    if (known.first.length < firstMax) known.first.push(row);
    if (this.#kinds.size < kindsMax) this.#kinds.set(row.kind, known);
  };

  list(): Problem[] {
    const kinds = [...this.#kinds].sort(([, a], [, b]) => a.first[0]!.line - b.first[0]!.line);
    return kinds.map(([kind, { count, first }]) => ({
      ...{ kind, count },
      first: first.map(({ line, column, text }) => ({
        ...{ line, text },
        ...(column === undefined ? {} : { column }),
      })),
    }));
  }
}
