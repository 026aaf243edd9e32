import { settingKeys } from '../../core/config/settings.js';
import { actorsOf } from '../../messages/actor-status.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import type { Bus } from '../../runtime/bus/bus.js';

/**
 * Whether whoever follows settings has, in every data center, what their log says, and the log what the operator was told is
 * made; in words what is wrong.
 */
export async function wrongSettings(
  bus: Pick<Bus, 'names' | 'lastMessage'>,
  status: ClusterStatus | undefined,
  acknowledged: number,
): Promise<string | undefined> {
  const { stream, subject } = bus.names;
  const newest = await Promise.all(
    settingKeys.map((key) => bus.lastMessage(stream.settings, subject.setting(key))),
  );
  const version = Math.max(0, ...newest.map((record) => record?.sequence ?? 0));
  if (version < acknowledged)
    return `settings of version ${acknowledged} were made, and the log ends with ${version}`;
  const actors = status?.actors ?? [];
  const followers = [...actorsOf(actors, 'ranker'), ...actorsOf(actors, 'recommender')];
  const texts = new Set(followers.map(({ stats }) => stats.settings));
  const behind = followers.filter(({ stats }) => stats.settingsVersion !== version);
  if (behind.length > 0)
    return `settings are of version ${version}, and not in force in ${behind.map(({ address }) => address).join(', ')}`;
  return texts.size > 1 ? `settings differ: ${[...texts].join(' and ')}` : undefined;
}
