import type { ClusterStatus } from '../messages/cluster-status.js';
import { actorsOf } from '../messages/actor-status.js';
import { totalsOf } from '../messages/stats/totals.js';

/** What is strange in what was told of items and users; nothing where there is nothing. */
export function attributeLines({ actors }: Pick<ClusterStatus, 'actors'>): string[] {
  const processors = actorsOf(actors, 'processor');
  const names = processors.flatMap(({ stats }) => stats.unknownAttributes?.split(', ') ?? []);
  const different = [...new Set(names)].filter((name) => name !== '');
  const { unreadable = 0 } = totalsOf(processors, ['unreadable']) ?? {};
  const example = processors.map(({ stats }) => stats.unreadableExample).find(Boolean);
  const thin = thinItemsOf(actors);
  const values = unreadable === 1 ? '1 value' : `${unreadable.toLocaleString('en-US')} values`;
  return [
    ...(different.length > 0
      ? [`attributes: kept, though nothing is declared of ${different.join(', ')}`]
      : []),
    ...(unreadable > 0
      ? [`attributes: ${values} could not be read and are left out${example ? `; ${example}` : ''}`]
      : []),
    ...thin,
  ];
}

/** All stores see the same; the one that runs longest has seen most. */
function thinItemsOf(actors: ClusterStatus['actors']): string[] {
  const stores = actorsOf(actors, 'feature-store').map(({ stats }) => stats);
  const count = Math.max(0, ...stores.map(({ thinItems }) => thinItems ?? 0));
  if (count === 0) return [];
  const example = stores.find(({ thinItems }) => thinItems === count)?.thinItemsExample;
  const items = count === 1 ? '1 item has' : `${count.toLocaleString('en-US')} items have`;
  return [
    `attributes: ${items} next to nothing but what a patch said, which is offered all the same${example ? `; ${example}` : ''}`,
  ];
}
