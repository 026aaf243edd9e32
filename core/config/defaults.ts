/**
 * The data centers of a cluster on one laptop. Three, because the streams' meta group needs a majority to survive the
 * loss of any one, and because two inference data centers show that one can stand in for the other.
 */
export const dataCentersDefault = (): { name: string; role: 'training' | 'inference' }[] => [
  { name: 'train', role: 'training' },
  { name: 'east', role: 'inference' },
  { name: 'west', role: 'inference' },
];
