import { sleep } from '../../core/base/clock.js';
import { StarlingError, messageOf } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { joinPartitions } from '../../core/config/join-partitions.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { createTransform } from '../../core/features/transform.js';
import { heldIn, laneSum, zeroLane } from '../../core/joining/join-counts.js';
import { Catalog } from '../../core/retrieval/catalog.js';
import { CatalogDraws, NegativeDraws } from '../../core/retrieval/negative-draws.js';
import { visitorPerson } from '../../core/joining/person-event.js';
import type { Happening, ImportSource, ImportedEvent } from '../../importing/import-source.js';
import { importEnd, type ImportState } from '../../messages/import-records.js';
import type { Entity } from '../../messages/subjects.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { ItemLoadResult } from '../item-files/load-items.js';
import { loadSource } from '../item-files/load-source.js';
import { eventsCounted } from './events-counted.js';
import { ImportFold, type FoldedAlias } from './import-fold.js';
import { importEntities, openDoor, type EntityDoor } from './import-entities.js';
import { ImportJudge, type OutcomeJudgement } from './import-judge.js';
import { ImportLane } from './import-lane.js';
import { ImportPieces } from './import-pieces.js';
import { KnownOwners } from './known-owners.js';
import {
  countedIn,
  learnedIn,
  NotLearnedEvents,
  untaughtIn,
  type ImportReport,
} from './import-report.js';
import { refuseOtherConfig } from './same-config.js';
import { SeededDraws } from './seeded-draws.js';
import { ToldFeatures } from './told-features.js';
import { ToldPast } from './told-past.js';

/** Events that negatives are drawn from, as processors do. */
const drawnOfMax = 10_000;
const lookMs = 100;
/** Of the events: scores of the last ones are judged, as those of before were given by who knew little. */
const judgedFrom = 0.9;
/** What joiners count comes to rest within moments; they may be on their way to another host. */
const restMsMax = 120_000;

export interface ImportProgress {
  readonly phase: 'items' | 'users' | 'events' | 'end';
  readonly done: number;
  readonly total: number;
  /** Events learned in a second. */
  readonly rate: number;
}

export interface ImportOptions {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  readonly source: ImportSource;
  readonly door?: EntityDoor;
  readonly progress?: (progress: ImportProgress) => void;
  readonly note?: (text: string) => void;
}

/**
 * Brings what files say into a running cluster: items and users as anybody tells them, then what happened, folded here in the order of time
 * and sent with the features of each moment. It may be cut off at any point: the same again goes on.
 *
 * @throws StarlingError
 */
export async function runImport(options: ImportOptions): Promise<ImportReport> {
  return new ImportRun(options).run();
}

class ImportRun {
  readonly #options: ImportOptions;
  readonly #bus: Bus;
  readonly #lane: ImportLane;
  readonly #pieces: ImportPieces;
  readonly #told: ToldFeatures;
  readonly #fold: ImportFold;
  readonly #past: ToldPast;
  /** Undefined: it knows nothing of before. */
  #owners: KnownOwners | undefined;
  readonly #draws: SeededDraws;
  readonly #catalog: Catalog | undefined;
  readonly #door: EntityDoor;
  #catalogLoad: ItemLoadResult | undefined;
  readonly #notLearned = new NotLearnedEvents();
  readonly #judge: ImportJudge;
  #judgedSince: number | undefined;
  /** To JOIN, by this run or one before it. */
  readonly #sent = { events: 0, history: 0 };
  #states: readonly ImportState[] = [];
  #newestMs = 0;
  #unseen = 0;
  #done = 0;
  /** What is on its way into JOIN; the next is folded meanwhile. */
  #sending: Promise<void> = Promise.resolve();

  constructor(options: ImportOptions) {
    const { bus, config, source, note = () => undefined } = options;
    const transform = createTransform(featureSpecOf(config.features, config.lineage));
    const common = { name: source.id, partitions: joinPartitions(config) };
    this.#options = options;
    this.#bus = bus;
    const { p99BudgetMs } = config.serving;
    this.#lane = new ImportLane({ bus, spec: transform.spec, note, p99BudgetMs, ...common });
    const { payloadBytesMax } = bus;
    this.#pieces = new ImportPieces({ transform, payloadBytesMax, ...common });
    this.#told = new ToldFeatures(bus);
    this.#draws = new SeededDraws(source.id);
    this.#catalog = config.organic.from === 'catalog' ? new Catalog({}) : undefined;
    this.#fold = new ImportFold({
      ...{ config, transform },
      told: (entity, id) => this.#told.get(entity, id),
      past: (key) => this.#past.stateOf(key),
      isTold: (id) => this.#past.isTold(id),
      draws: this.#catalog
        ? new CatalogDraws(this.#catalog, this.#draws)
        : new NegativeDraws(drawnOfMax, this.#draws),
    });
    this.#past = new ToldPast({ bus, config, fold: this.#fold, features: this.#told });
    this.#judge = new ImportJudge(bus, config);
    this.#door = options.door ?? openDoor(bus);
  }

  async run(): Promise<ImportReport> {
    const { source } = this.#options;
    const { clock } = this.#bus;
    const startMs = clock.nowMs();
    await refuseOtherConfig(this.#bus, this.#options.config);
    this.#states = await this.#lane.begin();
    const wasThere = this.#states.every(({ position }) => position === importEnd);
    const wentOn = !wasThere && this.#states.some(({ position }) => position !== undefined);
    // Who has begun with the events has told all items and users before. A whole catalog is what there is to be, whatever was done since.
    const isTold = wasThere ? !this.#isWholeCatalog : wentOn;
    const entities = isTold ? { item: 0, user: 0 } : await this.#entities();
    if (wasThere) return this.#reportOf({ wasThere, startMs, sendMs: 0, entities });
    if (this.#catalog)
      for await (const batch of source.items(0))
        for (const { id } of batch) this.#catalog.put(id, {});
    await this.#lane.open(await this.#readPast(wentOn));
    const sendMs = clock.nowMs();
    for await (const batch of source.happenings(0)) await this.#take(batch);
    await this.#send();
    await this.#settled();
    await this.#lane.close(this.#newestMs);
    const sent = { wasThere: false, wentOn, startMs, sendMs: clock.nowMs() - sendMs, entities };
    return this.#reportOf({ ...sent, judged: await this.#judge.end() });
  }

  /** Whether files of items say all that there is. */
  get #isWholeCatalog(): boolean {
    const { config, source } = this.#options;
    return source.counts.items > 0 && config.files?.items?.mode === 'replace';
  }

  async #loadItems(): Promise<number> {
    const { config, source } = this.#options;
    const { absent = 'hide', absentMax = 1 } = config.files?.items ?? {};
    const mode = absent === 'hide' ? 'replace' : 'patch';
    this.#catalogLoad = await loadSource({ bus: this.#bus, config, source, mode, absentMax });
    return this.#catalogLoad.rows;
  }

  async #entities(): Promise<Record<Entity, number>> {
    const { config, source, progress } = this.#options;
    const { counts } = source;
    return importEntities({
      ...{ bus: this.#bus, source, door: this.#door },
      ...(this.#isWholeCatalog ? { loadItems: () => this.#loadItems() } : {}),
      dataCenters: config.dataCenters.map(({ name }) => name),
      progress: (entity, done) =>
        progress?.({
          ...(entity === 'item'
            ? { phase: 'items', total: counts.items }
            : { phase: 'users', total: counts.users }),
          ...{ done, rate: 0 },
        }),
    });
  }

  async #take(batch: readonly Happening[]): Promise<void> {
    if (this.#owners)
      for (const [visitor, user] of await this.#owners.read(visitorsOf(batch)))
        this.#fold.wasKnown(visitor, user);
    await this.#told.read(this.#idsOf(batch));
    const nowMs = this.#bus.clock.wallMs();
    for (const happening of batch) {
      this.#draws.at(happening.position);
      this.#past.advance(happening.timestampMs);
      switch (happening.kind) {
        case 'alias': {
          const { position, visitor, user, timestampMs } = happening;
          const alias = this.#fold.becomes(visitor, user, timestampMs);
          if (alias) this.#alias(position, alias);
          break;
        }
        case 'event':
          this.#event(happening, nowMs);
          break;
        case 'item':
        case 'user': {
          const { kind, id, attributes, position } = happening;
          this.#told.patch(kind, id, attributes);
          this.#fold.toldAnew(kind, id);
          if (kind === 'item') this.#catalog?.put(id, {});
          await this.#door(kind, [{ position, id, attributes }]);
        }
      }
      if (this.#pieces.events < this.#lane.batch && !this.#isJudgedFromNow) continue;
      await this.#send();
      await this.#lane.room();
      await this.#judgeSoon();
    }
  }

  #event({ position, event }: Happening & { kind: 'event' }, nowMs: number): void {
    this.#done++;
    const isMissing = (person: string): boolean =>
      position > (this.#states[this.#pieces.homeOf(person)]!.position ?? 0);
    let folded;
    try {
      folded = this.#fold.happened(event, nowMs, isMissing);
    } catch (error) {
      if (!(error instanceof StarlingError)) throw error;
      this.#notLearned.note(reasonIn(messageOf(error)), exampleOf(event));
      return;
    }
    this.#newestMs = Math.max(this.#newestMs, folded.atMs);
    if (folded.alias) this.#alias(position, folded.alias);
    if (folded.whyNot !== undefined) this.#notLearned.note(folded.whyNot, exampleOf(event));
    // Of nobody: joiners could only bury it.
    if (folded.person === '') return;
    this.#sent.events++;
    if (folded.whyNot !== undefined) this.#sent.history++;
    if (isMissing(folded.person)) this.#pieces.addEvent(position, folded);
  }

  #alias(position: number, alias: FoldedAlias): void {
    const known = this.#states[this.#pieces.homeOf(alias.visitor)]!.position ?? 0;
    if (position > known) this.#pieces.addAlias(position, alias);
  }

  async #send(): Promise<void> {
    const { progress, source } = this.#options;
    const { events } = this.#pieces;
    const pieces = this.#pieces.take();
    // Piece after piece: should one fail, none behind it may be there.
    await this.#sending;
    this.#sending = this.#lane.send(pieces, events);
    // Heard by the next one.
    this.#sending.catch(() => undefined);
    const { pace } = this.#lane;
    const done = Math.max(0, this.#done - pace.ahead);
    progress?.({ phase: 'events', done, total: source.counts.events, rate: pace.rate });
  }

  /** All that was sent is learned. */
  async #settled(): Promise<void> {
    await this.#sending;
    await this.#lane.settled();
  }

  /** The last part begins, and nobody has looked yet. */
  get #isJudgedFromNow(): boolean {
    const { events } = this.#options.source.counts;
    return this.#judgedSince === undefined && this.#done >= judgedFrom * events;
  }

  async #judgeSoon(): Promise<void> {
    if (!this.#isJudgedFromNow) return;
    this.#judgedSince = this.#done;
    await this.#settled();
    await this.#judge.begin();
  }

  #idsOf(batch: readonly Happening[]) {
    const users: string[] = [];
    const items: string[] = [];
    for (const happening of batch) {
      if (happening.kind === 'event') {
        const { event } = happening;
        users.push(event.user ?? this.#fold.personOf(event));
        items.push(event.item);
      } else if (happening.kind === 'alias') users.push(happening.user);
      else (happening.kind === 'item' ? items : users).push(happening.id);
    }
    if (this.#owners) for (const user of users) items.push(...this.#fold.listedOf(user));
    return { users, items };
  }

  async #reportOf(of: {
    readonly wasThere: boolean;
    readonly wentOn?: boolean;
    readonly startMs: number;
    readonly sendMs: number;
    readonly entities: Record<Entity, number>;
    readonly judged?: readonly OutcomeJudgement[];
  }): Promise<ImportReport> {
    const { source } = this.#options;
    const { wasThere, wentOn = false, startMs, sendMs, entities, judged = [] } = of;
    const counters = wasThere ? zeroLane() : await this.#rest();
    return {
      ...{ name: source.id, wasThere, wentOn, rows: source.counts },
      ...{ items: entities.item, users: entities.user, aliases: source.counts.aliases },
      ...(this.#catalogLoad ? { catalog: this.#catalogLoad } : {}),
      learned: learnedIn(counters),
      unseen: this.#unseen,
      judged,
      judgedEvents: judged.length === 0 ? 0 : this.#done - (this.#judgedSince ?? this.#done),
      notLearned: this.#notLearned.all,
      // Of those that were known some would not have been learned, and are told of with their reason.
      known: wasThere
        ? source.counts.events
        : counters.duplicates - (this.#sent.history - untaughtIn(counters)),
      seconds: (this.#bus.clock.nowMs() - startMs) / 1_000,
      perSecond: sendMs === 0 ? 0 : (1_000 * this.#sent.events) / sendMs,
    };
  }

  /**
   * What others have told before: features of a moment know what was before it, and nothing of what came later. Where some of it is of the
   * time of the rows, ACTIVITY must reach back to its first record. Who goes on knows what it knew when it began.
   *
   * @returns up to where in ACTIVITY; undefined: it begins with nothing, and says what it has not seen.
   */
  async #readPast(wentOn: boolean): Promise<number | undefined> {
    const firstMs = this.#fold.keepsAny ? await this.#firstMs() : undefined;
    if (firstMs === undefined) return undefined;
    const begun = this.#states.find(({ activity }) => activity !== undefined)?.activity;
    const mayKnow = !wentOn || begun !== undefined;
    if (mayKnow && (await this.#readUntil(begun, firstMs, wentOn))) {
      const { bus, source } = this.#options;
      const homeOf = (person: string): number => this.#pieces.homeOf(person);
      this.#owners = new KnownOwners({ bus, name: source.id, homeOf, beforeMs: firstMs });
      return this.#past.sequence;
    }
    this.#unseen = await this.#toldBefore();
    return undefined;
  }

  /** @returns whether the fold has all of it; if not, it has nothing. */
  async #readUntil(begun: number | undefined, firstMs: number, wentOn: boolean): Promise<boolean> {
    // Each in its place; of before a month it is not known any more where that was.
    if (wentOn) return (await this.#past.read(begun, firstMs)) || this.#past.read(begun);
    if (isToldBefore(firstMs, this.#states) && (await this.#past.read())) {
      // Meanwhile somebody may have done something.
      if (isToldBefore(firstMs, await this.#lane.states())) return true;
      await this.#past.reset();
    }
    return this.#past.read(undefined, firstMs);
  }

  /** Of what happened; undefined: nothing did. */
  async #firstMs(): Promise<number | undefined> {
    for await (const batch of this.#options.source.happenings(0))
      for (const { kind, timestampMs } of batch)
        if (kind === 'event' || kind === 'alias') return timestampMs;
    return undefined;
  }

  /** By others, as it is folded from nothing. */
  async #toldBefore(): Promise<number> {
    const counted = await eventsCounted(this.#bus);
    const own = this.#states.reduce((sum, { counters: c }) => sum + c.actions - c.passedActions, 0);
    return Math.max(0, counted - own);
  }

  /** What joiners have counted, once all that they tell each other has come. */
  async #rest() {
    const { clock } = this.#bus;
    const endMs = clock.nowMs() + restMsMax;
    for (;;) {
      const states = await this.#lane.states();
      const counters = states.map((each) => each.counters).reduce(laneSum, zeroLane());
      const isAtRest = countedIn(counters) !== undefined && heldIn(counters) === 0;
      if (isAtRest || clock.nowMs() > endMs) return counters;
      await sleep(clock, lookMs);
    }
  }
}

/** Whether nothing of a later time was told. */
function isToldBefore(ms: number, states: readonly ImportState[]): boolean {
  return states.every(({ toldMsMax }) => toldMsMax <= ms);
}

function visitorsOf(batch: readonly Happening[]): string[] {
  return batch.flatMap((happening) => {
    const { visitor } = happening.kind === 'event' ? happening.event : { visitor: undefined };
    return visitor === undefined ? [] : [visitorPerson(visitor)];
  });
}

/** Without what is of this one alone. */
function reasonIn(text: string): string {
  return text.replace(/ is \d+ s in the future/, ' is in the future');
}

function exampleOf({ type = 'click', item, user, visitor, id }: ImportedEvent): string {
  return `${type} of ${item} by ${user ?? visitor ?? 'nobody'} (${id})`;
}
