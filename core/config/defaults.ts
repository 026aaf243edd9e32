import type { DataCenterRole } from './data-centers.js';

/**
 * The data centers of a cluster on one laptop. Three, because the streams' meta group needs a majority to survive the
 * loss of any one, and because two inference data centers show that one can stand in for the other.
 */
export const dataCentersDefault = (): {
  name: string;
  role: DataCenterRole;
  servers: 1 | 3 | 5;
}[] => [
  { name: 'train', role: 'training', servers: 1 },
  { name: 'east', role: 'inference', servers: 1 },
  { name: 'west', role: 'inference', servers: 1 },
];
