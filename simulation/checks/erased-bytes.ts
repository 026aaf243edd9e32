import type { ClusterNames } from '../../messages/cluster-names.js';
import type { MemoryServers } from '../nats/memory-servers.js';

/** What forgets when an erasure is done; all else by age (docs/erasure.md). */
const forgetful = /^(FEATURES|DELTAS|SNAPSHOTS)/;

/** That is shown of what was found. */
const aroundBytes = 40;

/** Where a name of somebody who was erased stands in the bytes of streams that forget at once, in words. */
export function erasedPeopleIn(
  { streams }: Pick<MemoryServers, 'streams'>,
  { stream }: ClusterNames,
  people: readonly string[],
): string | undefined {
  const names = people.map((person) => Buffer.from(person));
  const prefix = stream.features.slice(0, -'FEATURES'.length);
  for (const each of streams) {
    if (!forgetful.test(each.name.slice(prefix.length))) continue;
    for (let next = each.next(1); next; next = each.next(next.sequence + 1)) {
      const { bytes, subject, sequence } = next;
      const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      const found = names.findIndex((name) => whole.includes(name));
      if (found < 0) continue;
      const at = whole.indexOf(names[found]!);
      const around = whole.subarray(Math.max(0, at - aroundBytes), at + 2 * aroundBytes).toString('latin1').replace(/[^ -~]/g, '.'); // prettier-ignore
      return `${people[found]} was erased, and is in ${each.name} #${sequence} ${subject}: ${around}`;
    }
  }
  return undefined;
}
