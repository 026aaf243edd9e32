import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { StarlingError } from '../core/base/errors.js';
import { decodeTurn, encodeRecord, type Turn } from '../messages/hosts.js';
import type { Bus } from '../runtime/bus/bus.js';

/**
 * Something that hosts do one at a time before there is a bucket to hold a lease in: create the streams of a new
 * cluster. Each says again and again that it wants to, listens for a while, and acts if nobody goes before it; the others
 * wait until it is done, or was not heard of for so long that it must have died.
 *
 * Two may still act at once where the network between them fails just then; that costs a start, which is tried again,
 * and no data, as there is none yet.
 */
export interface TurnOptions {
  readonly act: () => Promise<void>;
  /** Asked while another host acts. */
  readonly isDone: () => Promise<boolean>;
  readonly listenMs?: number;
  readonly waitMsMax?: number;
}

/** Several to a listening time, so that a lost one changes nothing. */
const sayMs = 100;

/**
 * Too low: two hosts on both sides of a slow line, or one that is just loading code, act at once. Too high: the first
 * start of a cluster takes longer.
 */
const listenMsDefault = 2_000;

/** Creating all streams takes some seconds. Too low: hosts of a slow cluster give up. Too high: one that hangs holds up the others. */
const waitMsMaxDefault = 120_000;

/** @throws StarlingError TIMEOUT when others have been at it for too long */
export async function takeTurns(
  bus: Pick<Bus, 'names' | 'publish' | 'subscribe'>,
  { act, isDone, listenMs = listenMsDefault, waitMsMax = waitMsMaxDefault }: TurnOptions,
): Promise<void> {
  const id = randomBytes(8).toString('hex');
  const others = new Map<string, Heard>();
  let acting = false;
  const say = (): void => bus.publish(bus.names.subject.turn, encodeRecord({ id, acting }));
  const hearing = bus.subscribe(bus.names.subject.turn, (bytes) => {
    const turn = heard(bytes);
    if (turn && turn.id !== id) others.set(turn.id, { ...turn, atMs: performance.now() });
  });
  const saying = setInterval(say, sayMs);
  const sinceMs = performance.now();
  try {
    for (;;) {
      const nowMs = performance.now();
      const alive = [...others.values()].filter(({ atMs }) => nowMs - atMs < listenMs);
      if (nowMs - sinceMs >= listenMs && isNext(id, alive)) break;
      if (nowMs - sinceMs > waitMsMax) throw tooLong(waitMsMax, alive);
      if (alive.some((other) => other.acting) && (await isDone())) return;
      await sleep(sayMs);
    }
    // Who went before may have finished just now.
    if (others.size > 0 && (await isDone())) return;
    acting = true;
    say();
    await act();
  } finally {
    clearInterval(saying);
    await hearing.stop();
  }
}

interface Heard extends Turn {
  readonly atMs: number;
}

/** Whether `id` goes before all others that were heard of. */
export function isNext(id: string, others: readonly Turn[]): boolean {
  return others.every((other) => !other.acting && id < other.id);
}

function heard(bytes: Uint8Array): Turn | undefined {
  try {
    return decodeTurn(bytes);
  } catch {
    return undefined; // Of a release that speaks otherwise, which is not to be started together with this one.
  }
}

function tooLong(waitMs: number, others: readonly Turn[]): StarlingError {
  const text = `${others.length} other hosts have been about to create streams for ${waitMs} ms`;
  return new StarlingError('TIMEOUT', text, { others: others.length });
}
