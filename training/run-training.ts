import { createHash } from 'node:crypto';
import { StarlingError } from '../core/base/errors.js';
import { blueprintOf, type Blueprint } from '../core/blueprint/blueprint.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { judgementOf, type Judgement } from '../core/model/judged-scores.js';
import type { ImportSource } from '../importing/import-source.js';
import { snapshotId } from '../runtime/stores/snapshot-store.js';
import { HeldRowsWriter, readHeldRows } from './held-rows.js';
import { figuresOf, rowsInOrder, type HeldScores, type OutcomeFigures } from './holdout.js';
import { SampleFileWriter } from './sample-file.js';
import { SampleMaker } from './sample-maker.js';
import { SampleSink } from './sample-sink.js';
import { noTally, type Tally, type TrainingPlace } from './thread-news.js';
import { TrainingCrew, type CrewEnd } from './training-crew.js';
import { TrainingFolder, type SampleSet } from './training-folder.js';

/** Too seldom: more is learned again after a kill. Too often: threads write instead of learning. */
const checkpointMs = 60_000;
/** Another number: what was begun is begun anew. */
const version = 2;

/** The last part by time, never drawn. */
export type Holdout = { readonly share: number } | { readonly fromMs: number };

export interface TrainingProgress {
  readonly phase: 'samples' | 'training';
  /** Events, or rows over all epochs. */
  readonly done: number;
  readonly total: number;
  /** In a second, since the phase began. */
  readonly rate: number;
  readonly secondsLeft: number;
  /** From 1. */
  readonly epoch?: number;
  /** Of the rows since the last progress. */
  readonly loss?: number;
  /** By outcome, of scores before their label was learned; those of the first epoch. */
  readonly auc?: Readonly<Record<string, number>>;
}

export interface TrainingOptions {
  readonly config: ClusterConfig;
  readonly source: ImportSource;
  /** For people: what was read. */
  readonly files: readonly string[];
  readonly out: string;
  /** At most `config.partitions`. */
  readonly threads: number;
  readonly epochs: number;
  readonly holdout?: Holdout | undefined;
  /** Of what rows and networks begin with, and of drawn items; left out: as configured, and as an import draws them. */
  readonly seed?: number | undefined;
  readonly checkpointEveryMs?: number | undefined;
  readonly clock: { readonly nowMs: () => number; readonly wallMs: () => number };
  readonly progress?: ((progress: TrainingProgress) => void) | undefined;
  readonly note?: ((text: string) => void) | undefined;
  /** Takes what the model of this snapshot says of the rows of the holdout, before the result is written. */
  readonly scored?: ((scores: HeldScores, snapshot: string) => Promise<void>) | undefined;
  /** Ends it, at a checkpoint once it learns. */
  readonly signal?: AbortSignal | undefined;
}

/** What `training.json` says. */
export interface TrainingResult {
  readonly snapshot: string;
  /** Of the blueprint: what a cluster must have to take these rows as they are. */
  readonly configHash: string;
  /** Of all that the result is a function of. */
  readonly key: string;
  readonly import: string;
  readonly files: readonly string[];
  readonly seed: number;
  readonly threads: number;
  readonly epochs: number;
  readonly backend: string;
  readonly node: string;
  readonly events: number;
  readonly firstMs: number | undefined;
  readonly lastMs: number | undefined;
  /** Where the holdout begins. */
  readonly holdoutFromMs: number | undefined;
  readonly samples: { readonly train: number; readonly holdout: number; readonly late: number };
  readonly notLearned: SampleSet['made']['notLearned'];
  readonly rows: number;
  /** Steps that were refused, as a gradient was not finite. */
  readonly refusedSteps: number;
  /** Over all epochs. */
  readonly loss: number;
  /** By outcome, of scores before their label was learned, in the first epoch. */
  readonly before: Readonly<Record<string, Omit<Judgement, 'happened' | 'drawn'>>>;
  readonly holdout: readonly OutcomeFigures[];
  /** Of all rows and the network: the same input, seed and number of threads give the same. */
  readonly digest: string;
  readonly seconds: number;
  readonly samplesPerSecond: number;
}

export type TrainingEnd =
  | { readonly kind: 'trained'; readonly result: TrainingResult }
  /** It is there already. */
  | { readonly kind: 'known'; readonly result: TrainingResult }
  /** By the signal; the same again goes on. */
  | { readonly kind: 'stopped'; readonly step: number };

/**
 * Trains a model from files, without a cluster: samples as an import makes them, then epochs over them in threads. What was cut off goes on
 * from its last checkpoint when the same is run again.
 *
 * @throws StarlingError TRAINING_FAILED where nothing can be learned, or the folder holds another training.
 */
export async function runTraining(options: TrainingOptions): Promise<TrainingEnd> {
  return new Training(options).run();
}

class Training {
  readonly #options: TrainingOptions;
  readonly #config: ClusterConfig;
  readonly #blueprint: Blueprint;
  readonly #folder: TrainingFolder;
  readonly #sampleKey: string;
  readonly #key: string;

  constructor(options: TrainingOptions) {
    const { config, seed, source, holdout, threads, epochs } = options;
    this.#options = options;
    this.#config = seed === undefined ? config : { ...config, model: { ...config.model, seed } };
    this.#blueprint = blueprintOf(this.#config);
    this.#folder = new TrainingFolder(options.out);
    this.#sampleKey = hashOf([version, source.id, this.#config, seed, holdout]);
    this.#key = hashOf([this.#sampleKey, threads, epochs]);
    if (threads < 1 || threads > this.#blueprint.partitionCount) {
      const { partitionCount } = this.#blueprint;
      const text = `${threads} threads can't share ${partitionCount} partitions (partitions of the configuration); use 1 to ${partitionCount}.`;
      throw new StarlingError('BAD_REQUEST', text, { threads, partitionCount });
    }
  }

  async run(): Promise<TrainingEnd> {
    const known = await this.#folder.result<TrainingResult>();
    if (known?.key === this.#key) return { kind: 'known', result: known };
    if (known) {
      const text = `${this.#folder.path} holds another training, of ${known.files.join(', ')}; name another folder, or delete it.`;
      throw new StarlingError('TRAINING_FAILED', text, { out: this.#folder.path });
    }
    await this.#folder.prepare();
    const samples = (await this.#folder.samples(this.#sampleKey)) ?? (await this.#makeSamples());
    if (!samples) return { kind: 'stopped', step: 0 };
    if (samples.train.rows === 0) throw nothingToLearn(samples);
    return this.#train(samples);
  }

  async #makeSamples(): Promise<SampleSet | undefined> {
    const { source, seed, clock } = this.#options;
    await this.#folder.clear();
    await this.#folder.prepare();
    const cut = new SampleCut(this.#blueprint, this.#folder, this.#config, this.#options);
    const maker = new SampleMaker({ config: this.#config, source, seed, nowMs: clock.wallMs() });
    const pace = new Pace(clock);
    const total = source.counts.events;
    const listener = {
      reaches: (timestampMs: number, events: number): void => {
        if (cut.begins(timestampMs, events)) maker.settle(listener);
        cut.reach(timestampMs, events);
      },
      samples: (of: Parameters<SampleCut['add']>[0]) => cut.add(of),
      goesOn: (done: number): boolean => {
        this.#options.progress?.({ phase: 'samples', done, total, ...pace.of(done, total) });
        return this.#options.signal?.aborted !== true;
      },
    };
    const made = await maker.make(listener);
    const ended = cut.end();
    if (!made) return undefined;
    const set = { key: this.#sampleKey, made, ...ended };
    await this.#folder.saveSamples(set);
    return set;
  }

  async #train(samples: SampleSet): Promise<TrainingEnd> {
    const { clock, signal, note, epochs, threads } = this.#options;
    const place = await this.#folder.place(this.#key);
    const createdAtMs = clock.wallMs();
    const startMs = clock.nowMs();
    const before = place?.seconds ?? 0;
    if (place) note?.(`goes on from the checkpoint at ${place.tally.rows} rows`);
    let last: TrainingPlace = place?.at ?? { epoch: 0, block: 0, step: 0 };
    const seconds = (): number => before + (clock.nowMs() - startMs) / 1_000;
    const manifest = { config: this.#config, specHash: this.#blueprint.hash, createdAtMs };
    const { checkpoints: folder, path } = this.#folder;
    const watch = this.#watch(samples, place?.tally ?? noTally);
    const crew = new TrainingCrew(
      {
        ...{ config: this.#config, threads, epochs, createdAtMs, from: last },
        ...{ train: samples.train, holdout: samples.holdout },
        checkpoint: place && { folder, snapshot: place.snapshot },
        checkpoints: { folder, everyMs: this.#options.checkpointEveryMs ?? checkpointMs },
        result: { folder: path, snapshot: snapshotId(createdAtMs) },
      },
      place?.tally ?? noTally,
      {
        learned: watch,
        checkpoint: async ({ at, tally, written }) => {
          last = at;
          const { snapshot } = written;
          const saved = { key: this.#key, at, tally, snapshot, seconds: seconds() };
          await this.#folder.savePlace(saved, written, manifest);
        },
      },
    );
    const stop = (): void => crew.stop();
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop);
    try {
      const end = await crew.run();
      if (!end) return { kind: 'stopped', step: last.step };
      const held = this.#heldScores(samples, end);
      const result = this.#resultOf(samples, end, held, seconds());
      if (held) await this.#options.scored?.(held, end.written.snapshot);
      await this.#folder.finish(result, end.written, manifest);
      return { kind: 'trained', result };
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  #watch({ train }: SampleSet, from: Tally): (at: TrainingPlace, tally: Tally) => void {
    const { clock, progress, epochs } = this.#options;
    const total = train.rows * epochs;
    const pace = new Pace(clock, from.rows);
    let told = from;
    return (at, tally) => {
      const rows = tally.lossRows - told.lossRows;
      const loss = rows > 0 ? (tally.loss - told.loss) / rows : NaN;
      told = tally;
      const auc = Object.entries(tally.judged).map(([name, of]) => [name, judgementOf(of).auc]);
      progress?.({
        ...{ phase: 'training', done: tally.rows, total, ...pace.of(tally.rows, total) },
        ...{ epoch: Math.min(epochs, at.epoch + 1), loss },
        auc: Object.fromEntries(auc) as Readonly<Record<string, number>>,
      });
    };
  }

  #heldScores({ holdout }: SampleSet, { scored }: CrewEnd): HeldScores | undefined {
    if (!holdout) return undefined;
    const { outcomes, values } = this.#blueprint;
    const blocks = { rows: holdout.rows, blockRows: this.#config.training.batchRowsMax };
    const scores = rowsInOrder(scored, { ...blocks, heads: outcomes.length });
    return { outcomes, values, scores, rows: readHeldRows(this.#folder.heldRows) };
  }

  #resultOf(
    samples: SampleSet,
    end: CrewEnd,
    held: HeldScores | undefined,
    seconds: number,
  ): TrainingResult {
    const { source, files, threads, epochs } = this.#options;
    const { train, holdout, late, made, cutMs } = samples;
    const { tally, written, digests, backend } = end;
    const before = Object.entries(tally.judged).map(([name, counts]) => {
      const { auc, calibration, prAuc, logloss, normalisedEntropy } = judgementOf(counts);
      return [name, { auc, prAuc, logloss, normalisedEntropy, calibration }] as const;
    });
    return {
      ...{ snapshot: written.snapshot, configHash: this.#blueprint.hash, key: this.#key },
      ...{ import: source.id, files, seed: this.#blueprint.seed, threads, epochs, backend },
      ...{ node: process.version, events: made.events, firstMs: made.firstMs, lastMs: made.lastMs },
      holdoutFromMs: cutMs,
      samples: { train: train.rows, holdout: holdout?.rows ?? 0, late },
      notLearned: made.notLearned,
      ...{ rows: tally.rows, refusedSteps: tally.refused, loss: tally.loss / tally.lossRows },
      before: Object.fromEntries(before),
      holdout: held ? figuresOf(held) : [],
      digest: hashOf(digests),
      ...{ seconds, samplesPerSecond: tally.rows / seconds },
    };
  }
}

/** Divides samples by time: what was known when the holdout began, what is of the holdout, and what lies between. */
class SampleCut {
  readonly #folder: TrainingFolder;
  readonly #blueprint: Blueprint;
  readonly #config: ClusterConfig;
  readonly #firstEvent: number;
  readonly #fromMs: number;
  readonly #train: SampleFileWriter;
  readonly #trainSink: SampleSink;
  #holdout: SampleFileWriter | undefined;
  #held: HeldRowsWriter | undefined;
  #holdoutSink: SampleSink | undefined;
  #cutMs: number | undefined;
  #late = 0;

  constructor(
    blueprint: Blueprint,
    folder: TrainingFolder,
    config: ClusterConfig,
    { holdout, source }: Pick<TrainingOptions, 'holdout' | 'source'>,
  ) {
    this.#folder = folder;
    this.#blueprint = blueprint;
    this.#config = config;
    const isShare = holdout !== undefined && 'share' in holdout;
    this.#firstEvent = isShare ? Math.floor((1 - holdout.share) * source.counts.events) : Infinity;
    this.#fromMs = holdout !== undefined && !isShare ? holdout.fromMs : Infinity;
    this.#train = this.#writer('train');
    this.#trainSink = new SampleSink(blueprint, this.#train, config.training.batchRowsMax);
  }

  /** Whether the holdout begins with this event, and had not begun. */
  begins(timestampMs: number, events: number): boolean {
    const isOf = timestampMs >= this.#fromMs || events >= this.#firstEvent;
    return isOf && this.#cutMs === undefined;
  }

  reach(timestampMs: number, events: number): void {
    if (!this.begins(timestampMs, events)) return;
    this.#cutMs = timestampMs;
    this.#trainSink.end();
    this.#holdout = this.#writer('holdout');
    const { batchRowsMax } = this.#config.training;
    const held = new HeldRowsWriter(this.#folder.heldRows);
    this.#held = held;
    this.#holdoutSink = new SampleSink(
      this.#blueprint,
      this.#holdout,
      batchRowsMax,
      (samples, rows) => held.add(samples, rows),
    );
  }

  add(samples: Parameters<SampleSink['add']>[0]): void {
    if (!this.#holdoutSink) {
      this.#trainSink.add(samples);
      return;
    }
    const taken = this.#holdoutSink.add(samples, this.#cutMs);
    this.#late += samples.items.length - taken;
  }

  end() {
    if (this.#holdoutSink) this.#holdoutSink.end();
    else this.#trainSink.end();
    const holdout = this.#holdout?.close();
    this.#held?.close();
    return { train: this.#train.close(), holdout, late: this.#late, cutMs: this.#cutMs };
  }

  #writer(name: 'train' | 'holdout'): SampleFileWriter {
    const { slotCount, model } = this.#blueprint;
    const { denseCount, heads } = model;
    return new SampleFileWriter(this.#folder.sampleFile(name), { slotCount, denseCount, heads });
  }
}

/** How fast something goes. */
class Pace {
  readonly #clock: Pick<TrainingOptions['clock'], 'nowMs'>;
  readonly #startMs: number;
  readonly #from: number;

  constructor(clock: Pick<TrainingOptions['clock'], 'nowMs'>, from = 0) {
    this.#clock = clock;
    this.#startMs = clock.nowMs();
    this.#from = from;
  }

  of(done: number, total: number): { readonly rate: number; readonly secondsLeft: number } {
    const seconds = (this.#clock.nowMs() - this.#startMs) / 1_000;
    const rate = seconds > 0 ? (done - this.#from) / seconds : 0;
    return { rate, secondsLeft: rate > 0 ? (total - done) / rate : NaN };
  }
}

function nothingToLearn({ made }: SampleSet): StarlingError {
  const reasons = made.notLearned.map(({ reason, events }) => `${events} × ${reason}`);
  const why = reasons.length === 0 ? 'there are no events before the holdout' : reasons.join('; ');
  const text = `nothing can be learned from these files: ${why}.`;
  return new StarlingError('TRAINING_FAILED', text, { events: made.events });
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);
}
