import type { Fields } from './checks.js';
import { f32, text, u32, wrong } from './checks.js';
import { u32OfRows } from './column-checks.js';

/**
 * A delta outlives the specification it was made with, so it says itself which slots it has rows of: five words for each, and
 * none for the others. `slots` u32 [5·m]: id, dim, state width, rows, evicted keys.
 */
export const directoryWords = 5;

/** What was learned before, under other hashes than that of now, and which of those slots go on. */
export interface KnownRows {
  readonly hash: string;
  readonly earlier?: ReadonlyMap<string, { readonly keptSlots: ReadonlySet<number> }> | undefined;
}

/** From where to where in a column, by slot. */
type Runs = readonly (readonly [start: number, end: number])[];

/**
 * A delta of an earlier blueprint as if it were of this one: without the slots that are gone, or are others by now. Those that go on stand in
 * the order in which they stood, which is that of this blueprint too.
 *
 * @returns the very fields where they are of this blueprint, or of one that is not known.
 * @throws StarlingError BAD_MESSAGE
 */
export function deltaOfNow(fields: Fields, what: string, { hash, earlier }: KnownRows): Fields {
  const of = earlier?.get(text(fields, 'specHash', what));
  if (!of) return fields;
  const words = u32(fields, 'slots', what);
  if (words.length % directoryWords !== 0)
    throw wrong(what, 'slots', `records of ${directoryWords}`, words.length);
  const isKept = (i: number): boolean => of.keptSlots.has(words[directoryWords * i]!);
  const slots = [...Array(words.length / directoryWords).keys()];
  const word = (i: number, w: number): number => words[directoryWords * i + w]!;
  const runsOf = (lengthOf: (i: number) => number): { runs: Runs; end: number } => {
    let end = 0;
    const all = slots.map((i): [number, number] => [end, (end += lengthOf(i))]);
    return { runs: all.filter((_run, i) => isKept(i)), end };
  };
  const rows = runsOf((i) => word(i, 3));
  const keys = runsOf((i) => 2 * word(i, 3));
  const evicted = runsOf((i) => 2 * word(i, 4));
  const weights = runsOf((i) => word(i, 1) * word(i, 3));
  const state = runsOf((i) => word(i, 2) * word(i, 3));
  const words32 = (name: string, { runs, end }: { runs: Runs; end: number }): Uint32Array =>
    picked(u32(fields, name, what, end), runs, (length) => new Uint32Array(length));
  /** Which may be packed. */
  const column32 = (name: string, { runs, end }: { runs: Runs; end: number }): Uint32Array =>
    picked(u32OfRows(fields, name, what, end), runs, (length) => new Uint32Array(length));
  const floats = (name: string, { runs, end }: { runs: Runs; end: number }): Float32Array =>
    picked(f32(fields, name, what, end), runs, (length) => new Float32Array(length));
  const hasState = fields['state'] !== undefined;
  return {
    ...fields,
    specHash: hash,
    slots: Uint32Array.from(
      slots
        .filter(isKept)
        .flatMap((i) => [...words.subarray(directoryWords * i, directoryWords * (i + 1))]),
    ),
    evicted: words32('evicted', evicted),
    fids: words32('fids', keys),
    weights: floats('weights', weights),
    ...(hasState
      ? {
          state: floats('state', state),
          updatedAt: column32('updatedAt', rows),
          updateCounts: column32('updateCounts', rows),
        }
      : {}),
  };
}

function picked<Column extends Uint32Array | Float32Array>(
  column: Column,
  runs: Runs,
  make: (length: number) => Column,
): Column {
  const out = make(runs.reduce((sum, [start, end]) => sum + end - start, 0));
  let at = 0;
  for (const [start, end] of runs) {
    out.set(column.subarray(start, end), at);
    at += end - start;
  }
  return out;
}
