import type { RawFeatures } from '../../messages/features.js';

export type Filter = Readonly<Record<string, string | number | readonly (string | number)[]>>;

/** The items there are, with their features for filters: a follower of FEATURES, newest item last. No I/O. */
export class Catalog {
  readonly #items = new Map<string, RawFeatures>();
  #popular: readonly string[] = [];

  get size(): number {
    return this.#items.size;
  }

  put(id: string, features: RawFeatures): void {
    this.#items.set(id, features);
  }

  setPopular(items: readonly string[]): void {
    this.#popular = items;
    for (const id of items) if (!this.#items.has(id)) this.#items.set(id, {});
  }

  /**
   * Popular, then recent, then all others, until `limits.max` candidates are found. `start` is where the walk over the
   * others begins: drawn anew for each request, so that a large catalog gets its turn too.
   */
  candidates(
    wanted: { readonly exclude: ReadonlySet<string>; readonly filter: Filter | undefined },
    limits: {
      readonly max: number;
      readonly popular: number;
      readonly recent: number;
      readonly start: number;
    },
  ): string[] {
    const all = [...this.#items.keys()];
    const chosen = new Set<string>();
    const take = (id: string): void => {
      if (chosen.size >= limits.max || chosen.has(id) || wanted.exclude.has(id)) return;
      const features = this.#items.get(id);
      if (features && matches(id, features, wanted.filter)) chosen.add(id);
    };
    for (const id of this.#popular.slice(0, limits.popular)) take(id);
    for (let i = all.length - 1; i >= 0 && i >= all.length - limits.recent; i--) take(all[i]!);
    const offset = Math.floor(limits.start * all.length);
    for (let i = 0; i < all.length && chosen.size < limits.max; i++)
      take(all[(offset + i) % all.length]!);
    return [...chosen];
  }

  matches(id: string, filter: Filter | undefined): boolean {
    return matches(id, this.#items.get(id) ?? {}, filter);
  }
}

/** Every named feature must have one of the wanted values; a feature with several values needs one in common. */
function matches(id: string, features: RawFeatures, filter: Filter | undefined): boolean {
  if (!filter) return true;
  return Object.entries(filter).every(([name, wanted]) => {
    const has = name === 'item' ? [id] : valuesOf(features[name]);
    const wants = (Array.isArray(wanted) ? wanted : [wanted]).map(String);
    return has.some((value) => wants.includes(value));
  });
}

function valuesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === 'string'
    ? value.split('|')
    : typeof value === 'number'
      ? [String(value)]
      : [];
}
