import { mainModel } from '../../messages/model-name.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import { BooksReader } from '../../cluster/books/books-reader.js';
import { sleep } from '../../core/base/clock.js';
import { IntervalSet } from '../../core/base/interval-set.js';
import { asMessage, f64 } from '../../messages/checks.js';
import { decode } from '../../messages/codec.js';
import { actorsOf, type ActorStatus } from '../../messages/actor-status.js';
import { totalsOf, untold } from '../../messages/stats/totals.js';
import { modelNumberOf } from '../../core/base/model-identity.js';
import { trainerQueue } from '../../messages/models.js';
import { lastToken } from '../../messages/subjects.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { isComing } from './coming.js';
import { CopyReader } from './copy-reader.js';
import type { CopyFindings } from './copy-ledger.js';
import { joinerNames, type AppliedBatches, type EventFindings, type Findings } from './laws.js';

const partTriesMax = 50;
const partPauseMs = 50;

/**
 * Reads what is in the streams of a cluster: events from where the leader's books end, and each message once, so a second
 * look goes on where the first ended. What was applied is read from the logs of rows and network, so no actor is asked for
 * what it believes.
 */
export class AuditReader {
  readonly #bus: Bus;
  /** By model. */
  readonly #copies = new Map<string, CopyReader>();
  #opened: BooksReader | undefined;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /**
   * From where events end to where they begin: whatever is found further down was accepted before, so it is among the
   * accepted that are read last.
   *
   * @throws StarlingError what the servers answer.
   */
  async look(status: Pick<ClusterStatus, 'actors' | 'dataCenters'>): Promise<Findings> {
    const reader = (this.#opened ??= await BooksReader.open(this.#bus));
    const { stream } = this.#bus.names;
    const training = await this.#bus.workState(stream.samples, 'trainer');
    const others = modelsOf(status.actors);
    const applied = await this.#applied(mainModel);
    for (const model of others) applied.push(...(await this.#appliedOf(model)));
    const { lastSequence: batches } = await this.#bus.streamState(stream.samples);
    const left = await reader.look(status.dataCenters.map(({ name }) => stream.raw(name)));
    const unsent = await reader.unsent(left);
    const { books } = reader;
    const { joinRows, joinRowsBuried, samples, sampledTwice, sampledUnjoined } = books.totals;
    const { samplesBuried } = books.totals;
    const joiners = actorsOf(status.actors, 'joiner');
    const between = await this.#between(joiners);
    const found = (event: 'impressions' | 'actions'): EventFindings => {
      const { missing, surplus, ...totals } = books.totals[event];
      return {
        ...totals,
        missing: missing + books.openOf(event).lost,
        surplus: unsent && surplus + unsent[event],
      };
    };
    return {
      impressions: found('impressions'),
      actions: found('actions'),
      ...{ joinRows, joinRowsBuried, samples, sampledTwice, sampledUnjoined, samplesBuried },
      joiners: between.length > 0 ? undefined : totalsOf(joiners, joinerNames),
      untold: [...untoldIn(joiners), ...between],
      joinersComing:
        between.length > 0 || joiners.some(({ state }) => state !== 'ready' && isComing(state)),
      ...{ batches, batchesDue: training.acknowledged, applied },
      copies: await this.#copiesOf(status.actors, [mainModel, ...others.map(({ name }) => name)]),
      books: reader.streams,
      inFlight: {
        ...Object.fromEntries(left),
        joining: await this.#joining(joiners),
        outbox: totalsOf(joiners, ['outboxPending'])?.outboxPending ?? null,
        [stream.samples]: training.left,
      },
    };
  }

  /** Partitions of JOIN that are on their way from one joiner to another, in words: their figures are with neither. */
  async #between(joiners: readonly ActorStatus<'joiner'>[]): Promise<string[]> {
    const held = joiners.flatMap(({ stats }) => stats.partitions ?? []);
    const isTold = joiners.every(({ stats }) => stats.partitions !== undefined);
    if (joiners.length === 0 || !isTold) return [];
    const { stream, pattern } = this.#bus.names;
    const known = await this.#bus.subjects(stream.join, pattern('join'));
    return known
      .map((name) => Number(lastToken(name)))
      .filter((partition) => !held.includes(partition))
      .map((partition) => `partition ${partition} of JOIN is with no joiner`);
  }

  /** Asked after JOIN was read: whatever is in it then and not in SAMPLES is on its way. */
  async #joining(joiners: readonly ActorStatus<'joiner'>[]): Promise<number | null> {
    if (joiners.length === 0) return null;
    const { stream, subject } = this.#bus.names;
    let records = 0;
    for (const { stats } of joiners) {
      if (stats.published === undefined) return null;
      for (const [partition, published] of Object.entries(stats.published)) {
        const last = await this.#bus.lastMessage(stream.join, subject.join(Number(partition)));
        records += Math.max(0, (last?.sequence ?? 0) - published);
      }
    }
    return records;
  }

  /** Of a model beside `main`, whose trainers are elsewhere in SAMPLES. */
  async #appliedOf({ name, number }: OtherModel): Promise<AppliedBatches[]> {
    const { stream } = this.#bus.names;
    const { acknowledged: due } = await this.#bus.workState(
      stream.samples,
      trainerQueue({ number }),
    );
    const applied = await this.#applied(name);
    return applied.map((each) => ({ ...each, name: `${each.name} of ${name}`, due }));
  }

  async #copiesOf(actors: readonly ActorStatus[], models: readonly string[]) {
    const found: CopyFindings[] = [];
    for (const model of models) {
      const reader = this.#copies.get(model) ?? new CopyReader(this.#bus, model);
      this.#copies.set(model, reader);
      found.push(...(await reader.look(actors)));
    }
    return found;
  }

  async #applied(model: string): Promise<AppliedBatches[]> {
    const { stream, subject, pattern } = this.#bus.names;
    const known = await this.#bus.subjects(stream.deltas, pattern('deltaWeights', { model }));
    const partitions = known.map((name) => Number(lastToken(name))).sort((a, b) => a - b);
    const applied = await Promise.all(
      partitions.map(async (partition) => ({
        name: `partition ${partition}`,
        set: await this.#appliedIn(stream.deltas, subject.deltaWeights(model, partition)),
      })),
    );
    const set = await this.#appliedIn(stream.dense, subject.denseState(model));
    return [...applied, { name: 'the network', set }];
  }

  /** Of the newest record. One in the middle of a delta says nothing; its last part is on the way. */
  async #appliedIn(stream: string, name: string): Promise<IntervalSet> {
    for (let attempt = 0; attempt < partTriesMax; attempt++) {
      const found = await this.#bus.lastMessage(stream, name);
      if (!found) break;
      const applied = f64(asMessage(decode(found.bytes), name), 'applied', name);
      if (applied.length > 0) return IntervalSet.decode(applied);
      await sleep(this.#bus.clock, partPauseMs);
    }
    return new IntervalSet();
  }
}

interface OtherModel {
  readonly name: string;
  readonly number: number;
}

/** Models beside `main` that are taught: those that have trainers. */
function modelsOf(actors: readonly ActorStatus[]): OtherModel[] {
  const found = new Map<string, OtherModel>();
  for (const { kind, model, address } of actors)
    if (kind === 'trainer' && model !== undefined)
      found.set(model, { name: model, number: modelNumberOf(Number(lastToken(address))) });
  return [...found.values()];
}

/** What is missing for the sums over all joiners, in words. */
function untoldIn(joiners: readonly ActorStatus<'joiner'>[]): string[] {
  return joiners.length === 0 ? ['the status has no joiner'] : untold(joiners, joinerNames);
}
