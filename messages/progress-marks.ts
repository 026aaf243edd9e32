import type { Fields } from './checks.js';
import { asFields, f64, number, wrong } from './checks.js';

/**
 * How far something has come. `through` counts batches of samples, one mark per log of samples; `progress` says by data
 * center up to which sequence in RAW all that was accepted is in it, or has a reason why not.
 */
export type ProgressMarks = Readonly<Record<string, number>>;

/** Nothing is told yet. */
export const noProgress: ProgressMarks = {};

export function progressOf(fields: Fields, what: string): ProgressMarks {
  const inner = asFields(fields['progress'], `${what}.progress`);
  for (const name of Object.keys(inner)) number(inner, name, `${what}.progress`);
  return inner as ProgressMarks;
}

/** Marks of the one log there is. */
export function throughMarks(through: number): Float64Array {
  return Float64Array.of(through);
}

/** @throws StarlingError BAD_MESSAGE for marks of several logs, which nobody here could keep. */
export function throughOf(fields: Fields, name: string, what: string): number {
  const marks = f64(fields, name, what);
  if (marks.length !== 1) throw wrong(what, name, 'the mark of one log', marks.length);
  return marks[0]!;
}

/** Newest record of a log that is in an answer or a notice; 0: none. */
export function sequenceOf(fields: Fields, what: string): number {
  const sequence = number(fields, 'sequence', what);
  if (!Number.isSafeInteger(sequence) || sequence < 0)
    throw wrong(what, 'sequence', 'a sequence', sequence);
  return sequence;
}
