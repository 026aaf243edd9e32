import { assert } from '../base/assert.js';
import type { OccurrenceMarks } from '../features/example-batch.js';

/**
 * A slot of what somebody did last, and what a network is told of each of its events (`with` of the feature): the type of the event, as a
 * column for each type, and how long ago it was, as columns of which one or two beside one another are not 0, and all make 1:
 *
 *   1 ┐\    /\    /\    /┌
 *     │ \  /  \  /  \  / │        a minute lies between those of ten seconds and ten minutes, by its logarithm
 *     │  \/    \/    \/  │
 *   0 └──/\────/\────/\──┘ ln(age)
 *
 * A layer over them has a weight for each, so it can be any function of the age, in pieces of lines.
 */
export interface HistoryInput {
  readonly name: string;
  /** Index of the slot. */
  readonly slot: number;
  /** Index of the slot whose rows its values have: of an item that is scored, what it is compared with. */
  readonly of: number;
  /** Events, at most. */
  readonly length: number;
  /** Types of events by their number, from 1; empty: it is not told which each was. */
  readonly events: readonly string[];
  /** Whether it is told how long ago each was. */
  readonly ages: boolean;
}

/** Seconds: ten, a minute, ten minutes, an hour, six hours, a day, a week, a month, a year. What is outside counts as the nearest. */
const ageSteps = [10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000, 31_536_000];
const logSteps = ageSteps.map((seconds) => Math.log(seconds));

/** What each column of the marks is of. */
export function markNames({ events, ages }: HistoryInput): string[] {
  return [...events, ...(ages ? ageSteps.map((seconds) => `${seconds}s`) : [])];
}

export function markWidth({ events, ages }: HistoryInput): number {
  return events.length + (ages ? ageSteps.length : 0);
}

/**
 * Columns of one occurrence, to `out` from `at` on.
 *
 * @param place which of all occurrences of the batch.
 */
export function writeMarks(
  { events, ages }: HistoryInput,
  marks: OccurrenceMarks | undefined,
  place: number,
  out: Float32Array,
  at: number,
): void {
  const count = events.length;
  for (let i = 0; i < count; i++) out[at + i] = 0;
  const type = marks ? marks.eventTypes[place]! : 0;
  // A type that has gone from the configuration is none.
  if (type > 0 && type <= count) out[at + type - 1] = 1;
  if (!ages) return;
  const first = at + count;
  for (let i = 0; i < logSteps.length; i++) out[first + i] = 0;
  const age = marks ? marks.agesSeconds[place]! : NaN;
  if (age !== age) return;
  const last = logSteps.length - 1;
  const log = Math.log(Math.max(age, ageSteps[0]!));
  let step = 0;
  while (step < last && log >= logSteps[step + 1]!) step++;
  if (step === last) {
    out[first + last] = 1;
    return;
  }
  const share = (log - logSteps[step]!) / (logSteps[step + 1]! - logSteps[step]!);
  out[first + step] = 1 - share;
  out[first + step + 1] = share;
}

/** f32 [places × columns], of occurrences at these places of the batch. */
export function marksOf(
  history: HistoryInput,
  marks: OccurrenceMarks | undefined,
  places: Uint32Array,
): Float32Array {
  const width = markWidth(history);
  const columns = new Float32Array(places.length * width);
  places.forEach((place, i) => writeMarks(history, marks, place, columns, i * width));
  return columns;
}

export function requireHistory(
  histories: readonly HistoryInput[] | undefined,
  slot: number,
): HistoryInput {
  const found = histories?.find((each) => each.slot === slot);
  assert(found !== undefined, `slot ${slot} is no history`);
  return found;
}
