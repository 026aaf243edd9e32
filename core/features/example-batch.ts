/**
 * Examples by column: what serving scored, what an impression logged, and what the trainer learns from are the same
 * bytes, so training can't see other features than serving did.
 *
 *   offsets  u32 [n·S + 1]   fids of (row r, slot s) are fid indices offsets[r·S + s] … offsets[r·S + s + 1]
 *   fids     u32 [2·total]   keys as (low, high) pairs
 *   dense    f32 [n·D]       normalised dense features, row-major
 *   marks                    of each fid, where a history is among the slots
 *
 * Every occurrence is kept: how several become one is the network's affair.
 */
export interface ExampleBatch {
  readonly rowCount: number;
  readonly slotCount: number;
  readonly denseCount: number;
  readonly offsets: Uint32Array;
  readonly fids: Uint32Array;
  readonly dense: Float32Array;
  /** Absent: nothing is known of any occurrence but its fid. */
  readonly marks?: OccurrenceMarks;
}

/** Of the occurrences of histories: which event each was, and how long before the row. */
export interface OccurrenceMarks {
  /** u8 [total], the number of the event's type; 0: none. */
  readonly eventTypes: Uint8Array;
  /** f32 [total], seconds; NaN: not known. */
  readonly agesSeconds: Float32Array;
}

export function emptyExamples(slotCount: number, denseCount: number): ExampleBatch {
  return {
    rowCount: 0,
    slotCount,
    denseCount,
    offsets: new Uint32Array(1),
    fids: new Uint32Array(0),
    dense: new Float32Array(0),
  };
}

/** Rows `indices` of `batch`, in that order. One allocation per column. */
export function selectExamples(batch: ExampleBatch, indices: ArrayLike<number>): ExampleBatch {
  const { slotCount, denseCount } = batch;
  const rowCount = indices.length;
  let fidCount = 0;
  for (let i = 0; i < rowCount; i++) {
    const base = indices[i]! * slotCount;
    fidCount += batch.offsets[base + slotCount]! - batch.offsets[base]!;
  }
  const offsets = new Uint32Array(rowCount * slotCount + 1);
  const fids = new Uint32Array(2 * fidCount);
  const dense = new Float32Array(rowCount * denseCount);
  const marks = batch.marks && noMarks(fidCount);
  let end = 0;
  for (let i = 0; i < rowCount; i++) {
    const row = indices[i]!;
    const base = row * slotCount;
    const start = batch.offsets[base]!;
    const stop = batch.offsets[base + slotCount]!;
    for (let s = 0; s < slotCount; s++) {
      offsets[i * slotCount + s + 1] = end + batch.offsets[base + s + 1]! - start;
    }
    fids.set(batch.fids.subarray(2 * start, 2 * stop), 2 * end);
    if (marks) copyMarks(batch.marks, start, stop, marks, end);
    end += stop - start;
    if (denseCount > 0) {
      dense.set(batch.dense.subarray(row * denseCount, (row + 1) * denseCount), i * denseCount);
    }
  }
  return { rowCount, slotCount, denseCount, offsets, fids, dense, ...(marks ? { marks } : {}) };
}

/** The batches one after the other. All must share slotCount and denseCount. */
export function concatExamples(
  batches: readonly ExampleBatch[],
  slotCount: number,
  denseCount: number,
): ExampleBatch {
  let rowCount = 0;
  let fidCount = 0;
  for (const batch of batches) {
    rowCount += batch.rowCount;
    fidCount += batch.fids.length / 2;
  }
  const offsets = new Uint32Array(rowCount * slotCount + 1);
  const fids = new Uint32Array(2 * fidCount);
  const dense = new Float32Array(rowCount * denseCount);
  const marks = batches.some((batch) => batch.marks) ? noMarks(fidCount) : undefined;
  let row = 0;
  let fid = 0;
  for (const batch of batches) {
    const cells = batch.rowCount * slotCount;
    for (let c = 1; c <= cells; c++) offsets[row * slotCount + c] = fid + batch.offsets[c]!;
    fids.set(batch.fids, 2 * fid);
    dense.set(batch.dense, row * denseCount);
    if (marks && batch.marks) copyMarks(batch.marks, 0, batch.fids.length / 2, marks, fid);
    row += batch.rowCount;
    fid += batch.fids.length / 2;
  }
  return { rowCount, slotCount, denseCount, offsets, fids, dense, ...(marks ? { marks } : {}) };
}

/** Marks that say nothing. */
export function noMarks(fidCount: number): OccurrenceMarks {
  return {
    eventTypes: new Uint8Array(fidCount),
    agesSeconds: new Float32Array(fidCount).fill(NaN),
  };
}

function copyMarks(
  source: OccurrenceMarks,
  start: number,
  stop: number,
  target: OccurrenceMarks,
  targetStart: number,
): void {
  target.eventTypes.set(source.eventTypes.subarray(start, stop), targetStart);
  target.agesSeconds.set(source.agesSeconds.subarray(start, stop), targetStart);
}
