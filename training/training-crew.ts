import { Worker } from 'node:worker_threads';
import { StarlingError } from '../core/base/errors.js';
import { newAlarm, raise } from '../core/base/shared-ring.js';
import { blueprintOf } from '../core/blueprint/blueprint.js';
import type { ScoredRows } from './batch-learner.js';
import { exchangeShape, partFidsMax } from './batch-learner.js';
import { judgedTogether } from './holdout.js';
import { linksOf } from './exchange-links.js';
import type { Tally, ThreadNews, ThreadStart, TrainingPlace, Written } from './thread-news.js';

export type CrewStart = Omit<ThreadStart, 'thread' | 'links' | 'alarm' | 'stop'>;

export interface Checkpoint {
  readonly at: TrainingPlace;
  /** Since the training began, or since the checkpoint that it goes on from. */
  readonly tally: Tally;
  readonly written: Written;
}

export interface CrewListener {
  readonly learned: (at: TrainingPlace, tally: Tally) => void;
  /** All threads have written their part. */
  readonly checkpoint: (checkpoint: Checkpoint) => Promise<void>;
}

/** What the threads leave behind. */
export interface CrewEnd {
  readonly written: Written;
  readonly tally: Tally;
  readonly scored: readonly ScoredRows[];
  /** By partition, then of the network. */
  readonly digests: readonly string[];
  readonly backend: string;
}

interface Part {
  readonly at: TrainingPlace;
  readonly written: Written;
  readonly isLast: boolean;
}

/** Starts the threads of a training, hears what they tell, and ends all of them where one is gone. */
export class TrainingCrew {
  readonly #start: CrewStart;
  readonly #listener: CrewListener;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #alarm = newAlarm();
  readonly #workers: Worker[] = [];
  /** By step, what threads have written of a checkpoint. */
  readonly #parts = new Map<number, Part[]>();
  readonly #ended: (Extract<ThreadNews, { kind: 'ended' }> | undefined)[];
  readonly #scored: ScoredRows[] = [];
  /** By thread, since it began. */
  readonly #judged: Tally['judged'][];
  readonly #judgedBefore: Tally['judged'];
  #tally: Tally;
  #backend = '';
  #saving: Promise<void> = Promise.resolve();

  /** @param tally of the checkpoint that it goes on from. */
  constructor(start: CrewStart, tally: Tally, listener: CrewListener) {
    this.#start = start;
    this.#tally = tally;
    this.#judgedBefore = tally.judged;
    this.#judged = Array.from({ length: start.threads }, () => ({}));
    this.#listener = listener;
    this.#ended = new Array<undefined>(start.threads).fill(undefined);
  }

  /** Asks for a checkpoint and an end. */
  stop(): void {
    Atomics.store(this.#stop, 0, 1);
  }

  /** @returns undefined where it was stopped. @throws StarlingError */
  async run(): Promise<CrewEnd | undefined> {
    try {
      const ends = await Promise.all(this.#begin());
      await this.#saving;
      return ends.every((isWhole) => isWhole) ? this.#end() : undefined;
    } finally {
      raise(this.#alarm);
      await Promise.all(this.#workers.map((worker) => worker.terminate()));
    }
  }

  #begin(): Promise<boolean>[] {
    const { config, threads, train, holdout } = this.#start;
    const shape = exchangeShape(blueprintOf(config), threads);
    const fidsMax = Math.max(
      ...[train, ...(holdout ? [holdout] : [])].map((index) => partFidsMax(index, threads)),
    );
    const shared = {
      links: threads === 1 ? [] : linksOf(shape, fidsMax),
      ...{ alarm: this.#alarm, stop: this.#stop },
    };
    return Array.from({ length: threads }, (_unused, thread) => {
      const workerData: ThreadStart = { ...this.#start, ...shared, thread };
      const worker = new Worker(new URL('./training-thread.js', import.meta.url), { workerData });
      this.#workers.push(worker);
      return this.#watched(worker, thread);
    });
  }

  /** Resolves when the thread has ended: true with all that it was to do. */
  #watched(worker: Worker, thread: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      worker.on('message', (news: ThreadNews) => {
        switch (news.kind) {
          case 'failed':
            return reject(new StarlingError(news.code, news.message));
          case 'ended':
            this.#ended[thread] = news;
            return resolve(true);
          case 'checkpoint':
            this.#count(news.tally, thread);
            this.#wrote(news);
            if (news.isLast) resolve(false);
            return;
          default:
            return this.#hear(news, thread);
        }
      });
      worker.on('error', reject);
      worker.on('exit', (code) =>
        reject(
          new StarlingError('TRAINING_FAILED', `thread ${thread} ended with code ${code}.`, {
            code,
          }),
        ),
      );
    });
  }

  #hear(news: Extract<ThreadNews, { kind: 'began' | 'learned' | 'scored' }>, thread: number): void {
    switch (news.kind) {
      case 'began':
        this.#backend = news.backend;
        return;
      case 'learned':
        this.#count(news.tally, thread);
        if (thread === 0) this.#listener.learned(news.at, this.#tally);
        return;
      case 'scored':
        this.#scored[thread] = news.scored;
    }
  }

  #count(more: Tally, thread: number): void {
    const tally = this.#tally;
    this.#judged[thread] = more.judged;
    this.#tally = {
      rows: tally.rows + more.rows,
      loss: tally.loss + more.loss,
      lossRows: tally.lossRows + more.lossRows,
      refused: tally.refused + more.refused,
      judged: this.#judged.reduce(judgedTogether, this.#judgedBefore),
    };
  }

  #wrote(part: Part): void {
    const { step } = part.at;
    const parts = [...(this.#parts.get(step) ?? []), part];
    this.#parts.set(step, parts);
    if (parts.length < this.#start.threads) return;
    this.#parts.delete(step);
    const checkpoint = { at: part.at, tally: this.#tally, written: together(parts) };
    this.#saving = this.#saving.then(() => this.#listener.checkpoint(checkpoint));
    // `run` awaits it.
    this.#saving.catch(() => undefined);
  }

  #end(): CrewEnd {
    const ended = this.#ended.map((each) => each!);
    return {
      written: together(ended),
      ...{ tally: this.#tally, scored: this.#scored, backend: this.#backend },
      // The network's is the last of the first thread's.
      digests: [
        ...ended.flatMap(({ digests }, i) => (i === 0 ? digests.slice(0, -1) : digests)),
        ended[0]!.digests.at(-1)!,
      ],
    };
  }
}

function together(parts: readonly { readonly written: Written }[]): Written {
  const all = parts.map(({ written }) => written);
  const dense = all.find((each) => each.dense)?.dense;
  const objects = all.flatMap((each) => each.objects);
  return {
    snapshot: all[0]!.snapshot,
    objects: objects.sort((a, b) => a.partition - b.partition),
    ...(dense ? { dense } : {}),
  };
}
