import { actorsOf } from '../messages/actor-status.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import { totalsOf } from '../messages/stats/totals.js';

type Line = readonly [text: string, count: number];

/** Where every event and every impression that reached the joiners is now, in one line each; none before there is one. */
export function bookLines({ actors }: Pick<ClusterStatus, 'actors'>): string[] {
  const c = totalsOf(actorsOf(actors, 'joiner'), [
    ...(['actions', 'joinedActions', 'repeatedActions', 'organicActions'] as const),
    ...(['historyActions', 'lateActions', 'orphanActions', 'passedActions'] as const),
    ...(['erasedActions', 'ignoredActions', 'heldActions', 'duplicates', 'received'] as const),
    'impressions' as const,
    ...([
      'lateImpressions',
      'ignoredImpressions',
      'positives',
      'negatives',
      'negativesDropped',
    ] as const),
    ...(['notSeen', 'erased', 'open'] as const),
  ]);
  if (!c) return [];
  // What went to another partition is counted there again.
  const events = c.actions - c.passedActions;
  return [
    ...line('events', events, [
      ['answered a slate', c.joinedActions],
      ['said it again', c.repeatedActions],
      ['learned of their own accord', c.organicActions],
      ['of their own accord, not learned', c.historyActions],
      ['wait', c.heldActions],
      ['erased', c.erasedActions],
      ['ignored', c.ignoredActions],
      ['too late, of nobody known (dead letters)', c.lateActions],
      ['of no slate and nobody known (dead letters)', c.orphanActions],
    ]),
    ...line('impressions', c.impressions, [
      ['positives', c.positives],
      ['negatives', c.negatives],
      ['sampled away', c.negativesDropped],
      ['never on screen', c.notSeen],
      ['open', c.open],
      ['erased', c.erased],
      ['ignored', c.ignoredImpressions],
      ['too late (dead letters)', c.lateImpressions],
    ]),
    ...line('came again', c.duplicates, []),
  ];
}

function line(what: string, count: number, parts: readonly Line[]): string[] {
  if (count === 0) return [];
  const said = parts
    .filter(([, part]) => part !== 0)
    .map(([text, part]) => `${part.toLocaleString('en-US')} ${text}`);
  const total = `${what}: ${count.toLocaleString('en-US')}`;
  return [said.length === 0 ? total : `${total} = ${said.join(' + ')}`];
}
