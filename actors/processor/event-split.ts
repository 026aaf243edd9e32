import { hashString } from '../../core/base/hash.js';

const joinerSeed = 0x10135;

/** Events of one request go to one joiner, whatever their kind and order. */
export function joinerOf(requestId: string, joinerCount: number): number {
  return joinerCount === 1 ? 0 : hashString(requestId, joinerSeed) % joinerCount;
}

/** Row indices per joiner; undefined when all rows go to joiner 0 and no split is needed. */
export function splitByJoiner(
  requestIds: readonly string[],
  joinerCount: number,
): number[][] | undefined {
  if (joinerCount === 1) return undefined;
  const split: number[][] = Array.from({ length: joinerCount }, () => []);
  for (let i = 0; i < requestIds.length; i++) split[joinerOf(requestIds[i]!, joinerCount)]!.push(i);
  return split;
}
