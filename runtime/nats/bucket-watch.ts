import type { KV } from 'nats';
import type { StarlingError } from '../../core/base/errors.js';
import type { BucketEntry } from '../bus/records.js';
import type { Stoppable } from '../stoppable.js';
import { retried } from '../retry-read.js';
import { system } from '../system.js';

/**
 * Watches keys of a bucket, whatever becomes of the server that has it. When the watch breaks it begins anew: all
 * there is then is handed over once more, so nothing that was written meanwhile is missed. It does so at every arrival at a
 * server, too: one that was killed has forgotten who watched, which the client finds out after ten seconds of silence.
 */
export interface WatchSource {
  bucket(): Promise<KV>;
  failure(error: unknown): StarlingError;
  interrupted(error: StarlingError): void;
  isClosed(): boolean;
  /** Calls `listener` at every arrival at a server, until what is returned is called. */
  onArrival(listener: () => void): () => void;
}

type Handler = (key: string, entry: BucketEntry) => void;

/** Resolves when what was there has been handed over. */
export async function openWatch(
  source: WatchSource,
  pattern: string,
  handler: Handler,
): Promise<Stoppable> {
  let stopped = false;
  let reopening = false;
  const isOver = (): boolean => stopped || source.isClosed();
  const unlessOver: Handler = (key, entry) => {
    if (!isOver()) handler(key, entry);
  };
  const open = (): Promise<Watch> => retried(system, () => watchOnce(source, pattern, unlessOver));
  let current = await open();
  let arrivals = 0;
  const forget = source.onArrival(() => {
    arrivals++;
    current.renew();
  });

  async function run(): Promise<void> {
    for (;;) {
      const error = await current.ended;
      if (error === undefined || isOver()) return;
      if (error !== 'renewed') source.interrupted(error);
      reopening = true;
      const next = await reopened();
      reopening = false;
      if (!next) return;
      current = next;
    }
  }

  async function reopened(): Promise<Watch | undefined> {
    for (;;) {
      try {
        const before = arrivals;
        const next = await open();
        if (isOver()) next.stop();
        else if (arrivals !== before) next.renew();
        return isOver() ? undefined : next;
      } catch (error) {
        if (isOver()) return undefined;
        const failure = source.failure(error);
        if (failure.code === 'FORBIDDEN') throw failure;
        source.interrupted(failure);
      }
    }
  }

  const finished = run();
  return {
    stop: async () => {
      stopped = true;
      forget();
      current.stop();
      // An attempt to open it again may take long, and closes what it opens; no handler runs meanwhile. The iterator of a
      // connection that was closed never ends.
      if (!reopening && !source.isClosed()) await finished;
    },
  };
}

interface Watch {
  readonly stop: () => void;
  /** Ends it, and says so. */
  readonly renew: () => void;
  /** What broke it; undefined when it was stopped. */
  readonly ended: Promise<StarlingError | 'renewed' | undefined>;
}

async function watchOnce(source: WatchSource, key: string, handler: Handler): Promise<Watch> {
  try {
    const view = await source.bucket();
    let initialized: () => void;
    const complete = new Promise<void>((resolve) => (initialized = resolve));
    const entries = await view.watch({ key, initializedFn: () => initialized() });
    const handleAll = async (): Promise<StarlingError | undefined> => {
      const queue = entries[Symbol.asyncIterator]();
      for (;;) {
        let next;
        try {
          next = await queue.next();
        } catch (error) {
          return source.failure(error);
        }
        if (next.done) return undefined;
        const { key: name, value, revision, operation } = next.value;
        if (operation === 'PUT') handler(name, { bytes: value, revision });
      }
    };
    const handled = handleAll();
    const broken = await Promise.race([complete, handled]);
    if (broken) throw broken;
    let renewed = false;
    const renew = (): void => {
      renewed = true;
      entries.stop();
    };
    const ended = handled.then((error) => (renewed ? 'renewed' : error));
    return { stop: () => entries.stop(), renew, ended };
  } catch (error) {
    throw source.failure(error);
  }
}
