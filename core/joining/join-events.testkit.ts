import { hashString } from '../base/hash.js';
import type { ExampleBatch } from '../features/example-batch.js';
import { noActionFacts, noFacts } from './event-facts.js';
import type {
  ActionBatch,
  ColdRows,
  ImpressionBatch,
  JoinChanges,
  JoinProgress,
  JoinRecord,
  SampleBatch,
} from './types.js';

/** What the tests of the join, and of its store, build their batches from. */
export const shape = { slotCount: 3, denseCount: 2 } as const;

/** One outcome, and no other partition. */
export function oneOutcome(windowMs: number) {
  return {
    outcomes: [{ name: 'click', from: ['click'], windowMs }],
    events: { click: {} },
    ...{
      organicWaitMs: 0,
      organic: true,
      tells: { events: false, shown: false, outcomes: false },
      partition: 0,
      homeOf: () => 0,
      partitions: 1,
      ...shape,
    },
  };
}

export interface ImpressionRow {
  readonly requestId: string;
  readonly item: string;
  readonly atMs: number;
  readonly user?: string;
  readonly score?: number;
}

export interface ActionRow {
  readonly requestId: string;
  readonly item: string;
  readonly atMs: number;
  readonly label?: number;
  readonly acceptedAtMs?: number;
}

export function impressionsOf(rows: readonly ImpressionRow[]): ImpressionBatch {
  return {
    requestIds: rows.map(({ requestId }) => requestId),
    users: rows.map(({ user, requestId }) => user ?? `user of ${requestId}`),
    items: rows.map(({ item }) => item),
    atMs: Float64Array.from(rows, ({ atMs }) => atMs),
    scores: Float32Array.from(rows, ({ score }) => score ?? 0.5),
    facts: noFacts,
    examples: examplesOf(rows),
  };
}

export function actionsOf(rows: readonly ActionRow[]): ActionBatch {
  return {
    requestIds: rows.map(({ requestId }) => requestId),
    items: rows.map(({ item }) => item),
    atMs: Float64Array.from(rows, ({ atMs }) => atMs),
    labels: Float32Array.from(rows, ({ label }) => label ?? 1),
    acceptedAtMs: Float64Array.from(rows, ({ atMs, acceptedAtMs }) => acceptedAtMs ?? atMs + 1000),
    facts: noActionFacts,
  };
}

/** Features that follow from the identity, 0 to 3 fids a slot, so that a sample with another row's features shows. */
export function examplesOf(rows: readonly { requestId: string; item: string }[]): ExampleBatch {
  const offsets = [0];
  const fids: number[] = [];
  const dense: number[] = [];
  for (const { requestId, item } of rows) {
    for (let s = 0; s < shape.slotCount; s++) {
      const hash = hashString(`${requestId}/${item}`, s);
      for (let f = 0; f < hash % 4; f++) fids.push(hash + f, s);
      offsets.push(fids.length / 2);
    }
    for (let d = 0; d < shape.denseCount; d++)
      dense.push(hashString(requestId + item, d) / 2 ** 32);
  }
  return {
    rowCount: rows.length,
    ...shape,
    offsets: Uint32Array.from(offsets),
    fids: Uint32Array.from(fids),
    dense: Float32Array.from(dense),
  };
}

/** The samples as objects, to compare without regard to order. */
export function rowsOf(
  samples: SampleBatch,
): { requestId: string; item: string; label: number; [name: string]: unknown }[] {
  return samples.requestIds.map((requestId, i) => ({
    requestId,
    item: samples.items[i]!,
    label: samples.outcomes['click']!.labels[i]!,
    user: samples.users[i],
    sampleRate: samples.sampleRates[i],
    score: samples.scores[i],
    atMs: samples.atMs[i],
    acceptedAtMs: samples.acceptedAtMs[i],
  }));
}

/** A store without a disk: what has been committed, and nothing else, can be read back. */
export class MemoryJoinStore implements ColdRows {
  readonly #records = new Map<number, Uint8Array>();
  progress: JoinProgress | undefined;

  commit(changes: JoinChanges): void {
    for (const { number, bytes } of changes.put) this.#records.set(number, bytes.slice());
    for (const number of changes.remove) this.#records.delete(number);
    this.progress = changes.progress;
  }

  copy(): MemoryJoinStore {
    const copy = new MemoryJoinStore();
    for (const [number, bytes] of this.#records) copy.#records.set(number, bytes);
    // Each drain makes a new one.
    copy.progress = this.progress;
    return copy;
  }

  get(number: number): Uint8Array | undefined {
    return this.#records.get(number);
  }

  /** By ascending number. */
  get records(): JoinRecord[] {
    const records = [...this.#records].map(([number, bytes]) => ({ number, bytes }));
    return records.sort((a, b) => a.number - b.number);
  }
}
