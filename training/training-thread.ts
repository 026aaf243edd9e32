import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { codeOf, messageOf } from '../core/base/errors.js';
import { blueprintOf, type Blueprint } from '../core/blueprint/blueprint.js';
import { ownBackends } from '../core/model/backend-source.js';
import { DirectorySnapshots } from '../runtime/stores/directory-snapshots.js';
import { snapshotId } from '../runtime/stores/snapshot-store.js';
import {
  BatchLearner,
  exchangeShape,
  type LearnedBatch,
  type ScoredRows,
} from './batch-learner.js';
import {
  loadNetwork,
  loadPartitions,
  manifestIn,
  networkDigest,
  saveParts,
} from './model-files.js';
import { firstPartition } from './exchange-links.js';
import { SampleFileReader } from './sample-file.js';
import {
  noTally,
  type Tally,
  type ThreadNews,
  type ThreadStart,
  type TrainingPlace,
} from './thread-news.js';

/**
 * A thread of a training: reads block after block, as all of them do, and learns its part. What all have to do at the same block the first one
 * says with its news of a block.
 */
const signals = { none: 0, checkpoint: 1, end: 2 } as const;

/** Between two looks of whoever watches. */
const tellMs = 250;

class TrainingThread {
  readonly #start: ThreadStart;
  readonly #port: MessagePort;
  readonly #blueprint: Blueprint;
  readonly #learner: BatchLearner;
  #tally: Tally = noTally;
  #toldMs = performance.now();
  #savedMs = performance.now();
  #atSeconds = 0;

  private constructor(
    start: ThreadStart,
    port: MessagePort,
    blueprint: Blueprint,
    learner: BatchLearner,
  ) {
    this.#start = start;
    this.#port = port;
    this.#blueprint = blueprint;
    this.#learner = learner;
  }

  static async begin(start: ThreadStart, port: MessagePort): Promise<TrainingThread> {
    const { config, thread, threads, links, alarm, checkpoint } = start;
    const blueprint = blueprintOf(config);
    const backend = await ownBackends.load(config.model.backend, blueprint.model, 'training');
    const shape = exchangeShape(blueprint, threads);
    const store = checkpoint && new DirectorySnapshots(checkpoint.folder);
    const manifest = store && (await manifestIn(store, checkpoint.snapshot));
    const own = [firstPartition(thread, shape), firstPartition(thread + 1, shape)] as const;
    const partitions = store && manifest && (await loadPartitions(store, manifest, blueprint, own));
    const options = { blueprint, backend, thread, threads, links, alarm, partitions };
    const learner = new BatchLearner(options);
    if (store && manifest) await loadNetwork(store, manifest, blueprint, learner.ledger);
    post(port, { kind: 'began', backend: backend.detail });
    return new TrainingThread(start, port, blueprint, learner);
  }

  async run(): Promise<void> {
    if (!(await this.#learn())) return;
    this.#score();
    const { folder, snapshot } = this.#start.result;
    const written = await this.#save(folder, snapshot);
    const { partitions, ledger } = this.#learner;
    const digests = partitions.map((partition) => partition.digest());
    if (this.#isFirst) digests.push(networkDigest(ledger));
    post(this.#port, { kind: 'ended', written, digests });
  }

  /** @returns false where it was asked to end before. */
  async #learn(): Promise<boolean> {
    const { train, epochs, from } = this.#start;
    const reader = new SampleFileReader(train);
    try {
      let { step } = from;
      for (let { epoch, block } = from; epoch < epochs; epoch++, block = 0)
        for (; block < reader.blocks; block++) {
          const sample = reader.read(block);
          this.#atSeconds = sample.atSeconds;
          // Scores of rows that were learned before say nothing.
          const learned = this.#learner.learn(sample, ++step, epoch === 0, this.#signal());
          this.#count(learned);
          const isLast = block + 1 === reader.blocks;
          const at = isLast
            ? { epoch: epoch + 1, block: 0, step }
            : { epoch, block: block + 1, step };
          if (learned.signal !== signals.none) {
            await this.#checkpoint(at, learned.signal === signals.end);
            if (learned.signal === signals.end) return false;
          } else if (performance.now() - this.#toldMs > tellMs) this.#tell(at);
        }
      this.#tell({ epoch: epochs, block: 0, step });
      return true;
    } finally {
      reader.close();
    }
  }

  get #isFirst(): boolean {
    return this.#start.thread === 0;
  }

  #signal(): number {
    if (!this.#isFirst) return signals.none;
    if (Atomics.load(this.#start.stop, 0) === 1) return signals.end;
    const isDue = performance.now() - this.#savedMs > this.#start.checkpoints.everyMs;
    return isDue ? signals.checkpoint : signals.none;
  }

  #count({ rows, loss, isRefused }: LearnedBatch): void {
    if (!this.#isFirst) return;
    const tally = this.#tally;
    const isLearned = Number.isFinite(loss);
    this.#tally = {
      ...tally,
      rows: tally.rows + rows,
      loss: tally.loss + (isLearned ? rows * loss : 0),
      lossRows: tally.lossRows + (isLearned ? rows : 0),
      refused: tally.refused + (isRefused ? 1 : 0),
    };
  }

  #takeTally(): Tally {
    const tally = { ...this.#tally, judged: this.#learner.judged };
    this.#tally = noTally;
    this.#toldMs = performance.now();
    return tally;
  }

  #tell(at: TrainingPlace): void {
    post(this.#port, { kind: 'learned', at, tally: this.#takeTally() });
  }

  async #checkpoint(at: TrainingPlace, isLast: boolean): Promise<void> {
    const tally = this.#takeTally();
    const written = await this.#save(this.#start.checkpoints.folder, snapshotId(at.step));
    this.#savedMs = performance.now();
    post(this.#port, { kind: 'checkpoint', at, tally, written, isLast });
  }

  #save(folder: string, snapshot: string) {
    const { partitions, ledger } = this.#learner;
    const parts = {
      ...{ blueprint: this.#blueprint, partitions },
      ledger: this.#isFirst ? ledger : undefined,
    };
    const { createdAtMs } = this.#start;
    const as = { snapshot, createdAtMs, atSeconds: this.#atSeconds };
    return saveParts(new DirectorySnapshots(folder), parts, as);
  }

  #score(): void {
    const { holdout } = this.#start;
    if (!holdout) return;
    const reader = new SampleFileReader(holdout);
    const parts: ScoredRows[] = [];
    for (let block = 0; block < reader.blocks; block++)
      parts.push(this.#learner.score(reader.read(block)));
    reader.close();
    const scored = {
      logits: joined(parts.map(({ logits }) => logits)),
      labels: joined(parts.map(({ labels }) => labels)),
      weights: joined(parts.map(({ weights }) => weights)),
    };
    post(this.#port, { kind: 'scored', scored });
  }
}

function post(port: MessagePort, news: ThreadNews): void {
  port.postMessage(news);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

if (parentPort) {
  const port = parentPort;
  try {
    const thread = await TrainingThread.begin(workerData as ThreadStart, port);
    await thread.run();
  } catch (error) {
    post(port, { kind: 'failed', code: codeOf(error), message: messageOf(error) });
  }
}
