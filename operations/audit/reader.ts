import { mainModel } from '../../messages/model-name.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import { IntervalSet } from '../../core/base/interval-set.js';
import { asMessage, f64 } from '../../messages/checks.js';
import { decode } from '../../messages/codec.js';
import { parseDeadLetters } from '../../messages/dead-letters.js';
import { actorsOf, type ActorStatus } from '../../messages/actor-status.js';
import { totalsOf, untold } from '../../messages/stats/totals.js';
import { lastToken } from '../../messages/subjects.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { StreamMessage } from '../../runtime/bus/logs.js';
import type { WorkState } from '../../runtime/bus/work-queues.js';
import { replay } from '../../runtime/followers/follow.js';
import { CopyReader } from './copy-reader.js';
import { KeyTable, seen } from './key-table.js';
import { joinerNames, type EventFindings, type Findings } from './laws.js';

interface Key {
  readonly requestId: string;
  readonly item: string;
}

interface Waiting {
  readonly raw: string;
  readonly sequence: number;
  readonly table: KeyTable;
  readonly keys: readonly Key[];
}

const partTriesMax = 50;
const partPauseMs = 50;

const hasAny = (flags: number, some: number): boolean => (flags & some) !== 0;

/**
 * Reads the streams of a cluster, message by message and each once: a second look goes on where the first ended. What
 * was applied is read from the logs of rows and network, so no actor is asked for what it believes.
 */
export class AuditReader {
  readonly #bus: Bus;
  readonly #copies: CopyReader;
  readonly #impressions = new KeyTable();
  readonly #actions = new KeyTable();
  readonly #next = new Map<string, number>();
  readonly #trimmed = new Set<string>();
  /** Accepted, and not acknowledged by the processor when they were read. */
  #waiting: Waiting[] = [];
  /** Dead letters whose content could not be read, so nobody knows which events they were. */
  #unreadable = { impressions: 0, actions: 0 };

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
    const training = await this.#bus.workState(this.#bus.names.stream.samples, 'trainer');
    const applied = await this.#applied();
    const { lastSequence: batches } = await this.#bus.streamState(this.#bus.names.stream.samples);
    const raws = status.dataCenters.map(({ name }) => this.#bus.names.stream.raw(name));
    const work = new Map<string, WorkState>();
    for (const raw of raws) work.set(raw, await this.#bus.workState(raw, 'processor'));
    await this.#scan(this.#bus.names.stream.samples, (message) => this.#sampled(message));
    await this.#scan(this.#bus.names.stream.join, (message) => this.#joined(message));
    await this.#scan(this.#bus.names.stream.deadLetter, (message) => this.#refused(message));
    for (const raw of raws) {
      const { acknowledged } = work.get(raw)!;
      this.#fallDue(raw, acknowledged);
      await this.#scan(raw, (message) => this.#accepted(raw, message, acknowledged));
    }
    const impressions = this.#impressions;
    const joiners = actorsOf(status.actors, 'joiner');
    return {
      impressions: findingsOf(impressions, this.#unreadable.impressions),
      actions: findingsOf(this.#actions, this.#unreadable.actions),
      samples: impressions.countWhere((flags) => hasAny(flags, seen.sampled)),
      sampledTwice: impressions.countWhere((flags) => hasAny(flags, seen.sampledAgain)),
      sampledUnjoined: this.#trimmed.has(this.#bus.names.stream.join)
        ? 0
        : impressions.countWhere(
            (flags) => hasAny(flags, seen.sampled) && !hasAny(flags, seen.joined),
          ),
      joiners: totalsOf(joiners, joinerNames),
      untold: untoldIn(joiners),
      batches,
      batchesDue: training.acknowledged,
      applied,
      copies: await this.#copies.look(status.actors),
      trimmed: [...this.#trimmed],
      inFlight: {
        ...Object.fromEntries([...work].map(([raw, { left }]) => [raw, left])),
        outbox: totalsOf(joiners, ['outboxPending'])?.outboxPending ?? null,
        [this.#bus.names.stream.samples]: training.left,
      },
    };
  }

  async #scan(stream: string, take: (message: StreamMessage) => void): Promise<void> {
    const { firstSequence, lastSequence } = await this.#bus.streamState(stream);
    const next = this.#next.get(stream) ?? 1;
    if (firstSequence > next && lastSequence >= firstSequence) this.#trimmed.add(stream);
    if (lastSequence < next) return;
    await replay(this.#bus, { stream, fromSequence: next }, (message) => {
      // The consumer may begin before where it was asked to: with a sequence of 1 it begins with the first.
      if (message.sequence >= next) take(message);
      this.#next.set(stream, Math.max(message.sequence + 1, this.#next.get(stream) ?? 1));
    });
  }

  #accepted(raw: string, message: StreamMessage, acknowledged: number): void {
    const table = this.#tableOf(lastToken(message.subject));
    if (!table) return;
    const keys = keysOf(tryDecode(message.bytes)) ?? [];
    const isDue = message.sequence <= acknowledged;
    const flags = seen.accepted | (isDue ? seen.due : 0);
    for (const { requestId, item } of keys) table.mark(requestId, item, flags);
    if (!isDue) this.#waiting.push({ raw, sequence: message.sequence, table, keys });
  }

  /** What an earlier look found on its way and is acknowledged by now. */
  #fallDue(raw: string, acknowledged: number): void {
    const isDue = (each: Waiting) => each.raw === raw && each.sequence <= acknowledged;
    for (const { table, keys } of this.#waiting.filter(isDue))
      for (const { requestId, item } of keys) table.mark(requestId, item, seen.due);
    this.#waiting = this.#waiting.filter((each) => !isDue(each));
  }

  #refused(message: StreamMessage): void {
    const { origin, letters } = parseDeadLetters(decode(message.bytes));
    if (!this.#bus.names.isOf('raw', origin)) return;
    const type = lastToken(origin);
    const table = this.#tableOf(type);
    if (!table) return;
    for (const { content, events } of letters) {
      const value = ArrayBuffer.isView(content) ? tryDecode(content as Uint8Array) : content;
      const keys = keysOf(value);
      for (const { requestId, item } of keys ?? []) table.mark(requestId, item, seen.refused);
      if (keys === undefined)
        this.#unreadable[type === 'impression' ? 'impressions' : 'actions'] += events;
    }
  }

  #joined(message: StreamMessage): void {
    const value = tryDecode(message.bytes);
    const isActions = (value as { kind?: unknown } | undefined)?.kind === 'actions';
    const table = isActions ? this.#actions : this.#impressions;
    for (const { requestId, item } of keysOf(value) ?? []) {
      const before = table.mark(requestId, item, seen.joined);
      if (hasAny(before, seen.joined)) table.mark(requestId, item, seen.joinedAgain);
    }
  }

  #sampled(message: StreamMessage): void {
    for (const { requestId, item } of keysOf(tryDecode(message.bytes)) ?? []) {
      const before = this.#impressions.mark(requestId, item, seen.sampled);
      if (hasAny(before, seen.sampled)) this.#impressions.mark(requestId, item, seen.sampledAgain);
    }
  }

  #tableOf(type: string): KeyTable | undefined {
    if (type === 'impression') return this.#impressions;
    return type === 'action' ? this.#actions : undefined;
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
      await new Promise((resolve) => setTimeout(resolve, partPauseMs));
    }
    return new IntervalSet();
  }
}

function findingsOf(table: KeyTable, unreadable: number): EventFindings {
  const { accepted, joined, joinedAgain, refused, due } = seen;
  return {
    accepted: table.countWhere((flags) => hasAny(flags, accepted)),
    missing: table.countWhere((flags) => hasAny(flags, due) && !hasAny(flags, joined | refused)),
    surplus: table.countWhere((flags) => hasAny(flags, joined) && !hasAny(flags, accepted)),
    refused: table.countWhere((flags) => hasAny(flags, refused)) + unreadable,
    joined: table.countWhere((flags) => hasAny(flags, joined)),
    joinedAgain: table.countWhere((flags) => hasAny(flags, joinedAgain)),
  };
}

/** One event, a list of them, or columns; undefined where it is none of these. */
function keysOf(value: unknown): Key[] | undefined {
  if (Array.isArray(value)) return value.flatMap((each) => keyOf(each) ?? []);
  const { requestIds, items } = (value ?? {}) as { requestIds?: unknown; items?: unknown };
  if (Array.isArray(requestIds) && Array.isArray(items)) {
    // One request id may stand for all rows, as in every column.
    const one = requestIds.length === 1;
    return items.map((item, i) => ({
      requestId: String(requestIds[one ? 0 : i]),
      item: String(item),
    }));
  }
  const key = keyOf(value);
  return key && [key];
}

function keyOf(value: unknown): Key | undefined {
  const { requestId, item } = (value ?? {}) as { requestId?: unknown; item?: unknown };
  const isId = (id: unknown): id is string | number =>
    typeof id === 'string' || typeof id === 'number';
  return isId(requestId) && isId(item)
    ? { requestId: String(requestId), item: String(item) }
    : undefined;
}

function tryDecode(bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch {
    // Whoever processes it refuses it too, and it is a dead letter then.
    return undefined;
  }
}

/** What is missing for the sums over all joiners, in words. */
function untoldIn(joiners: readonly ActorStatus<'joiner'>[]): string[] {
  return joiners.length === 0 ? ['the status has no joiner'] : untold(joiners, joinerNames);
}
