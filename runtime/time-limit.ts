import { StarlingError } from '../core/base/errors.js';

const late = Symbol('late');

/** The timer does not outlive the answer: one for each request would pile up. */
async function raced<T>(ms: number, work: Promise<T>): Promise<T | typeof late> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<typeof late>((resolve) => {
    timer = setTimeout(() => resolve(late), ms);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What `work` gives, unless it takes longer.
 * @throws StarlingError TIMEOUT; the work itself goes on, and nobody hears of it.
 */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const answer = await raced(ms, work);
  if (answer !== late) return answer;
  throw new StarlingError('TIMEOUT', `${what}: no answer within ${Math.round(ms)} ms.`);
}

/** What `work` gives; undefined when the time is over before. */
export async function inTime<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const answer = await raced(ms, work);
  return answer === late ? undefined : answer;
}

/** Resolves when `work` does, or when the time is over. */
export async function atMost(ms: number, work: Promise<void>): Promise<void> {
  await raced(ms, work);
}
