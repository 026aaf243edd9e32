import type { ClusterConfig } from '../config/schema.js';
import { blueprintOf } from './blueprint.js';

/** Which slot has which number, and how wide its rows are: what stands beside rows that are kept. */
export function namedSlots(config: ClusterConfig): { slot: number; name: string; dim: number }[] {
  const { spec, tables } = blueprintOf(config);
  return tables.map(({ slot, dim }, i) => ({ slot, name: spec.slots[i]!.name, dim }));
}
