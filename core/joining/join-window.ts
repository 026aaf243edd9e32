import { assert } from '../base/assert.js';
import { StarlingError } from '../base/errors.js';
import { checkActions, checkImpressions, checkShape } from './check-batches.js';
import { ClosedKeys } from './closed-keys.js';
import { DueBuckets } from './due-buckets.js';
import { HeldActions } from './held-actions.js';
import { assertConserved, countsOf, zeroCounts } from './join-counts.js';
import { keepsNegative } from './negative-sampling.js';
import { HotRows, OpenImpression, RowChunk, unstored } from './open-rows.js';
import {
  closedKind,
  decodeClosedSegment,
  decodeHeld,
  encodeClosedSegment,
  kindOf,
} from './record-codec.js';
import type { HeldFields } from './record-codec.js';
import { decodeRow, openKind } from './row-codec.js';
import { SampleBuilder } from './sample-builder.js';
import type {
  ActionBatch,
  ColdRows,
  DeadLetter,
  ImpressionBatch,
  JoinCounters,
  JoinOptions,
  JoinOutput,
  JoinRecord,
  SavedJoin,
} from './types.js';

/**
 * The event-time join of impressions with actions. No I/O: batches in, samples and state changes out.
 *
 *                    ┌────── action ──────┐
 *   unknown ── impression ──▶ open ───────┴─ or window ends ──▶ closed ── retention ends ──▶ unknown
 *      └────── action ──▶ held ─── impression ──────────────────▲  (held to the end: ORPHAN_ACTION, unknown again)
 *
 * Everything is decided by event time against a watermark (newest event time − allowed lateness), and the watermark
 * moves only in `advance` and `drain`: the order of rows within one drain decides nothing that lateness allows for.
 * Who advances after every batch gets the same samples in the same order however the drains fall between the batches;
 * so a window that is made anew from its log goes on exactly where another one was.
 *
 * An action counts if it is at most windowMs after its impression, in whatever order the two arrive. It is therefore
 * held for window + lateness, the last moment at which its impression would still be accepted.
 *
 * Memory. A row that opens and closes within one drain is only a reference to its batch. What stays open is packed at
 * the drain, once, into one chunk whose rows are both the store's records and the memory's copy. Keeping the reference
 * instead would pin a whole decoded batch for its last open row, and the bytes are needed for the store anyway. Rows of
 * a chunk are of about one age, so a chunk is released soon after its first rows. An open row costs its bytes (~340)
 * plus ~280 for key, entry and bucket; beyond `memoryOpenMax` only the latter, and its bytes are read back from disk.
 */
export class JoinWindow {
  readonly #options: JoinOptions;
  readonly #cold: ColdRows;
  readonly #open = new Map<string, OpenImpression>();
  readonly #openDue: DueBuckets<OpenImpression>;
  readonly #held: HeldActions;
  readonly #closed: ClosedKeys;
  readonly #samples: SampleBuilder;
  readonly #hot = new HotRows();
  readonly #retentionMs: number;
  #deadLetters: DeadLetter[] = [];
  #removed: number[] = [];
  #freshOpen: OpenImpression[] = [];
  #counts = zeroCounts();
  #numberNext = 1;
  #watermarkMs = -Infinity;
  #eventMsMax = -Infinity;

  /** @param cold where rows beyond `memoryOpenMax` are read from; required if that is set. */
  constructor(options: JoinOptions, cold: ColdRows = { get: () => undefined }) {
    assert(
      options.windowMs > 0 && options.allowedLatenessMs >= 0,
      'the window is positive, the lateness not negative',
    );
    assert(
      options.negativeRate >= 0 && options.negativeRate <= 1,
      'the negative rate is within 0 … 1',
    );
    // 256 buckets per window: a negative is at most 0.4 % of the window later than it could be.
    const bucketMs = options.bucketMs ?? Math.max(1, options.windowMs / 256);
    this.#options = options;
    this.#cold = cold;
    this.#openDue = new DueBuckets(bucketMs);
    this.#retentionMs = options.windowMs + options.allowedLatenessMs;
    this.#held = new HeldActions(bucketMs, this.#retentionMs);
    this.#closed = new ClosedKeys(this.#retentionMs + options.copiesMs);
    this.#samples = new SampleBuilder(options.slotCount, options.denseCount);
  }

  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** The newest event time seen; −Infinity before the first event. */
  get eventMsMax(): number {
    return this.#eventMsMax;
  }

  get counters(): JoinCounters {
    return { ...this.#counts, open: this.#open.size, heldActions: this.#held.size };
  }

  /**
   * Takes up the state a store has kept. Only on a new window. Windows and retention follow the current options.
   *
   * Throws CORRUPT on a damaged record, SPEC_MISMATCH if open rows have another shape than the options say.
   */
  restore(saved: SavedJoin): void {
    assert(this.#numberNext === 1 && this.#open.size === 0, 'only a new window is restored');
    const { progress } = saved;
    this.#numberNext = progress.numberNext;
    this.#watermarkMs = progress.watermarkMs;
    this.#eventMsMax = progress.eventMsMax;
    this.#counts = countsOf(progress.counters);
    let coldCount = progress.counters.open - (this.#options.memoryOpenMax ?? Infinity);
    for (const { number, bytes } of saved.records) {
      const kind = kindOf(bytes);
      if (kind === openKind) this.#restoreOpen(number, bytes, coldCount-- > 0);
      else if (kind === closedKind) {
        const { closedAtMs, keys, labels } = decodeClosedSegment(bytes);
        this.#closed.restore(number, closedAtMs, keys, labels);
      } else {
        const action = decodeHeld(bytes);
        this.#held.restore(keyOf(action.requestId, action.item), action, number);
      }
    }
    this.#hot.finishRestore();
    const { open, heldActions } = progress.counters;
    if (this.#open.size !== open || this.#held.size !== heldActions) {
      throw new StarlingError(
        'CORRUPT',
        `the store has ${this.#open.size} open impressions and ${this.#held.size} held actions, not ${open} and ${heldActions}`,
      );
    }
  }

  /**
   * Goes on counting where another window has come to, which had the same events and more before them.
   *
   * @returns false, having changed nothing, where this one has not the same open impressions and held actions.
   */
  adopt(counters: JoinCounters): boolean {
    if (counters.open !== this.#open.size || counters.heldActions !== this.#held.size) return false;
    this.#counts = countsOf(counters);
    return true;
  }

  /** Throws BAD_MESSAGE or SPEC_MISMATCH, having changed nothing, if the batch as a whole is unusable. */
  observeImpressions(batch: ImpressionBatch): void {
    checkImpressions(batch, this.#options.slotCount, this.#options.denseCount);
    for (let row = 0; row < batch.requestIds.length; row++) {
      const requestId = batch.requestIds[row]!;
      const item = batch.items[row]!;
      const atMs = batch.atMs[row]!;
      const key = keyOf(requestId, item);
      if (!Number.isFinite(atMs)) {
        this.#counts.rejected++;
        this.#bury('impression', 'BAD_EVENT', `event time ${atMs} is not a time`, {
          requestId,
          item,
          atMs,
        });
      } else if (this.#open.has(key) || this.#closed.labelOf(key) !== undefined) {
        this.#counts.duplicates++;
      } else if (atMs + this.#retentionMs < this.#watermarkMs) {
        this.#counts.impressions++;
        this.#counts.lateImpressions++;
        const lateMs = this.#watermarkMs - atMs - this.#retentionMs;
        const message = `impression is ${lateMs} ms too late for the window and the allowed lateness`;
        this.#bury('impression', 'BAD_EVENT', message, { requestId, item, atMs });
      } else {
        this.#counts.impressions++;
        if (atMs > this.#eventMsMax) this.#eventMsMax = atMs;
        this.#admit(key, batch, row);
      }
    }
  }

  /** Throws BAD_MESSAGE, having changed nothing, if the batch as a whole is unusable. */
  observeActions(batch: ActionBatch): void {
    checkActions(batch);
    for (let row = 0; row < batch.requestIds.length; row++) {
      const requestId = batch.requestIds[row]!;
      const item = batch.items[row]!;
      const atMs = batch.atMs[row]!;
      const label = batch.labels[row]!;
      const action = { requestId, item, label, atMs, acceptedAtMs: batch.acceptedAtMs[row]! };
      if (Number.isFinite(atMs) && (label === 0 || label === 1))
        this.#act(keyOf(requestId, item), action);
      else {
        this.#counts.rejected++;
        const message = `event time ${atMs} or label ${label} is unusable`;
        this.#bury('action', 'BAD_EVENT', message, action);
      }
    }
  }

  /**
   * Moves the watermark to where events have brought it, or beyond to `watermarkMs`, and closes what has ended. It
   * never goes back.
   */
  advance(watermarkMs = -Infinity): void {
    assert(watermarkMs < Infinity, 'a watermark is a time; to end a stream use closeAll');
    const natural = this.#eventMsMax - this.#options.allowedLatenessMs;
    this.#watermarkMs = Math.max(this.#watermarkMs, natural, watermarkMs);
    this.#closeDue(this.#watermarkMs);
  }

  /**
   * The stream has ended: every window closes now. The watermark stays, so that a stream which goes on later is not
   * taken for late.
   */
  closeAll(): void {
    this.#closeDue(Infinity);
  }

  /**
   * What has come of the events since the last drain. The changes must be stored before the next drain: from then on
   * rows they hold may exist on disk only.
   */
  drain(): JoinOutput {
    this.advance();
    // Rows of earlier drains only: those of the coming changes are not on disk yet.
    this.#hot.spill(this.#options.memoryOpenMax ?? Infinity);
    const put = this.#packOpen();
    const held = this.#held.takeFresh(this.#numberNext);
    this.#numberNext += held.length;
    for (const record of held) put.push(record);
    const closed = this.#closed.takeFresh();
    if (closed !== undefined) {
      const closedAtMs = Math.max(this.#eventMsMax, this.#watermarkMs);
      const number = this.#numberNext++;
      this.#closed.seal(number, closedAtMs, closed.keys);
      put.push({ number, bytes: encodeClosedSegment({ closedAtMs, ...closed }) });
    }
    const remove = this.#removed.concat(this.#closed.forget(this.#watermarkMs));
    const deadLetters = this.#deadLetters;
    this.#removed = [];
    this.#deadLetters = [];
    const counters = this.counters;
    assertConserved(counters);
    const progress = {
      numberNext: this.#numberNext,
      watermarkMs: this.#watermarkMs,
      eventMsMax: this.#eventMsMax,
      counters,
    };
    return { samples: this.#samples.take(), deadLetters, changes: { put, remove, progress } };
  }

  #admit(key: string, batch: ImpressionBatch, row: number): void {
    const atMs = batch.atMs[row]!;
    const impression = new OpenImpression(key, atMs, batch, row);
    const held = this.#held.get(key);
    if (held !== undefined) {
      this.#held.release(held);
      this.#remove(held.number);
      if (held.action.atMs <= atMs + this.#options.windowMs) {
        this.#join(impression, held.action);
        return;
      }
      this.#buryLate(held.action, 'the window of its impression');
    }
    this.#open.set(key, impression);
    this.#openDue.add(atMs + this.#options.windowMs, impression);
    this.#freshOpen.push(impression);
  }

  #act(key: string, action: HeldFields): void {
    const earlier = this.#closed.labelOf(key) ?? this.#held.get(key)?.action.label;
    if (earlier === action.label) {
      this.#counts.duplicates++;
      return;
    }
    this.#counts.actions++;
    if (action.atMs > this.#eventMsMax) this.#eventMsMax = action.atMs;
    const impression = this.#open.get(key);
    if (earlier !== undefined) this.#buryLate(action, `label ${earlier} for the same impression`);
    else if (impression !== undefined) {
      if (action.atMs > impression.atMs + this.#options.windowMs) {
        this.#buryLate(action, 'the window of its impression');
      } else {
        this.#open.delete(key);
        this.#join(impression, action);
      }
    } else if (this.#held.isPast(action.atMs, this.#watermarkMs)) {
      this.#buryLate(action, 'the watermark, by more than window and allowed lateness');
    } else this.#held.hold(key, action);
  }

  #remove(number: number): void {
    if (number !== unstored) this.#removed.push(number);
  }

  #join(impression: OpenImpression, action: HeldFields): void {
    this.#counts.joinedActions++;
    this.#close(impression, action.label, action.acceptedAtMs);
  }

  #closeDue(watermarkMs: number): void {
    for (const bucket of this.#openDue.takeDue(watermarkMs)) {
      // Not in the order of arrival, which a restored window does not know.
      for (const impression of bucket.sort(byTime)) {
        if (!impression.isOpen) continue;
        this.#open.delete(impression.key);
        this.#close(impression, 0, NaN);
      }
    }
    for (const { action, number } of this.#held.takeDue(watermarkMs)) {
      this.#remove(number);
      this.#counts.orphanActions++;
      const message = 'no impression came within window and allowed lateness';
      this.#bury('action', 'ORPHAN_ACTION', message, action);
    }
  }

  /** Makes the sample, or drops the negative. The impression is not in the open map any more, or never was. */
  #close(impression: OpenImpression, label: number, acceptedAtMs: number): void {
    const { negativeRate } = this.#options;
    const { source, position, number } = impression;
    const outcome = { label, sampleRate: label === 1 ? 1 : negativeRate, acceptedAtMs };
    if (source instanceof RowChunk || source === undefined) {
      const bytes = source?.bytes ?? this.#fetch(number);
      const packed = decodeRow(bytes, position);
      if (this.#countLabel(label, packed)) this.#samples.addPacked(bytes, packed, outcome);
      this.#remove(number);
    } else {
      const identity = { requestId: source.requestIds[position]!, item: source.items[position]! };
      if (this.#countLabel(label, identity)) this.#samples.addRow(source, position, outcome);
    }
    this.#hot.release(impression);
    impression.isOpen = false;
    this.#closed.add(impression.key, label);
  }

  /** Counts the outcome; true if it becomes a sample. */
  #countLabel(label: number, { requestId, item }: { requestId: string; item: string }): boolean {
    if (label === 1) this.#counts.positives++;
    else if (!keepsNegative(requestId, item, this.#options.negativeRate)) {
      this.#counts.negativesDropped++;
      return false;
    } else this.#counts.negatives++;
    return true;
  }

  #fetch(number: number): Uint8Array {
    const bytes = this.#cold.get(number);
    if (bytes === undefined)
      throw new StarlingError('CORRUPT', `open impression ${number} is not in the store`);
    return bytes;
  }

  /** Packs what has opened since the last drain and is still open. */
  #packOpen(): JoinRecord[] {
    const open = this.#freshOpen.filter(({ isOpen }) => isOpen);
    this.#freshOpen = [];
    const { bytes, ends } = this.#hot.pack(open);
    return open.map((impression, i) => {
      impression.number = this.#numberNext++;
      return { number: impression.number, bytes: bytes.subarray(impression.position, ends[i]) };
    });
  }

  #restoreOpen(number: number, bytes: Uint8Array, isCold: boolean): void {
    const { slotCount, denseCount, windowMs } = this.#options;
    const row = decodeRow(bytes, 0);
    checkShape(row.slotCount, row.denseCount, slotCount, denseCount);
    const key = keyOf(row.requestId, row.item);
    const impression = new OpenImpression(key, row.atMs, undefined, 0, number);
    if (!isCold) this.#hot.restore(impression, bytes);
    this.#open.set(key, impression);
    this.#openDue.add(row.atMs + windowMs, impression);
  }

  #buryLate(action: HeldFields, behind: string): void {
    this.#counts.lateActions++;
    this.#bury('action', 'LATE_ACTION', `action comes after ${behind}`, action);
  }

  #bury(
    kind: DeadLetter['kind'],
    code: DeadLetter['code'],
    message: string,
    event: Pick<DeadLetter, 'requestId' | 'item' | 'atMs' | 'label' | 'acceptedAtMs'>,
  ): void {
    this.#deadLetters.push({ kind, code, message, ...event });
  }
}

function byTime(a: OpenImpression, b: OpenImpression): number {
  return a.atMs - b.atMs || (a.key < b.key ? -1 : 1);
}

/** The length in front keeps ('a', 'bc') and ('ab', 'c') apart whatever characters ids contain. */
function keyOf(requestId: string, item: string): string {
  return `${requestId.length}:${requestId}${item}`;
}
