import { at } from '../base/columns.js';
import { hashString } from '../base/hash.js';
import { lanes, logs, noActionFacts, noFacts } from './event-facts.js';
import { examplesOf, MemoryJoinStore, shape } from './join-events.testkit.js';
import { JoinWindow } from './join-window.js';
import type { StoredIdentity } from './identities.js';
import { decodeParts, kindOf, recordKind, type RecordKind } from './record-codec.js';
import type { JoinLogRecord, PersonJoinOptions } from './person-join-records.testkit.js';
import type { Joiner, JoinerOutput, LogRecord } from './person-world.testkit.js';
import type { Activity } from '../base/activity.js';
import { outcomeMask } from './types.js';
import type { JoinCounters, JoinOptions, SampleBatch, SentRecord } from './types.js';

export type RealSent = Omit<SentRecord, 'to'> & { readonly kind: 'sent' };

interface Saved {
  readonly store: MemoryJoinStore;
}

/** The real window with a store, as one of a world: records are messages of one row. */
export class WindowJoiner implements Joiner<RealSent> {
  readonly #options: JoinOptions;
  #store = new MemoryJoinStore();
  #window: JoinWindow;
  /** What has come since the last record was read; it was drained, and not said yet. */
  #drained: JoinerOutput<RealSent>[] = [];

  constructor(partition: number, options: PersonJoinOptions, memoryOpenMax: number) {
    this.#options = {
      ...options,
      ...{ partition, memoryOpenMax, bucketMs: 1 },
      tells: { events: true, shown: true, outcomes: true },
      ...shape,
    };
    this.#window = new JoinWindow(this.#options, this.#store);
  }

  get counters(): JoinCounters {
    return this.#window.counters;
  }

  /** Who is who, as the store has it. */
  get identities(): StoredIdentity[] {
    return this.#said(recordKind.identity) as StoredIdentity[];
  }

  /** Rows of somebody that something came of, as the store has them. */
  get settledRows(): unknown[] {
    return (this.#said(recordKind.settledRows) as { rows: unknown[] }[]).flatMap(
      ({ rows }) => rows,
    );
  }

  #said(kind: RecordKind): unknown[] {
    const those = this.#store.records.filter(({ bytes }) => kindOf(bytes) === kind);
    return those.map(({ bytes }) => decodeParts(bytes).said);
  }

  take(record: LogRecord<RealSent>): JoinerOutput<RealSent> {
    this.#observe(record);
    this.#window.advance();
    this.#drain();
    const drained = this.#drained;
    this.#drained = [];
    return {
      samples: drained.flatMap(({ samples }) => samples),
      activity: drained.flatMap(({ activity }) => activity),
      sent: drained.flatMap(({ sent }) => sent),
    };
  }

  save(): Saved {
    this.#drain();
    return { store: this.#store.copy() };
  }

  restore(saved: unknown): void {
    this.#store = (saved as Saved).store.copy();
    this.#window = new JoinWindow(this.#options, this.#store);
    const { progress, records } = this.#store;
    if (progress) this.#window.restore({ progress, records });
  }

  #drain(): void {
    const { samples, activity, sent, changes } = this.#window.drain();
    this.#store.commit(changes);
    this.#drained.push({
      samples: samplesIn(samples),
      activity: activity.map((placed) => textOf(placed.activity)),
      sent: sent.map(({ to, ...record }) => ({ to, record: { kind: 'sent', ...record } })),
    });
  }

  #observe(record: LogRecord<RealSent>): void {
    const window = this.#window;
    switch (record.kind) {
      case 'impression':
        return this.#offered(record);
      case 'event':
        return this.#happened(record);
      case 'shown': {
        const { requestId, items, atMs, lane } = record;
        return window.observeShown({
          requestIds: items.map(() => requestId),
          items,
          atMs: Float64Array.from(items, () => atMs),
          lanes: Uint8Array.of(lanes[lane]),
        });
      }
      case 'pointer': {
        const { requestId, items, atMs, lane, to } = record;
        return window.observePointers({
          requestIds: items.map(() => requestId),
          items,
          atMs: Float64Array.from(items, () => atMs),
          lanes: Uint8Array.of(lanes[lane]),
          partitions: Uint32Array.of(to),
        });
      }
      case 'alias':
        return window.observeAlias(record.visitor, record.user, record.atMs, lanes[record.lane]);
      case 'erase':
        return window.observeErase(record);
      case 'clock':
        return window.advance(record.atMs, lanes[record.lane]);
      case 'sent':
        return window.observeSent(record);
    }
  }

  #offered({ requestId, items, person, atMs, lane, log }: JoinLogRecord & { kind: 'impression' }) {
    const rows = items.map((item) => ({ requestId, item }));
    this.#window.observeImpressions({
      requestIds: rows.map((row) => row.requestId),
      users: rows.map(() => person),
      items,
      atMs: Float64Array.from(rows, () => atMs),
      scores: Float32Array.from(rows, () => 0.5),
      facts: { ...noFacts, lanes: Uint8Array.of(lanes[lane]), logs: Uint8Array.of(logs[log]) },
      examples: examplesOf(rows),
    });
  }

  #happened(event: JoinLogRecord & { kind: 'event' }) {
    const { requestId = '', item, person, type, order = '', value = NaN, atMs, id, lane } = event;
    const items = [item, ...event.drawn];
    this.#window.observeActions({
      ...{ requestIds: [requestId], items: [item], atMs: Float64Array.of(atMs) },
      ...{ labels: Float32Array.of(1), acceptedAtMs: Float64Array.of(atMs + 1000) },
      facts: {
        ...noActionFacts,
        ...{ users: [person], types: [type], orders: [order], ids: [id] },
        ignored: [event.isIgnored ? 'ignore' : ''],
        ...{ values: Float64Array.of(value), lanes: Uint8Array.of(lanes[lane]) },
      },
      moment: {
        items,
        ends: Uint32Array.of(items.length),
        weights: Float32Array.from(items, (each) => weightOf('', each)),
        examples: examplesOf(items.map((each) => ({ requestId: '', item: each }))),
      },
    });
  }
}

/** What is drawn counts for more or less; what was shown for one. */
function weightOf(requestId: string, item: string): number {
  return requestId === '' ? 1 + (hashString(item, 0) % 3) : 1;
}

/** As the paper says them; each with the features that it must have. */
function samplesIn(samples: SampleBatch): string[] {
  const { requestIds, items, users, atMs, outcomes, examples } = samples;
  const rows = items.map((item, i) => ({ requestId: requestIds[i]!, item }));
  if (JSON.stringify(examples) !== JSON.stringify(examplesOf(rows)))
    return ['samples have other features than their rows'];
  for (const { weights } of Object.values(outcomes))
    if (rows.some(({ requestId, item }, i) => at(weights, i) !== weightOf(requestId, item)))
      return ['samples count for more or less than their rows'];
  return rows.map(({ requestId, item }, i) => {
    const known = Object.entries(outcomes).filter(
      ([, { masks }]) => at(masks, i) !== outcomeMask.unknown,
    );
    const labels = Object.fromEntries(
      known.map(([name, column]) => {
        const isLate = at(column.masks, i) === outcomeMask.late;
        return [isLate ? `${name} after all` : name, column.labels[i]!];
      }),
    );
    return JSON.stringify([requestId, item, users[i]!, atMs[i]!, labels]);
  });
}

function textOf(activity: Activity): string {
  switch (activity.kind) {
    case 'event':
      return `${activity.person} ${activity.type} ${activity.item} ${activity.id}`;
    case 'shown':
      return `${activity.person} sees ${activity.item} at ${activity.atMs}`;
    case 'outcome': {
      const { person, outcome, label, item, requestId } = activity;
      return `${person} ${outcome}=${label} ${item} of ${requestId}`;
    }
    case 'merged':
      return `${activity.user} was ${activity.visitor}`;
    case 'erased':
      return `${activity.person} is erased`;
  }
}
