import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessIdentity } from './process-identity.js';

/** Too low: on systems without /proc, each look starts a `ps`. Too high: its end is noticed so much later. */
const lookMs = 100;

/**
 * Watches a process that somebody else has started. The system does not tell us of its end, as it is not our child, so it
 * is looked at again and again.
 *
 * @param goOn called between the looks; false ends the watch.
 * @returns whether it has ended; false when the watch was.
 */
export async function watchForeign(
  identity: ProcessIdentity,
  goOn: () => boolean = () => true,
): Promise<boolean> {
  while (await isAlive(identity)) {
    if (!goOn()) return false;
    await sleep(lookMs);
  }
  return true;
}
