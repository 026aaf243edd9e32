import { actorsOf } from '../messages/actor-status.js';
import type { ClusterStatus } from '../messages/cluster-status.js';

const namesMax = 3;

/** Whose clocks are ahead, as far as processors were told of since they were started; nothing where all are right. */
export function clockLines({ actors }: Pick<ClusterStatus, 'actors'>): string[] {
  const processors = actorsOf(actors, 'processor');
  const putBack = processors.reduce((sum, { stats }) => sum + (stats.putBack ?? 0), 0);
  if (putBack === 0) return [];
  const furthest = new Map<string, { events: number; aheadMs: number }>();
  for (const { stats } of processors)
    for (const [name, { events = 0, aheadMsMax = 0 }] of Object.entries(stats.putBackBy ?? {})) {
      const known = furthest.get(name) ?? { events: 0, aheadMs: 0 };
      const aheadMs = Math.max(known.aheadMs, aheadMsMax);
      furthest.set(name, { events: known.events + events, aheadMs });
    }
  const said = [...furthest]
    .sort(([, a], [, b]) => b.aheadMs - a.aheadMs)
    .slice(0, namesMax)
    .map(([name, { events, aheadMs }]) => `${name} ${spanText(aheadMs)} (${number(events)})`);
  const what = putBack === 1 ? '1 event was' : `${number(putBack)} events were`;
  const whose = said.length === 0 ? '' : `: ${said.join(', ')}`;
  return [`clocks ahead: ${what} put back to the time of acceptance${whose}`];
}

const number = (count: number): string => count.toLocaleString('en-US');

function spanText(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes < 2) return `${Math.round(ms / 1_000)} s`;
  return minutes < 120 ? `${Math.round(minutes)} min` : `${Math.round(minutes / 60)} h`;
}
