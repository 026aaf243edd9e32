import type { Random } from '../../core/base/random.js';
import type { MemoryBucket } from '../../replication/memory-bucket.testkit.js';
import type { MemoryLog } from '../../runtime/followers/memory-log.testkit.js';
import { StarlingError } from '../../core/base/errors.js';
import type { StreamMessage, TailOptions } from '../../runtime/bus/logs.js';
import type { Wire } from './shard-world.testkit.js';
import { turn } from './shard-world.testkit.js';

interface Waiting {
  readonly who: string;
  readonly go: () => void;
}

/** What is on its way, one of which arrives at a time, in an order that a seed makes. */
export class Interleaving {
  readonly random: Random;
  /** Processes that are stopped: what came for them waits. */
  readonly asleep = new Set<string>();
  readonly #waiting: Waiting[] = [];

  constructor(seed: number) {
    let ids = 0;
    this.random = { next: randomOf(seed), id: () => `id-${++ids}` };
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.random.next() * from.length)];
  }

  /** Resolves when it is this one's turn. */
  pass(who: string): Promise<void> {
    return new Promise((go) => this.#waiting.push({ who, go }));
  }

  /** One thing arrives, and all that follows from it at once has happened. False: nothing is on its way. */
  async step(): Promise<boolean> {
    const next = this.pick(this.#waiting.filter(({ who }) => !this.asleep.has(who)));
    if (next) {
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      next.go();
    }
    await turn();
    return next !== undefined;
  }
}

export interface Line {
  /** Of the process at this end. */
  readonly who: string;
  /** Of requests that are carried out, the part whose answers get lost. */
  readonly lossShare: number;
  /** The process was killed: it sends nothing and hears nothing any more, but what it has sent is under way. */
  readonly isDead: () => boolean;
}

/** What lies between a process and the servers: requests, answers and notices arrive late, those of one tail in order. */
export function wireOf(
  way: Interleaving,
  { log, bucket }: { readonly log: MemoryLog; readonly bucket: MemoryBucket },
  { who, lossShare, isDead }: Line,
): Wire {
  const never = new Promise<never>(() => undefined);
  async function ask<T>(carryOut: () => Promise<T>): Promise<T> {
    await way.pass(who);
    if (isDead()) return never;
    await way.pass('network');
    const answer = await carryOut().then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    await way.pass(who);
    if (isDead()) return never;
    if (way.random.next() < lossShare) throw new StarlingError('TIMEOUT', 'no answer');
    return answer();
  }
  return {
    log: {
      names: log.names,
      clock: log.clock,
      random: way.random,
      append: (...args) => ask(() => log.append(...args)),
      lastMessage: (...args) => ask(() => log.lastMessage(...args)),
      tail: (options: TailOptions, handler: (message: StreamMessage) => void | Promise<void>) =>
        ask(() =>
          log.tail(options, async (message) => {
            await way.pass(who);
            if (!isDead()) await handler(message);
          }),
        ),
    },
    bucket: {
      names: bucket.names,
      bucketEntry: (...args) => ask(() => bucket.bucketEntry(...args)),
      bucketUpdate: (...args) => ask(() => bucket.bucketUpdate(...args)),
      bucketWatch: async (name, pattern, handler) => {
        let last: Promise<void> = Promise.resolve();
        let isOpen = false;
        const watch = await bucket.bucketWatch(name, pattern, (key, entry) => {
          // What is there is known when the watch is open.
          if (!isOpen) return handler(key, entry);
          last = last
            .then(() => way.pass(who))
            .then(() => (isDead() ? undefined : handler(key, entry)));
        });
        isOpen = true;
        return watch;
      },
    },
  };
}

/** Mulberry32: small, and good enough to shuffle by. In [0, 1). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
