import type { Catalog } from './catalog.js';
import type { Random } from '../base/random.js';

/** Items that events are learned against: all that there are, alike. */
export class CatalogDraws {
  readonly #catalog: Pick<Catalog, 'size' | 'idAt'>;
  readonly #random: Pick<Random, 'next'>;

  constructor(catalog: Pick<Catalog, 'size' | 'idAt'>, random: Pick<Random, 'next'>) {
    this.#catalog = catalog;
    this.#random = random;
  }

  /** The catalog knows by itself. */
  note(): void {
    return undefined;
  }

  draw(count: number, not: string): string[] {
    const { size } = this.#catalog;
    return distinct(count, not, () => this.#catalog.idAt(Math.floor(this.#random.next() * size)));
  }
}

/** At most `count` different ones, fewer where there are not so many. @param not what happened. */
function distinct(count: number, not: string, next: () => string | undefined): string[] {
  const drawn = new Set<string>();
  for (let tries = 4 * count; tries > 0 && drawn.size < count; tries--) {
    const item = next();
    if (item !== undefined && item !== not) drawn.add(item);
  }
  return [...drawn];
}

/**
 * Items that events are learned against: drawn from the items of the newest events of anybody, so as often as they are popular.
 * What it knows at first is what it is told.
 */
export class NegativeDraws {
  readonly #recent: string[] = [];
  readonly #size: number;
  readonly #random: Pick<Random, 'next'>;
  #next = 0;

  /** @param size Too few: the same items again and again. Too many: what was popular long ago. */
  constructor(size: number, random: Pick<Random, 'next'>) {
    this.#size = size;
    this.#random = random;
  }

  note(item: string): void {
    this.#recent[this.#next] = item;
    this.#next = (this.#next + 1) % this.#size;
  }

  /** As long as too little is known by itself. */
  seed(items: readonly string[]): void {
    if (this.#recent.length === 0) for (const item of items.slice(0, this.#size)) this.note(item);
  }

  /** At most `count` different ones, fewer where there are not so many. @param not what happened. */
  draw(count: number, not: string): string[] {
    const { length } = this.#recent;
    return distinct(count, not, () => this.#recent[Math.floor(this.#random.next() * length)]);
  }
}
