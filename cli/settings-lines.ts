import { actorsOf } from '../messages/actor-status.js';
import type { ClusterStatus } from '../messages/cluster-status.js';

/** Which settings are in force, as rankers and recommenders tell; nothing where all is as configured. */
export function settingsLines({ actors }: Pick<ClusterStatus, 'actors'>): string[] {
  const followers = [...actorsOf(actors, 'ranker'), ...actorsOf(actors, 'recommender')];
  const version = Math.max(0, ...followers.map(({ stats }) => stats.settingsVersion ?? 0));
  if (version === 0) return [];
  const there = followers.filter(({ stats }) => stats.settingsVersion === version);
  const text = there[0]?.stats.settings ?? '';
  const where =
    there.length === followers.length
      ? ''
      : `, in force in ${there.length} of ${followers.length} rankers and recommenders`;
  return [`settings: ${text === '' ? 'as configured' : text}, version ${version}${where}`];
}
