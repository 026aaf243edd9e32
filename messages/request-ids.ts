import { hashString } from '../core/base/hash.js';

/**
 * Ids of requests that we draw say in which partition of JOIN their impressions are: `<id>.j<partition>-<check>`. So an event
 * that names its request alone finds them; where there is one partition an id says nothing. The check tells them from ids
 * of others, who may call their requests what they like.
 */
const placed = /^(.+)\.j(\d+)-([0-9a-z]+)$/s;

const checkSeed = 0x6a0e1d;
const checks = 36 ** 3;

export function placedRequestId(id: string, partition: number, partitions: number): string {
  return partitions === 1 ? id : `${id}.j${partition}-${checkOf(id, partition)}`;
}

/** The partition that the id says; undefined: it is none of ours. */
export function partitionIn(requestId: string, partitions: number): number | undefined {
  const [, id, number, check] = placed.exec(requestId) ?? [];
  if (id === undefined) return undefined;
  const partition = Number(number);
  return partition < partitions && check === checkOf(id, partition) ? partition : undefined;
}

function checkOf(id: string, partition: number): string {
  return (hashString(`${partition} ${id}`, checkSeed) % checks).toString(36);
}
