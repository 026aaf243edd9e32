import { mainModel } from '../../messages/model-name.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import { BooksReader } from '../../cluster/books/books-reader.js';
import { sleep } from '../../core/base/clock.js';
import { IntervalSet } from '../../core/base/interval-set.js';
import { asMessage, f64 } from '../../messages/checks.js';
import { decode } from '../../messages/codec.js';
import { actorsOf, type ActorStatus } from '../../messages/actor-status.js';
import { totalsOf, untold } from '../../messages/stats/totals.js';
import { lastToken } from '../../messages/subjects.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { isComing } from './coming.js';
import { CopyReader } from './copy-reader.js';
import { joinerNames, type EventFindings, type Findings } from './laws.js';

const partTriesMax = 50;
const partPauseMs = 50;

/**
 * Reads what is in the streams of a cluster: events from where the leader's books end, and each message once, so a second
 * look goes on where the first ended. What was applied is read from the logs of rows and network, so no actor is asked for
 * what it believes.
 */
export class AuditReader {
  readonly #bus: Bus;
  readonly #copies: CopyReader;
  #opened: BooksReader | undefined;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#copies = new CopyReader(bus);
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
    const applied = await this.#applied();
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
      copies: await this.#copies.look(status.actors),
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

  async #applied(): Promise<Findings['applied']> {
    const { stream, subject, pattern } = this.#bus.names;
    const known = await this.#bus.subjects(
      stream.deltas,
      pattern('deltaWeights', { model: mainModel }),
    );
    const partitions = known.map((name) => Number(lastToken(name))).sort((a, b) => a - b);
    const applied = await Promise.all(
      partitions.map(async (partition) => ({
        name: `partition ${partition}`,
        set: await this.#appliedIn(stream.deltas, subject.deltaWeights(mainModel, partition)),
      })),
    );
    const set = await this.#appliedIn(stream.dense, subject.denseState(mainModel));
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

/** What is missing for the sums over all joiners, in words. */
function untoldIn(joiners: readonly ActorStatus<'joiner'>[]): string[] {
  return joiners.length === 0 ? ['the status has no joiner'] : untold(joiners, joinerNames);
}
