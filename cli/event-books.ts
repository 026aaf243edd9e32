import { heldIn, laneSum, zeroLane } from '../core/joining/join-counts.js';
import { actorsOf } from '../messages/actor-status.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import { totalsOf } from '../messages/stats/totals.js';

type Line = readonly [text: string, count: number];

const eventNames = [
  ...(['actions', 'joinedActions', 'repeatedActions', 'organicActions'] as const),
  ...(['historyActions', 'lateActions', 'orphanActions', 'passedActions'] as const),
  ...(['erasedActions', 'ignoredActions', 'heldActions', 'duplicates', 'received'] as const),
] as const;
export type EventCounts = Readonly<Record<(typeof eventNames)[number], number>>;

/** Of events that reached the joiners; undefined where one of these has not told. */
export function eventCounts({ actors }: Pick<ClusterStatus, 'actors'>): EventCounts | undefined {
  return totalsOf(actorsOf(actors, 'joiner'), eventNames);
}

/** What has come between two looks. */
export function countsSince(now: EventCounts, before: EventCounts): EventCounts {
  const differences = eventNames.map((name) => [name, now[name] - before[name]] as const);
  return Object.fromEntries(differences) as EventCounts;
}

/** What became of events, each in one part. */
export function eventLine(what: string, c: EventCounts): string[] {
  // What went to another partition is counted there again.
  return line(what, c.actions - c.passedActions, [
    ['answered a slate', c.joinedActions],
    ['said it again', c.repeatedActions],
    ['learned of their own accord', c.organicActions],
    ['of their own accord, not learned', c.historyActions],
    ['wait', c.heldActions],
    ['erased', c.erasedActions],
    ['ignored', c.ignoredActions],
    ['too late, of nobody known (dead letters)', c.lateActions],
    ['of no slate and nobody known (dead letters)', c.orphanActions],
  ]);
}

/** Where every event and every impression that reached the joiners is now, in one line each; none before there is one. */
export function bookLines({ actors }: Pick<ClusterStatus, 'actors'>): string[] {
  const c = totalsOf(actorsOf(actors, 'joiner'), [
    ...eventNames,
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
  return [
    ...eventLine('events', c),
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
    ...outcomeLines(actorsOf(actors, 'joiner')),
    ...line('came again', c.duplicates, []),
    ...importLines(actorsOf(actors, 'joiner')),
  ];
}

/** Of the events above, those that files have brought. None while a joiner has not told its own. */
function importLines(
  joiners: readonly {
    readonly stats: { readonly lanes?: Readonly<Record<string, Readonly<Record<string, number>>>> };
  }[],
): string[] {
  const lanes = joiners.map(({ stats }) => stats.lanes);
  if (lanes.some((told) => told === undefined)) return [];
  const c = lanes
    .map((told) => ({ ...zeroLane(), ...told!['import'] }))
    .reduce(laneSum, zeroLane());
  return [
    ...line('imported', c.actions - c.passedActions + c.duplicates, [
      ['learned of their own accord', c.organicActions],
      ['answered a slate', c.joinedActions + c.repeatedActions],
      ['not learned', c.historyActions],
      ['wait', heldIn(c)],
      ['erased', c.erasedActions],
      ['ignored', c.ignoredActions],
      ['of nobody known (dead letters)', c.lateActions + c.orphanActions],
      ['told before', c.duplicates],
    ]),
  ];
}

/** One for each of several; the line of impressions is of the first. None while a joiner has not told its own. */
function outcomeLines(
  joiners: readonly {
    readonly stats: {
      readonly outcomes?: Readonly<Record<string, Readonly<Record<string, number>>>>;
    };
  }[],
): string[] {
  if (joiners.some(({ stats }) => stats.outcomes === undefined)) return [];
  const names = new Set(joiners.flatMap(({ stats }) => Object.keys(stats.outcomes!)));
  return [...names].flatMap((name) => {
    const sum = (count: string): number =>
      joiners.reduce((total, { stats }) => total + (stats.outcomes![name]?.[count] ?? 0), 0);
    const [positives, negatives, dropped] = [
      ...[sum('positives'), sum('negatives'), sum('negativesDropped')],
    ] as const;
    const parts: Line[] = [
      ['positives', positives],
      ['negatives', negatives],
      ['sampled away', dropped],
      ['not given', sum('notGiven')],
      ['never on screen', sum('notSeen')],
      ['open', sum('open')],
      ['erased', sum('erased')],
    ];
    const known = positives + negatives + dropped;
    const rate =
      known === 0 ? '' : `; ${((100 * positives) / known).toFixed(2)} % of what is known`;
    const total = parts.reduce((all, [, part]) => all + part, 0);
    return line(`outcome ${name}`, total, parts).map((text) => `${text}${rate}`);
  });
}

function line(what: string, count: number, parts: readonly Line[]): string[] {
  if (count === 0) return [];
  const said = parts
    .filter(([, part]) => part !== 0)
    .map(([text, part]) => `${part.toLocaleString('en-US')} ${text}`);
  const total = `${what}: ${count.toLocaleString('en-US')}`;
  return [said.length === 0 ? total : `${total} = ${said.join(' + ')}`];
}
