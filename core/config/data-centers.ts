import type { ClusterConfig } from './schema.js';

/** The name of the one that holds the tables and the trainers. */
export function trainingDataCenter({ dataCenters }: Pick<ClusterConfig, 'dataCenters'>): string {
  return dataCenters.find(({ role }) => role === 'training')!.name; // The schema asks for exactly one.
}
