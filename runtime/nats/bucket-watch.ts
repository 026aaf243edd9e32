import type { KV } from 'nats';
import type { StarlingError } from '../../core/base/errors.js';
import type { BucketEntry, Stoppable } from '../bus.js';
import { retried } from '../retry-read.js';

/**
 * Watches keys of a bucket, whatever becomes of the server that has it. When the watch breaks it begins anew: all
 * there is then is handed over once more, so nothing that was written meanwhile is missed.
 */
export interface WatchSource {
  bucket(): Promise<KV>;
  failure(error: unknown): StarlingError;
  interrupted(error: StarlingError): void;
  isClosed(): boolean;
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
  const open = (): Promise<Watch> => retried(() => watchOnce(source, pattern, unlessOver));
  let current = await open();

  async function run(): Promise<void> {
    for (;;) {
      const error = await current.ended;
      if (error === undefined || isOver()) return;
      source.interrupted(error);
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
        const next = await open();
        if (!isOver()) return next;
        next.stop();
        return undefined;
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
      current.stop();
      // An attempt to open it again may take long, and closes what it opens; no handler runs meanwhile. The iterator of a
      // connection that was closed never ends.
      if (!reopening && !source.isClosed()) await finished;
    },
  };
}

interface Watch {
  readonly stop: () => void;
  /** What broke it; undefined when it was stopped. */
  readonly ended: Promise<StarlingError | undefined>;
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
    const ended = handleAll();
    const broken = await Promise.race([complete, ended]);
    if (broken) throw broken;
    return { stop: () => entries.stop(), ended };
  } catch (error) {
    throw source.failure(error);
  }
}
