import type { ActionRow, ImpressionRow } from './join-events.testkit.js';
import { zeroCounts } from './join-counts.js';
import { keepsNegative } from './negative-sampling.js';
import type { JoinCounters, JoinOptions } from './types.js';

/**
 * The rules of the join, as plainly as they can be written: maps, scans over everything, no state on disk. The property
 * test holds the real window against it. Its `bucketMs` is 1 and its times are whole.
 */
export interface ModelSample {
  readonly requestId: string;
  readonly item: string;
  readonly label: number;
  readonly sampleRate: number;
  readonly atMs: number;
  readonly acceptedAtMs: number;
}

export interface ModelState {
  open: Map<string, ImpressionRow>;
  held: Map<string, Required<ActionRow>>;
  closed: Map<string, { label: number; closedAtMs: number | undefined }>;
  counts: ReturnType<typeof zeroCounts>;
  watermarkMs: number;
  eventMsMax: number;
}

export class JoinModel {
  readonly #options: JoinOptions;
  #state: ModelState = {
    open: new Map(),
    held: new Map(),
    closed: new Map(),
    counts: zeroCounts(),
    watermarkMs: -Infinity,
    eventMsMax: -Infinity,
  };
  samples: ModelSample[] = [];
  /** "CODE requestId item", one per dead letter. */
  deadLetters: string[] = [];

  constructor(options: JoinOptions) {
    this.#options = options;
  }

  get counters(): JoinCounters {
    const { counts, open, held } = this.#state;
    return { ...counts, open: open.size, heldActions: held.size };
  }

  get watermarkMs(): number {
    return this.#state.watermarkMs;
  }

  save(): ModelState {
    return structuredClone(this.#state);
  }

  restore(state: ModelState): void {
    this.#state = structuredClone(state);
    this.samples = [];
    this.deadLetters = [];
  }

  impression(row: ImpressionRow): void {
    const state = this.#state;
    const key = JSON.stringify([row.requestId, row.item]);
    const { windowMs, allowedLatenessMs } = this.#options;
    if (state.open.has(key) || state.closed.has(key)) {
      state.counts.duplicates++;
      return;
    }
    state.counts.impressions++;
    if (row.atMs + windowMs + allowedLatenessMs < state.watermarkMs) {
      state.counts.lateImpressions++;
      this.#bury('BAD_EVENT', row);
      return;
    }
    state.eventMsMax = Math.max(state.eventMsMax, row.atMs);
    state.open.set(key, row);
    const held = state.held.get(key);
    if (held === undefined) return;
    state.held.delete(key);
    if (held.atMs > row.atMs + windowMs) {
      state.counts.lateActions++;
      this.#bury('LATE_ACTION', held);
      return;
    }
    state.counts.joinedActions++;
    this.#close(key, held.label, held.acceptedAtMs);
  }

  action(row: Required<ActionRow>): void {
    const state = this.#state;
    const key = JSON.stringify([row.requestId, row.item]);
    const { windowMs, allowedLatenessMs } = this.#options;
    const earlier = state.closed.get(key) ?? state.held.get(key);
    if (earlier?.label === row.label) {
      state.counts.duplicates++;
      return;
    }
    state.counts.actions++;
    state.eventMsMax = Math.max(state.eventMsMax, row.atMs);
    const impression = state.open.get(key);
    const isTooOld = row.atMs + windowMs + allowedLatenessMs <= state.watermarkMs;
    const isBeyondWindow = impression !== undefined && row.atMs > impression.atMs + windowMs;
    if (earlier !== undefined || isBeyondWindow || (impression === undefined && isTooOld)) {
      state.counts.lateActions++;
      this.#bury('LATE_ACTION', row);
    } else if (impression === undefined) state.held.set(key, row);
    else {
      state.counts.joinedActions++;
      this.#close(key, row.label, row.acceptedAtMs);
    }
  }

  advance(watermarkMs = -Infinity): void {
    const state = this.#state;
    const natural = state.eventMsMax - this.#options.allowedLatenessMs;
    state.watermarkMs = Math.max(state.watermarkMs, watermarkMs, natural);
    this.#closeThrough(state.watermarkMs);
  }

  closeAll(): void {
    this.#closeThrough(Infinity);
  }

  drain(): { samples: ModelSample[]; deadLetters: string[] } {
    this.advance();
    const { closed, eventMsMax, watermarkMs } = this.#state;
    const { windowMs, allowedLatenessMs, copiesMs } = this.#options;
    for (const entry of closed.values()) entry.closedAtMs ??= Math.max(eventMsMax, watermarkMs);
    for (const [key, { closedAtMs }] of closed) {
      if (closedAtMs! + windowMs + allowedLatenessMs + copiesMs < watermarkMs) closed.delete(key);
    }
    const output = { samples: this.samples, deadLetters: this.deadLetters };
    this.samples = [];
    this.deadLetters = [];
    return output;
  }

  #closeThrough(watermarkMs: number): void {
    const { open, held, counts } = this.#state;
    const { windowMs, allowedLatenessMs } = this.#options;
    for (const [key, row] of open) if (row.atMs + windowMs <= watermarkMs) this.#close(key, 0, NaN);
    for (const [key, row] of held) {
      if (row.atMs + windowMs + allowedLatenessMs > watermarkMs) continue;
      held.delete(key);
      counts.orphanActions++;
      this.#bury('ORPHAN_ACTION', row);
    }
  }

  #close(key: string, label: number, acceptedAtMs: number): void {
    const { open, closed, counts } = this.#state;
    const { requestId, item, atMs } = open.get(key)!;
    const { negativeRate } = this.#options;
    open.delete(key);
    closed.set(key, { label, closedAtMs: undefined });
    if (label === 0 && !keepsNegative(requestId, item, negativeRate)) {
      counts.negativesDropped++;
      return;
    }
    if (label === 1) counts.positives++;
    else counts.negatives++;
    const sampleRate = label === 1 ? 1 : Math.fround(negativeRate);
    this.samples.push({ requestId, item, label, sampleRate, atMs, acceptedAtMs });
  }

  #bury(code: string, { requestId, item }: { requestId: string; item: string }): void {
    this.deadLetters.push(`${code} ${requestId} ${item}`);
  }
}
