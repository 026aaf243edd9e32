import type { Random } from '../base/random.js';
import type { Catalog } from './catalog.js';

/** An item that an event is learned against, and how much it counts there. */
export interface DrawnItem {
  readonly item: string;
  readonly weight: number;
}

/**
 * A drawn item counts for 1/(n·q), n being how many are drawn and q how likely each draw was to be it, times n/N, N being how many
 * different ones could have been drawn: so n draws weigh n in the mean however they are drawn, and what is learned are the odds
 * against n items of all that there are, each as likely as the others. With all alike each draw counts for 1.
 *
 * Nothing counts for more than this. Too high: one rare item of ten thousand moves the rows of its user as much as a hundred
 * events. Too low: what is drawn less than a tenth as often as all alike would be is told of too seldom.
 */
export const drawnWeightMax = 10;

/** Of one that happened, so many tries for each item: where nearly all that there is is itself, it is learned against less. */
const triesMax = 8;

/** Items that events are learned against: all that there are, alike. */
export class CatalogDraws {
  readonly #catalog: Pick<Catalog, 'placeCount' | 'idAt'>;
  readonly #random: Pick<Random, 'next'>;

  constructor(catalog: Pick<Catalog, 'placeCount' | 'idAt'>, random: Pick<Random, 'next'>) {
    this.#catalog = catalog;
    this.#random = random;
  }

  /** The catalog knows by itself. */
  note(): void {
    return undefined;
  }

  /** See NegativeDraws. */
  draw(count: number, not: string): DrawnItem[] {
    const { placeCount } = this.#catalog;
    const next = () => this.#catalog.idAt(Math.floor(this.#random.next() * placeCount));
    return weighed(drawn(count, not, next), count, () => 1);
  }
}

/**
 * Items that events are learned against: drawn from the items of the newest events of anybody, so as often as they are popular.
 * What it knows at first is what it is told.
 */
export class NegativeDraws {
  readonly #recent: string[] = [];
  /** How often each of them is there. */
  readonly #counts = new Map<string, number>();
  readonly #size: number;
  readonly #random: Pick<Random, 'next'>;
  #next = 0;

  /** @param size Too few: the same items again and again. Too many: what was popular long ago. */
  constructor(size: number, random: Pick<Random, 'next'>) {
    this.#size = size;
    this.#random = random;
  }

  note(item: string): void {
    const old = this.#recent[this.#next];
    if (old !== undefined) this.#forget(old);
    this.#recent[this.#next] = item;
    this.#counts.set(item, this.#countOf(item) + 1);
    this.#next = (this.#next + 1) % this.#size;
  }

  /** As long as too little is known by itself. */
  seed(items: readonly string[]): void {
    if (this.#recent.length === 0) for (const item of items.slice(0, this.#size)) this.note(item);
  }

  /**
   * Draws `count` times; an item that comes again is there once and counts for both.
   *
   * @param not what happened.
   */
  draw(count: number, not: string): DrawnItem[] {
    const { length } = this.#recent;
    const own = this.#countOf(not);
    const others = this.#counts.size - (own > 0 ? 1 : 0);
    const next = () => this.#recent[Math.floor(this.#random.next() * length)];
    const uniform = (length - own) / others;
    return weighed(drawn(count, not, next), count, (item) => uniform / this.#countOf(item));
  }

  #countOf(item: string): number {
    return this.#counts.get(item) ?? 0;
  }

  #forget(item: string): void {
    const count = this.#countOf(item);
    if (count > 1) this.#counts.set(item, count - 1);
    else this.#counts.delete(item);
  }
}

/** How often each came. Draws of what happened are drawn again, so the others are as likely as they are among each other. */
function drawn(
  count: number,
  not: string,
  next: () => string | undefined,
): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  let left = count;
  for (let tries = triesMax * count; tries > 0 && left > 0; tries--) {
    const item = next();
    if (item === undefined || item === not) continue;
    times.set(item, (times.get(item) ?? 0) + 1);
    left--;
  }
  return times;
}

/** @param weightOf of one draw, 1 in the mean. */
function weighed(
  times: ReadonlyMap<string, number>,
  count: number,
  weightOf: (item: string) => number,
): DrawnItem[] {
  let draws = 0;
  for (const each of times.values()) draws += each;
  // Fewer count for as many.
  const scale = count / draws;
  return [...times].map(([item, each]) => {
    return { item, weight: Math.min(drawnWeightMax, scale * each * weightOf(item)) };
  });
}
