import type { Lineage } from '../base/lineage.js';
import { bornIn } from '../base/lineage.js';
import type { ExampleBatch } from './example-batch.js';
import { noMarks } from './example-batch.js';
import { columnIdOf, slotIdOf } from './slot-id.js';

/** Examples that were made with an earlier specification: where they have what is looked at now. */
export interface EarlierExamples {
  /** Ids, in their order then. */
  readonly slotIds: Uint32Array;
  readonly columnIds: Uint32Array;
  /** Numbers of a row then. */
  readonly denseWidth: number;
  /**
   * By slot, and by number of a row, of now: its place then; −1: there was none, or another one; −2: the number that says so of what
   * is told.
   */
  readonly slots: Int32Array;
  readonly numbers: Int32Array;
}

/** By the hash of their specification. */
export type KnownExamples = ReadonlyMap<string, EarlierExamples>;

const saysMissing = -2;

interface Named {
  readonly name: string;
}

interface Wide extends Named {
  readonly width: number;
}

export function earlierExamplesOf(
  lineage: Lineage | undefined,
  now: { readonly slots: readonly Named[]; readonly columns: readonly Wide[] },
): KnownExamples {
  return new Map(
    (lineage?.earlier ?? []).map(({ version, spec, slots, columns }) => {
      const isStill = ({ name }: Named): boolean => bornIn(lineage, name) <= version;
      const { starts, width } = startsOf(columns);
      const numbers = now.columns.flatMap((column) => {
        const place = columns.findIndex(({ name }) => name === column.name);
        const isThere = isStill(column) && columns[place]?.width === column.width;
        return Array.from({ length: column.width }, (_number, i) =>
          isThere ? starts[place]! + i : absent(column, i),
        );
      });
      return [
        spec,
        {
          slotIds: Uint32Array.from(slots, slotIdOf),
          columnIds: Uint32Array.from(columns, ({ name }) => columnIdOf(name)),
          denseWidth: width,
          slots: Int32Array.from(now.slots, (slot) =>
            isStill(slot) ? slots.indexOf(slot.name) : -1,
          ),
          numbers: Int32Array.from(numbers),
        },
      ];
    }),
  );
}

/** What is told has a number behind it that is 1 where it is missing; what is kept is 0 of who did nothing. */
function absent({ width }: Wide, i: number): number {
  return width > 1 && i === width - 1 ? saysMissing : -1;
}

function startsOf(columns: readonly Wide[]): { starts: readonly number[]; width: number } {
  let width = 0;
  const starts = columns.map((column) => (width += column.width) - column.width);
  return { starts, width };
}

/** The examples as they would be now: what is new is missing in them, and what is gone is left out. */
export function carriedExamples(batch: ExampleBatch, earlier: EarlierExamples): ExampleBatch {
  const { rowCount } = batch;
  const { slots, numbers } = earlier;
  const slotCount = slots.length;
  const denseCount = numbers.length;
  const offsets = new Uint32Array(rowCount * slotCount + 1);
  let end = 0;
  eachCell(batch, slots, (cell, start, stop) => (offsets[cell + 1] = end += stop - start));
  const fids = new Uint32Array(2 * end);
  const marks = batch.marks && noMarks(end);
  eachCell(batch, slots, (cell, start, stop) => {
    const at = offsets[cell]!;
    fids.set(batch.fids.subarray(2 * start, 2 * stop), 2 * at);
    if (!marks || !batch.marks) return;
    marks.eventTypes.set(batch.marks.eventTypes.subarray(start, stop), at);
    marks.agesSeconds.set(batch.marks.agesSeconds.subarray(start, stop), at);
  });
  const dense = new Float32Array(rowCount * denseCount);
  for (let row = 0; row < rowCount; row++)
    for (let d = 0; d < denseCount; d++) {
      const number = numbers[d]!;
      // Missing is 0, and said to be.
      if (number === saysMissing) dense[row * denseCount + d] = 1;
      else if (number >= 0)
        dense[row * denseCount + d] = batch.dense[row * batch.denseCount + number]!;
    }
  const carried = { rowCount, slotCount, denseCount, offsets, fids, dense };
  return marks ? { ...carried, marks } : carried;
}

/** By cell of now, which fids of the batch it has. */
function eachCell(
  { rowCount, slotCount, offsets }: ExampleBatch,
  slots: Int32Array,
  visit: (cell: number, start: number, stop: number) => void,
): void {
  for (let row = 0; row < rowCount; row++)
    for (let s = 0; s < slots.length; s++) {
      const then = row * slotCount + slots[s]!;
      const isThere = slots[s]! >= 0;
      visit(row * slots.length + s, isThere ? offsets[then]! : 0, isThere ? offsets[then + 1]! : 0);
    }
}
