import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../../core/base/errors.js';
import { parseRecommendation, type Recommendation } from '../../client/replies.js';
import { protocolVersion } from '../../messages/codec.js';
import { call } from '../../runtime/idempotent-call.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';

interface Asked {
  readonly user: string;
  readonly k: number;
}

export interface LoadOptions {
  readonly buses: readonly NatsBus[];
  readonly perSecond: number;
  readonly seconds: number;
  /** Who asks waits so long; what comes later is no answer. */
  readonly deadlineMs: number;
  readonly ask: (n: number) => Asked;
  readonly answered?: (answer: Recommendation, request: Asked) => void;
}

export interface LoadFigures {
  readonly sent: number;
  /** Milliseconds since a request was due, ascending. */
  readonly answerMs: readonly number[];
  readonly degraded: number;
  /** Of those, the ones that are in no order. */
  readonly unordered: number;
  /** Answers that have nothing. */
  readonly empty: number;
  /** By code; and how long each took to come, ascending. */
  readonly refused: ReadonlyMap<string, number>;
  readonly refusalMs: readonly number[];
  readonly seconds: number;
}

/**
 * Requests leave at times drawn beforehand, whatever becomes of those before (open loop), and time counts from when each was due:
 * so nothing is left out while somebody is behind. Nobody asks twice: what is refused is counted, and not tried again.
 */
export async function openLoad(options: LoadOptions): Promise<LoadFigures> {
  const { buses, perSecond, seconds, deadlineMs, ask, answered } = options;
  const answerMs: number[] = [];
  const refusalMs: number[] = [];
  const refused = new Map<string, number>();
  const waiting: Promise<void>[] = [];
  let degraded = 0;
  let unordered = 0;
  let empty = 0;
  const send = async (n: number, dueMs: number): Promise<void> => {
    const request = ask(n);
    try {
      const bus = buses[n % buses.length]!;
      const { subject } = bus.names;
      const message = { v: protocolVersion, ...request };
      const reply = await call(bus, subject.recommend, message, { deadlineMs, retry: 'none' });
      const answer = parseRecommendation(reply);
      answerMs.push(performance.now() - dueMs);
      if (answer.degraded) degraded++;
      if (answer.items.length === 0) empty++;
      if (answer.warnings.some((text) => text.startsWith('no network'))) unordered++;
      answered?.(answer, request);
    } catch (error) {
      refusalMs.push(performance.now() - dueMs);
      const code = codeOf(error);
      refused.set(code, (refused.get(code) ?? 0) + 1);
    }
  };
  const startMs = performance.now();
  let dueMs = startMs;
  for (let n = 0; ; n++) {
    dueMs += (-Math.log(1 - Math.random()) * 1000) / perSecond;
    if (dueMs > startMs + 1000 * seconds) break;
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await sleep(waitMs);
    waiting.push(send(n, dueMs));
  }
  await Promise.all(waiting);
  const ascending = (list: number[]): number[] => list.sort((a, b) => a - b);
  return {
    sent: waiting.length,
    ...{ answerMs: ascending(answerMs), refusalMs: ascending(refusalMs) },
    ...{ degraded, unordered, empty, refused, seconds },
  };
}

export function quantile(ascending: readonly number[], q: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(q * ascending.length))] ?? NaN;
}
