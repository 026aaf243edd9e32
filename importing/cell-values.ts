import { isMissingValue } from '../core/features/missing-value.js';
import type { Cell } from './row-file.js';

/** How numbers are written: `1,249.90`, or `1.249,90`. */
export type DecimalMark = '.' | ',';

const comma = /^-?(\d{1,3}(\.\d{3})+|\d+),\d+$/;
const point = /^-?(\d{1,3}(,\d{3})+|\d+)\.\d+$/;
const grouped = { '.': /^-?\d{1,3}(,\d{3})+(\.\d+)?$/, ',': /^-?\d{1,3}(\.\d{3})+(,\d+)?$/ };

/** What the numbers of a file say: a comma where more of them have one than a point. */
export function decimalMarkOf(sample: readonly (readonly Cell[])[]): DecimalMark {
  let commas = 0;
  let points = 0;
  for (const row of sample)
    for (const cell of row) {
      if (typeof cell !== 'string' || cell.length > 24) continue;
      const text = cell.trim();
      // `1,234` may be either; what is left no doubt of decides.
      if (comma.test(text) && !grouped['.'].test(text)) commas++;
      else if (point.test(text) && !grouped[','].test(text)) points++;
    }
  return commas > points ? ',' : '.';
}

/** A number as a person writes it; undefined for what is none. */
export function numberOf(cell: Cell, mark: DecimalMark): number | undefined {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : undefined;
  if (typeof cell !== 'string') return undefined;
  const text = plainNumber(cell, mark);
  const value = text === '' ? NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** As a program writes it, where it is one; else as it is. */
export function plainNumber(text: string, mark: DecimalMark): string {
  const trimmed = text.trim();
  const isGrouped = grouped[mark].test(trimmed);
  if (mark === ',') {
    if (isGrouped) return trimmed.replaceAll('.', '').replace(',', '.');
    return /^-?\d+,\d+$/.test(trimmed) ? trimmed.replace(',', '.') : trimmed;
  }
  return isGrouped ? trimmed.replaceAll(',', '') : trimmed;
}

/** Columns of numbers that only a person would write so, as `1.249,90`: by the first rows. */
export function writtenNumbers(
  columns: readonly string[],
  sample: readonly (readonly Cell[])[],
  mark: DecimalMark,
): ReadonlySet<string> {
  const isWritten = (_: string, i: number): boolean => {
    const cells = sample.map((row) => row[i]).filter((cell) => !isNothing(cell));
    const isForeign = (cell: Cell): boolean =>
      typeof cell === 'string' && Number.isNaN(Number(cell));
    return cells.every((cell) => numberOf(cell, mark) !== undefined) && cells.some(isForeign);
  };
  return new Set(columns.filter(isWritten));
}

/** As it stands in the file; undefined where it says that there is none. */
export function textOf(cell: Cell): string | undefined {
  if (cell === undefined || cell === null || isNothing(cell)) return undefined;
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
}

/** The usual ways to say that there is none, in a column of ids, words or numbers. */
export function isNothing(cell: Cell): boolean {
  return cell === undefined || isMissingValue(cell, false) || isMissingValue(cell, true);
}

const yes = ['1', 'true', 'yes', 'y', 't', '1.0'];
const no = ['0', 'false', 'no', 'n', 'f', '0.0', '-1'];

/** Liked or not; undefined for what says neither. */
export function labelOf(cell: Cell): 0 | 1 | undefined {
  const text = String(cell ?? '')
    .trim()
    .toLowerCase();
  return yes.includes(text) ? 1 : no.includes(text) ? 0 : undefined;
}
