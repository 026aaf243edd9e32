import type { ClusterConfig } from './schema.js';

export const dataCenterRoles = ['training', 'inference', 'all'] as const;
export type DataCenterRole = (typeof dataCenterRoles)[number];

interface HasRole {
  readonly role: DataCenterRole;
}

/** Whether tables, trainers and the logs are there. */
export function trains({ role }: HasRole): boolean {
  return role !== 'inference';
}

/** Whether requests are answered there. */
export function answersRequests({ role }: HasRole): boolean {
  return role !== 'training';
}

/** Whether it does both: what is learned there is served there, from the logs themselves. */
function isWhole({ role }: HasRole): boolean {
  return role === 'all';
}

/**
 * Whom to turn to, best first: the named one, then inference data centers, which answer requests by themselves, then
 * the training one.
 */
export function homeFirst<T extends HasRole & { readonly name: string }>(
  dataCenters: readonly T[],
  home: string | undefined,
): T[] {
  const rank = (each: T): number => (each.name === home ? 0 : answersRequests(each) ? 1 : 2);
  return [...dataCenters].sort((one, other) => rank(one) - rank(other));
}

/**
 * Copies of each stream, by data center. Three from three servers on: one may be lost and another restart, and a fourth
 * copy would cost every write more than it protects.
 */
export function replicasOf({
  dataCenters,
}: Pick<ClusterConfig, 'dataCenters'>): Record<string, number> {
  return Object.fromEntries(dataCenters.map(({ name, servers }) => [name, servers >= 3 ? 3 : 1]));
}

/**
 * The configuration where it runs: with as many servers as are there, whatever it was written for. A laptop has one for
 * each data center.
 */
export function withServers(
  config: ClusterConfig,
  present: readonly { readonly dataCenter: string }[],
): ClusterConfig {
  const dataCenters = config.dataCenters.map((each) => {
    const count = present.filter(({ dataCenter }) => dataCenter === each.name).length;
    const servers = count >= 5 ? 5 : count >= 3 ? 3 : 1;
    return { ...each, servers } as const;
  });
  return { ...config, dataCenters };
}

/** The name of the one that holds the tables and the trainers. */
export function trainingDataCenter({ dataCenters }: Pick<ClusterConfig, 'dataCenters'>): string {
  return dataCenters.find(trains)!.name; // The schema asks for exactly one.
}

/** The name of the one that does both, where there is one: copies of its logs would be in the same place. */
export function wholeDataCenter({
  dataCenters,
}: {
  readonly dataCenters: readonly (HasRole & { readonly name: string })[];
}): string | undefined {
  return dataCenters.find(isWhole)?.name;
}
