import type { ClusterConfig } from './schema.js';

/**
 * Whom to turn to, best first: the named one, then inference data centers, which answer requests by themselves, then
 * the training one.
 */
export function homeFirst<T extends Pick<ClusterConfig['dataCenters'][number], 'name' | 'role'>>(
  dataCenters: readonly T[],
  home: string | undefined,
): T[] {
  const rank = ({ name, role }: T): number => (name === home ? 0 : role === 'inference' ? 1 : 2);
  return [...dataCenters].sort((one, other) => rank(one) - rank(other));
}

/** The name of the one that holds the tables and the trainers. */
export function trainingDataCenter({ dataCenters }: Pick<ClusterConfig, 'dataCenters'>): string {
  return dataCenters.find(({ role }) => role === 'training')!.name; // The schema asks for exactly one.
}
