import { StarlingError, messageOf } from '../core/base/errors.js';
import { blueprintOf, type Blueprint } from '../core/blueprint/blueprint.js';
import { joinRulesOf } from '../core/blueprint/join-rules.js';
import type { JoinRules, OutcomeRule } from '../core/joining/outcome-rules.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { changedBy } from '../core/features/entity-change.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import { createTransform } from '../core/features/transform.js';
import { JoinWindow } from '../core/joining/join-window.js';
import type { ImportBatch, SampleBatch } from '../core/joining/types.js';
import { Catalog } from '../core/retrieval/catalog.js';
import { CatalogDraws, NegativeDraws } from '../core/retrieval/negative-draws.js';
import type { Happening, ImportSource } from '../importing/import-source.js';
import { noAliases } from '../messages/import-records.js';
import type { Entity } from '../messages/subjects.js';
import { ImportFold } from '../operations/import/import-fold.js';
import { ImportPieces } from '../operations/import/import-pieces.js';
import { NotLearnedEvents, type NotLearned } from '../operations/import/import-report.js';
import { SeededDraws } from '../operations/import/seeded-draws.js';

/** As operations/import/run-import.ts and actors/joiner/open-window.ts have them. */
const drawnOfMax = 10_000;
const organicWaitMs = 500;
const copiesMs = 30_000;
/** Events in the window at once. Any number gives the same samples. */
const pieceEvents = 1_024;

const nothingTold = { events: false, shown: false, outcomes: false } as const;

/** What comes of the files. Samples are told in the order in which a cluster would learn them. */
export interface SampleListener {
  /** Before the first event of this time or later: all that was known by then has been told. */
  readonly reaches: (timestampMs: number, events: number) => void;
  readonly samples: (samples: SampleBatch) => void;
  /** Now and then. @returns whether it is to go on. */
  readonly goesOn: (events: number) => boolean;
}

export interface MadeSamples {
  readonly events: number;
  readonly firstMs: number | undefined;
  readonly lastMs: number | undefined;
  readonly notLearned: readonly NotLearned[];
  /** Rows of which some outcome was not known at the end of the files. */
  readonly open: number;
}

export interface SampleMakerOptions {
  readonly config: ClusterConfig;
  readonly source: ImportSource;
  /** With what the source is, it says which items are drawn; left out: those that an import of the same files draws. */
  readonly seed?: number | undefined;
  /** Of this machine: an event may not be ahead of it. */
  readonly nowMs: number;
}

/**
 * Samples of files, as a cluster would have made them of an import: folded in the order of time with what is known of the moment before each
 * event (operations/import/import-fold.ts), joined by a window (core/joining), in one process and without a message.
 */
export class SampleMaker {
  readonly #options: SampleMakerOptions;
  readonly #blueprint: Blueprint;
  readonly #fold: ImportFold;
  readonly #pieces: ImportPieces;
  readonly #window: JoinWindow;
  readonly #draws: SeededDraws;
  readonly #catalog: Catalog | undefined;
  readonly #told = { user: new Map<string, RawFeatures>(), item: new Map<string, RawFeatures>() };
  readonly #notLearned = new NotLearnedEvents();
  #events = 0;
  #firstMs: number | undefined;
  #newestMs: number | undefined;
  #sequence = 0;

  constructor(options: SampleMakerOptions) {
    const { config, source, seed } = options;
    this.#options = options;
    this.#blueprint = blueprintOf(config);
    const transform = createTransform(this.#blueprint.spec);
    this.#draws = new SeededDraws(seed === undefined ? source.id : `${source.id}.${seed}`);
    this.#catalog = config.organic.from === 'catalog' ? new Catalog({}) : undefined;
    this.#fold = new ImportFold({
      ...{ config, transform },
      told: (entity, id) => this.#told[entity].get(id),
      draws: this.#catalog
        ? new CatalogDraws(this.#catalog, this.#draws)
        : new NegativeDraws(drawnOfMax, this.#draws),
    });
    const payloadBytesMax = Infinity;
    this.#pieces = new ImportPieces({ name: source.id, transform, partitions: 1, payloadBytesMax });
    this.#window = windowOf(config, this.#blueprint);
  }

  /** @returns undefined where it was not to go on. */
  async make(listener: SampleListener): Promise<MadeSamples | undefined> {
    const { source } = this.#options;
    for await (const batch of source.items(0))
      for (const { id, attributes } of batch) this.#tell('item', id, attributes);
    for await (const batch of source.users(0))
      for (const { id, attributes } of batch) this.#tell('user', id, attributes);
    for await (const batch of source.happenings(0)) {
      for (const happening of batch) this.#take(happening, listener);
      if (!listener.goesOn(this.#events)) return undefined;
    }
    this.#join(listener, this.#newestMs);
    return {
      ...{ events: this.#events, firstMs: this.#firstMs, lastMs: this.#newestMs },
      notLearned: this.#notLearned.all,
      open: this.#window.counters.open,
    };
  }

  #take(happening: Happening, listener: SampleListener): void {
    this.#draws.at(happening.position);
    switch (happening.kind) {
      case 'alias': {
        const { position, visitor, user, timestampMs } = happening;
        const alias = this.#fold.becomes(visitor, user, timestampMs);
        if (alias) this.#pieces.addAlias(position, alias);
        return;
      }
      case 'item':
      case 'user':
        this.#tell(happening.kind, happening.id, happening.attributes);
        this.#fold.toldAnew(happening.kind, happening.id);
        return;
      case 'event':
        return this.#event(happening, listener);
    }
  }

  #event(
    { position, event, timestampMs }: Happening & { kind: 'event' },
    listener: SampleListener,
  ): void {
    listener.reaches(timestampMs, this.#events++);
    let folded;
    try {
      folded = this.#fold.happened(event, this.#options.nowMs, () => true);
    } catch (error) {
      if (!(error instanceof StarlingError)) throw error;
      this.#notLearned.note(messageOf(error), event.id);
      return;
    }
    this.#firstMs ??= folded.atMs;
    this.#newestMs = Math.max(this.#newestMs ?? -Infinity, folded.atMs);
    if (folded.alias) this.#pieces.addAlias(position, folded.alias);
    if (folded.whyNot !== undefined) this.#notLearned.note(folded.whyNot, event.id);
    if (folded.person === '') return;
    this.#pieces.addEvent(position, folded);
    if (this.#pieces.events >= pieceEvents) this.#join(listener);
  }

  /** Tells of all that is known by now. */
  settle(listener: SampleListener): void {
    this.#join(listener);
  }

  /** @param watermarkMs the end: nothing comes that is older. */
  #join(listener: SampleListener, watermarkMs?: number): void {
    for (const record of this.#pieces.takeRecords().values()) this.#observe(record);
    if (watermarkMs !== undefined)
      this.#observe({
        ...{ name: this.#options.source.id, through: Number.MAX_SAFE_INTEGER, watermarkMs },
        ...{ positions: new Float64Array(0), actions: undefined, aliases: noAliases },
      });
    // What goes to another partition elsewhere comes back to this one.
    for (let isMore = true; isMore;) {
      const { samples, sent } = this.#window.drain();
      for (const { to, ...record } of sent) {
        void to;
        this.#window.observeSent(record);
      }
      isMore = sent.length > 0;
      if (samples.items.length > 0) listener.samples(samples);
    }
  }

  #observe(batch: ImportBatch): void {
    this.#window.reads(++this.#sequence);
    this.#window.observeImport(batch);
  }

  #tell(entity: Entity, id: string, attributes: RawFeatures): void {
    const known = this.#told[entity].get(id) ?? {};
    this.#told[entity].set(id, changedBy(known, attributes, 'patch'));
    if (entity === 'item') this.#catalog?.put(id, {});
  }
}

function windowOf(config: ClusterConfig, { spec, slotCount }: Blueprint): JoinWindow {
  const { latenessMs, negativeSamplingRate } = config.joining;
  return new JoinWindow({
    ...wholeWindows(joinRulesOf(config)),
    ...{ latenessMs, copiesMs, organicWaitMs: Math.min(organicWaitMs, latenessMs) },
    ...{ organic: config.organic.negatives > 0, negativeRate: negativeSamplingRate },
    ...{ tells: nothingTold, partition: 0, partitions: 1, homeOf: () => 0 },
    ...{ slotCount, denseCount: spec.denseWidth },
  });
}

/** Of files all is known: nothing has to be told before its window is over. */
function wholeWindows({ outcomes, events }: JoinRules): JoinRules {
  const whole = (outcome: OutcomeRule): OutcomeRule => {
    const { name, from, windowMs, given, sums } = outcome;
    const of = given === undefined ? {} : { given };
    return { ...{ name, from, windowMs }, ...of, ...(sums ? { sums } : {}) };
  };
  return { outcomes: outcomes.map(whole), events };
}
