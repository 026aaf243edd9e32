import { answersRequests } from '../../core/config/data-centers.js';
import type { ActorContext } from '../../runtime/actor.js';

/**
 * Where a replica answers everybody while its own server is gone. A guest among the replicas of another data center would get
 * every other request of people there, over a link that may be what is wrong; it answers those of its own data center, by
 * their subject. In training nobody else would answer.
 */
export function answersAt({ config }: ActorContext): (dataCenter: string) => boolean {
  return (dataCenter) =>
    !config.dataCenters.some((each) => each.name === dataCenter && answersRequests(each));
}
