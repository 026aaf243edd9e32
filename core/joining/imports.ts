import type { LaneCounters } from './types.js';

/** How far an import has come into a window. */
export interface KnownImport {
  /** Of the last of its rows that came. */
  readonly position: number;
  /** Of all imports, when its first record came. */
  readonly before: LaneCounters;
  /** Of ACTIVITY, up to where it knows what was told before it; absent: it began with nothing. */
  readonly activity?: number;
}

/**
 * Imports that have come into a window, for ever: each by how far it has come. Who sends one again, or goes on with one that was
 * cut off, sends nothing twice: rows up to there are passed over, whatever records they are in.
 */
export class Imports {
  readonly #known = new Map<string, KnownImport>();

  get(name: string): KnownImport | undefined {
    return this.#known.get(name);
  }

  /** @param begin how it begins, for one that is new. */
  reach(name: string, position: number, begin: () => Omit<KnownImport, 'position'>): void {
    const known = this.#known.get(name) ?? { position: 0, ...begin() };
    this.#known.set(name, { ...known, position: Math.max(known.position, position) });
  }

  get all(): Readonly<Record<string, KnownImport>> {
    return Object.fromEntries(this.#known);
  }

  restore(imports: Readonly<Record<string, KnownImport>>): void {
    for (const [name, known] of Object.entries(imports)) this.#known.set(name, known);
  }
}
