import { StarlingError } from '../base/errors.js';
import { checkShape } from './check-batches.js';
import { ColdIndex } from './cold-index.js';
import { DueBuckets } from './due-buckets.js';
import { HotRows, OpenRow, RowChunk, packedRow, storedRow, unstored } from './open-rows.js';
import type { OutcomeRule, OutcomeSet } from './outcome-rules.js';
import { OverRows } from './over-rows.js';
import { decodeRow } from './row-codec.js';
import { RowIndex } from './row-index.js';
import { decodeState } from './row-state.js';
import type { Learned, SampleBuilder } from './sample-builder.js';
import { settledBytes, settledIn, settledRow } from './settled-rows.js';
import { StoredSegments } from './stored-segments.js';
import type { ColdRows, JoinRecord } from './types.js';

export interface KeptRowsOptions {
  readonly outcomes: OutcomeSet;
  readonly bucketMs: number;
  readonly lanes: number;
  readonly memoryOpenMax: number;
  readonly slotCount: number;
  readonly denseCount: number;
}

/** That an outcome, or several, of a row end. */
interface DueRow {
  readonly row: OpenRow;
  readonly atMs: number;
}

/**
 * The rows of a window, from when they are offered until nothing more can be said of them: which there are, when their outcomes
 * end, where their bytes are, and what of them the store has. What becomes of them is for the window to say.
 *
 * Memory. A row that opens and closes within one drain is only a reference to its batch. What stays open is packed at the
 * drain, once, into one chunk whose rows are both the store's records and the memory's copy. Keeping the reference instead
 * would pin a whole decoded batch for its last open row, and the bytes are needed for the store anyway. Rows of a chunk are
 * of about one age, so a chunk is released soon after its first rows. An open row costs its bytes (~370) plus ~420 for key,
 * entry, index and bucket. Beyond `memoryOpenMax` it is on disk alone, of which an entry in an index of numbers remains
 * (cold-index.ts); whoever asks for it has it read, and it is as if it had just come.
 */
export class KeptRows {
  readonly #options: KeptRowsOptions;
  readonly #cold: ColdRows;
  readonly #index = new RowIndex();
  readonly #onDisk: ColdIndex;
  readonly #due: readonly DueBuckets<OpenRow>[];
  readonly #settledDue: readonly DueBuckets<OpenRow>[];
  readonly #hot = new HotRows();
  readonly #settled: StoredSegments;
  readonly #over = new OverRows();
  #touched: OpenRow[] = [];
  /** Whose bytes are on disk alone, and of which the store is to hear something. */
  #loose: OpenRow[] = [];
  #coldLeft = 0;

  constructor(options: KeptRowsOptions, cold: ColdRows) {
    const { lanes, bucketMs } = options;
    this.#options = options;
    this.#cold = cold;
    this.#due = Array.from({ length: lanes }, () => new DueBuckets<OpenRow>(bucketMs));
    this.#settledDue = this.#due.map(() => new DueBuckets<OpenRow>(bucketMs));
    this.#settled = new StoredSegments(lanes, bucketMs);
    this.#onDisk = new ColdIndex(bucketMs, lanes);
  }

  get(key: string): OpenRow | undefined {
    const known = this.#index.get(key);
    if (known) return known;
    for (const id of this.#onDisk.withKey(key)) {
      const row = this.#read(id, (found) => found.key === key);
      this.#hot.finishRestore();
      if (row) return row;
    }
    return undefined;
  }

  /** @param item those of others may come too. */
  of(person: string, item?: string): Iterable<OpenRow> {
    for (const id of this.#onDisk.of(person, item))
      this.#read(id, (row) => row.person === person && (item === undefined || row.item === item));
    this.#hot.finishRestore();
    return this.#index.of(person);
  }

  add(row: OpenRow, settledUntilMs: number): void {
    this.#index.add(row);
    this.touch(row);
    if (row.open !== 0) this.schedule(row);
    else this.#settleUntil(row, settledUntilMs);
  }

  /** Something about it has changed: the store hears of it at the next drain. */
  touch(row: OpenRow): void {
    if (row.isTouched) return;
    row.isTouched = true;
    this.#touched.push(row);
  }

  /** To be called when it ends at another time than it did. */
  schedule(row: OpenRow): void {
    this.#due[row.lane]!.add(this.#endsAtMs(row), row);
  }

  /** Nothing of it is open any more; until then an event that says the same again is known. */
  settle(row: OpenRow, untilMs: number): void {
    this.#hot.release(row);
    this.#settleUntil(row, untilMs);
  }

  drop(row: OpenRow): void {
    this.#leave(row);
    this.touch(row);
  }

  /** Its bytes, without its state. */
  packed(row: OpenRow): Uint8Array {
    return packedRow(row, (number) => this.#fetch(number));
  }

  addTo(samples: SampleBuilder, row: OpenRow, learned: Learned): void {
    const { source, position } = row;
    if (source !== undefined && !(source instanceof RowChunk))
      return samples.addRow(source, position, learned);
    const bytes = source?.bytes ?? this.#fetch(row.number);
    samples.addPacked(bytes, decodeRow(bytes, position), learned);
  }

  /** Says of every row what ends by then, by time. */
  eachDue(lane: number, watermarkMs: number, ends: (row: OpenRow, atMs: number) => void): void {
    const due = this.#due[lane]!;
    const rows = new Set<OpenRow>();
    for (const id of this.#onDisk.dueIn(lane, watermarkMs)) rows.add(this.#read(id)!);
    this.#hot.finishRestore();
    for (const bucket of due.takeDue(watermarkMs))
      for (const row of bucket) if (row.open !== 0 && !row.isGone) rows.add(row);
    if (rows.size === 0) return;
    const all: DueRow[] = [];
    for (const row of rows)
      for (const atMs of this.#endTimes(row))
        if (due.isDue(atMs, watermarkMs)) all.push({ row, atMs });
    // Not in the order of arrival, which a restored window does not know.
    for (const { row, atMs } of all.sort(byTime)) ends(row, atMs);
    for (const row of rows) if (row.open !== 0) this.schedule(row);
  }

  /** Forgets the settled rows of which nobody can say anything any more. */
  forget(lane: number, watermarkMs: number): void {
    for (const bucket of this.#settledDue[lane]!.takeDue(watermarkMs))
      // The store forgets it with those that were settled at the same time.
      for (const row of bucket) {
        if (row.isGone) continue;
        this.#leave(row);
        if (row.isSettled) this.#over.add(row.settledIn, row.person);
      }
  }

  /** What the store has of somebody's rows that nobody can say anything of any more: it goes at the next drain. */
  erase(person: string): void {
    this.#over.erase(person);
  }

  /** Rows of earlier drains only: those of the coming changes are not on disk yet. */
  spill(): void {
    const loose = this.#loose;
    this.#loose = [];
    for (const row of loose) this.#letGo(row);
    this.#hot.spill(this.#options.memoryOpenMax, (row) => this.#letGo(row));
  }

  /** Puts into the lists what has changed since the last drain. */
  drain(
    put: JoinRecord[],
    remove: number[],
    nextNumber: () => number,
    watermarksMs: readonly number[],
  ): void {
    const touched = this.#touched;
    this.#touched = [];
    const fresh: OpenRow[] = [];
    const settled: OpenRow[] = [];
    for (const row of touched) {
      row.isTouched = false;
      const isStored = row.number !== unstored;
      if (row.isGone || row.open === 0) {
        if (isStored) remove.push(row.number);
        row.number = unstored;
        if (row.isGone ? row.isSettled : !row.isSettled) settled.push(row);
      } else if (isStored)
        put.push({ number: row.number, bytes: storedRow(row, this.packed(row)) });
      else fresh.push(row);
    }
    const empty = this.#settled.takeEmpty(watermarksMs);
    remove.push(...empty);
    this.#over.forget(empty);
    put.push(
      ...this.#without(
        settled.filter(({ isGone }) => isGone),
        this.#over.takeErased(),
        new Set(empty),
      ),
    );
    const { bytes, ends } = this.#hot.pack(fresh);
    fresh.forEach((row, i) => {
      row.number = nextNumber();
      put.push({ number: row.number, bytes: bytes.subarray(row.position, ends[i]) });
    });
    this.#due.forEach((_due, lane) => {
      const rows = settled.filter((row) => row.lane === lane);
      if (rows.length > 0) put.push(this.#settledRecord(nextNumber(), lane, rows));
    });
  }

  /**
   * The records that rows were settled in, without those that are gone: whoever is to be forgotten must not stay in the store for as
   * long as his neighbours.
   */
  #without(
    gone: readonly OpenRow[],
    erased: ReadonlyMap<number, ReadonlySet<string>>,
    empty: ReadonlySet<number>,
  ): JoinRecord[] {
    const keysIn = new Map<number, Set<string>>();
    for (const { settledIn, key } of gone)
      keysIn.set(settledIn, (keysIn.get(settledIn) ?? new Set<string>()).add(key));
    const numbers = new Set([...keysIn.keys(), ...erased.keys()]);
    return [...numbers].flatMap((number) => {
      const bytes = empty.has(number) ? undefined : this.#cold.get(number);
      if (!bytes) return [];
      const { rows, ...said } = settledIn(bytes);
      const left = rows.filter(
        ([requestId, item, person]) =>
          !keysIn.get(number)?.has(keyOf(requestId, item)) && !erased.get(number)?.has(person),
      );
      return [{ number, bytes: settledBytes({ ...said, rows: left }) }];
    });
  }

  /** @param changed rows that are settled now, or were and are gone. */
  #settledRecord(number: number, lane: number, changed: readonly OpenRow[]): JoinRecord {
    const rows = changed.filter(({ isGone }) => !isGone);
    const gone = changed.filter(({ isGone }) => isGone).map(({ key }) => key);
    for (const row of rows) {
      row.isSettled = true;
      row.settledIn = number;
    }
    this.#settled.add(
      number,
      lane,
      rows.map(({ settledUntilMs }) => settledUntilMs),
    );
    return { number, bytes: settledBytes({ lane, rows: rows.map(settledRow), gone }) };
  }

  /** @param openCount how many open rows there are to come: those beyond what memory holds stay on disk. */
  beginRestore(openCount: number): void {
    this.#coldLeft = openCount - this.#options.memoryOpenMax;
  }

  restoreOpen(number: number, bytes: Uint8Array): OpenRow {
    const { slotCount, denseCount } = this.#options;
    const packed = decodeRow(bytes, 0);
    checkShape(packed.slotCount, packed.denseCount, slotCount, denseCount);
    const row = this.#openRow(number, bytes);
    if (this.#coldLeft-- > 0) this.#onDisk.add(row, this.#endsAtMs(row));
    else {
      this.#hot.restore(row, bytes);
      this.#index.add(row);
      this.schedule(row);
    }
    return row;
  }

  /** @param untilMsOf see `settle`. */
  restoreSettled(number: number, bytes: Uint8Array, untilMsOf: (sinceMs: number) => number): void {
    const { lane, rows, gone } = settledIn(bytes);
    const untilMs = rows.map(([, , , sinceMs]) => untilMsOf(sinceMs));
    this.#settled.add(number, lane, untilMs);
    // First: one of the same key may have come back since.
    for (const key of gone) {
      const row = this.#index.get(key);
      if (row?.isSettled) this.#leave(row);
    }
    rows.forEach(([requestId, item, person, sinceMs, reached], i) => {
      const identity = { key: keyOf(requestId, item), requestId, item };
      const state = { lane, person, sinceMs, reached, isShown: true, open: 0, values: undefined };
      const row = new OpenRow(identity, state, undefined, 0);
      row.isSettled = true;
      row.settledIn = number;
      this.#index.add(row);
      this.#settleUntil(row, untilMs[i]!);
    });
  }

  endRestore(): void {
    this.#hot.finishRestore();
  }

  /** Its bytes are on disk: all that is left of it in memory is where, unless the store has yet to hear of it. */
  #letGo(row: OpenRow): void {
    if (row.isGone || row.open === 0) return;
    // What is said of it again is known as such by the row itself.
    if (row.isTouched || row.isDismissed) {
      this.#loose.push(row);
      return;
    }
    const endsAtMs = this.#endsAtMs(row);
    this.#index.delete(row);
    row.isGone = true;
    this.#due[row.lane]!.isOver(endsAtMs, ({ isGone }) => isGone);
    this.#onDisk.add(row, endsAtMs);
  }

  /** A row that is on disk alone becomes one like the others. To be ended with `finishRestore`. @returns undefined where it is not the one that is meant. */
  #read(id: number, isMeant: (row: OpenRow) => boolean = () => true): OpenRow | undefined {
    const number = this.#onDisk.numberOf(id);
    const bytes = this.#fetch(number);
    const row = this.#openRow(number, bytes);
    if (!isMeant(row)) return undefined;
    this.#onDisk.remove(id);
    this.#hot.restore(row, bytes);
    this.#index.add(row);
    this.schedule(row);
    return row;
  }

  #openRow(number: number, bytes: Uint8Array): OpenRow {
    const { requestId, item, user, endOffset } = decodeRow(bytes, 0);
    const state = decodeState(bytes, endOffset, user);
    return new OpenRow(
      { key: keyOf(requestId, item), requestId, item },
      state,
      undefined,
      0,
      number,
    );
  }

  #leave(row: OpenRow): void {
    this.#hot.release(row);
    this.#index.delete(row);
    row.isGone = true;
  }

  #settleUntil(row: OpenRow, untilMs: number): void {
    row.settledUntilMs = untilMs;
    this.#settledDue[row.lane]!.add(untilMs + 1, row);
  }

  #endsAtMs(row: OpenRow): number {
    const { outcomes } = this.#options;
    // Whoever was offered it has time to see it.
    if (!row.isShown) return row.sinceMs + outcomes.windowMsMax;
    let windowMs = Infinity;
    for (let i = 0; i < outcomes.rules.length; i++)
      if (row.open & (1 << i)) windowMs = Math.min(windowMs, nextMs(row, i, outcomes.rules[i]!));
    return row.sinceMs + windowMs;
  }

  #endTimes(row: OpenRow): Iterable<number> {
    const { rules } = this.#options.outcomes;
    if (!row.isShown) return [this.#endsAtMs(row)];
    const times = new Set<number>();
    for (let i = 0; i < rules.length; i++) {
      if (!(row.open & (1 << i))) continue;
      times.add(row.sinceMs + nextMs(row, i, rules[i]!));
      times.add(row.sinceMs + rules[i]!.windowMs);
    }
    return times;
  }

  #fetch(number: number): Uint8Array {
    const bytes = this.#cold.get(number);
    if (bytes === undefined)
      throw new StarlingError('CORRUPT', `open impression ${number} is not in the store`);
    return bytes;
  }
}

/** Since it was shown, when the outcome is told early, or ends. */
function nextMs({ told }: OpenRow, i: number, { earlyMs, windowMs }: OutcomeRule): number {
  return earlyMs === undefined || told & (1 << i) ? windowMs : earlyMs;
}

function byTime(a: DueRow, b: DueRow): number {
  return a.atMs - b.atMs || (a.row.key < b.row.key ? -1 : a.row.key > b.row.key ? 1 : 0);
}

/** The length in front keeps ('a', 'bc') and ('ab', 'c') apart whatever characters ids contain. */
export function keyOf(requestId: string, item: string): string {
  return `${requestId.length}:${requestId}${item}`;
}
