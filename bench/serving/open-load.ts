import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../../core/base/errors.js';
import type { RecommendInput, StarlingClient } from '../../client/client.js';
import type { Recommendation } from '../../client/replies.js';

export interface LoadOptions {
  readonly clients: readonly StarlingClient[];
  readonly perSecond: number;
  readonly seconds: number;
  /** Who asks waits so long; what comes later is no answer. */
  readonly deadlineMs: number;
  readonly ask: (n: number) => RecommendInput;
  readonly answered?: (answer: Recommendation, request: RecommendInput) => void;
}

export interface LoadFigures {
  readonly sent: number;
  /** Milliseconds since a request was due, ascending. */
  readonly answerMs: readonly number[];
  readonly degraded: number;
  /** Answers that have nothing. */
  readonly empty: number;
  /** By code; and how long each took to come, ascending. */
  readonly refused: ReadonlyMap<string, number>;
  readonly refusalMs: readonly number[];
  readonly seconds: number;
}

/**
 * Requests leave at times drawn beforehand, whatever becomes of those before (open loop), and time counts from when each was due:
 * so nothing is left out while somebody is behind.
 */
export async function openLoad(options: LoadOptions): Promise<LoadFigures> {
  const { clients, perSecond, seconds, deadlineMs, ask, answered } = options;
  const answerMs: number[] = [];
  const refusalMs: number[] = [];
  const refused = new Map<string, number>();
  const waiting: Promise<void>[] = [];
  let degraded = 0;
  let empty = 0;
  const send = async (n: number, dueMs: number): Promise<void> => {
    const request = ask(n);
    try {
      const answer = await clients[n % clients.length]!.recommend(request, { deadlineMs });
      answerMs.push(performance.now() - dueMs);
      if (answer.degraded) degraded++;
      if (answer.items.length === 0) empty++;
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
    ...{ degraded, empty, refused, seconds },
  };
}

export function quantile(ascending: readonly number[], q: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(q * ascending.length))] ?? NaN;
}
