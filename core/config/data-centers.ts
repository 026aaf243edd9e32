import type { ClusterConfig } from './schema.js';

/**
 * Copies of each stream, by data center. Three from three servers on: one may be lost and another restart, and a fourth
 * copy would cost every write more than it protects.
 */
export function replicasOf({
  dataCenters,
}: Pick<ClusterConfig, 'dataCenters'>): Record<string, number> {
  return Object.fromEntries(dataCenters.map(({ name, servers }) => [name, servers >= 3 ? 3 : 1]));
}

/** As it runs on one host: one server for each data center, whatever a deployment of the same configuration has. */
export function onOneHost(config: ClusterConfig): ClusterConfig {
  const dataCenters = config.dataCenters.map((each) => ({ ...each, servers: 1 as const }));
  return { ...config, dataCenters };
}

/** The name of the one that holds the tables and the trainers. */
export function trainingDataCenter({ dataCenters }: Pick<ClusterConfig, 'dataCenters'>): string {
  return dataCenters.find(({ role }) => role === 'training')!.name; // The schema asks for exactly one.
}
