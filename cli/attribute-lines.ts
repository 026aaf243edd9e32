import type { ClusterStatus } from '../messages/cluster-status.js';
import { actorsOf } from '../messages/actor-status.js';
import { totalsOf } from '../messages/stats/totals.js';

/** What processors found strange in what they were told of items and users; nothing where there is nothing. */
export function attributeLines({ actors }: Pick<ClusterStatus, 'actors'>): string[] {
  const processors = actorsOf(actors, 'processor');
  const names = processors.flatMap(({ stats }) => stats.unknownAttributes?.split(', ') ?? []);
  const different = [...new Set(names)].filter((name) => name !== '');
  const { unreadable = 0 } = totalsOf(processors, ['unreadable']) ?? {};
  const example = processors.map(({ stats }) => stats.unreadableExample).find(Boolean);
  const values = unreadable === 1 ? '1 value' : `${unreadable.toLocaleString('en-US')} values`;
  return [
    ...(different.length > 0
      ? [`attributes: kept, though nothing is declared of ${different.join(', ')}`]
      : []),
    ...(unreadable > 0
      ? [`attributes: ${values} could not be read and are left out${example ? `; ${example}` : ''}`]
      : []),
  ];
}
