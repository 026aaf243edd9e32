/**
 * Sums over actors of a kind. A sum of what some of them say is no sum: where one has not told a figure, there is none.
 */
interface Heard<Name extends string> {
  readonly address: string;
  readonly stats: { readonly [N in Name]?: number };
}

/** @returns undefined where an actor has not told one of them, or there is none that could. */
export function totalsOf<Name extends string>(
  actors: readonly Heard<Name>[],
  names: readonly Name[],
): Readonly<Record<Name, number>> | undefined {
  if (actors.length === 0 || untold(actors, names).length > 0) return undefined;
  const sums = names.map((name) => {
    const sum = actors.reduce((total, { stats }) => total + (stats[name] ?? NaN), 0);
    return [name, sum] as const;
  });
  return Object.fromEntries(sums) as Record<Name, number>;
}

/** What is missing for a sum, in words. */
export function untold<Name extends string>(
  actors: readonly Heard<Name>[],
  names: readonly Name[],
): string[] {
  return actors.flatMap(({ address, stats }) => {
    const missing = names.filter((name) => stats[name] === undefined);
    return missing.length > 0 ? [`${address} has not told ${missing.join(', ')}`] : [];
  });
}
