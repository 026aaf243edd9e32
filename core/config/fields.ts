import { z } from 'zod';

/**
 * The building blocks of the schema. Each states what it allows in words, so that a mistake reads
 * `partitions: expected an integer from 1 to 4096; got 0` whatever it was: wrong type, too low or too high. The value
 * and the path are added by explain.ts. Each also carries its meaning, with what happens when it is too low and too
 * high, as the schema's description.
 */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Lists and names may be long, but not so long that the config itself becomes a load on every actor's start. */
export const nameLengthMax = 64;

export function integer(range: Range, meaning: string) {
  const error = `expected an integer from ${range.min} to ${range.max}`;
  return z.int({ error }).min(range.min, { error }).max(range.max, { error }).describe(meaning);
}

/** A finite number, bounds included. */
export function number(range: Range, meaning: string) {
  const error = `expected a number from ${range.min} to ${range.max}`;
  return z.number({ error }).min(range.min, { error }).max(range.max, { error }).describe(meaning);
}

/** A finite number above 0; `Number.MAX_VALUE` means that there is no other limit. */
export function positive(max: number, meaning: string) {
  const limit = max === Number.MAX_VALUE ? '' : ` and at most ${max}`;
  const error = `expected a number above 0${limit}`;
  return z.number({ error }).gt(0, { error }).max(max, { error }).describe(meaning);
}

export function finite(meaning: string) {
  return z.number({ error: 'expected a finite number' }).describe(meaning);
}

export function oneOf<const T extends readonly [string, ...string[]]>(values: T, meaning: string) {
  return z.enum(values, { error: `expected one of ${values.join(', ')}` }).describe(meaning);
}

/** A name that may stand in NATS subjects, stream names and folder names. */
export function token(meaning: string) {
  const error = `expected lower-case letters, digits and '-', a letter first, at most ${nameLengthMax}`;
  return z
    .string({ error })
    .regex(/^[a-z][a-z0-9-]*$/, { error })
    .max(nameLengthMax, { error })
    .describe(meaning);
}

/** An object that knows its keys: others are refused, with the nearest known one as a suggestion. */
export function section<const T extends z.core.$ZodLooseShape>(shape: T) {
  const keys = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownKeyText(key, keys)).join('; ')
        : `expected an object with ${keys.join(', ')}`,
  });
}

/** `unknown key "modle", did you mean "model"?`, or the list of keys where none is near. */
function unknownKeyText(key: string, known: readonly string[]): string {
  const nearest = nearestOf(key, known);
  const hint = nearest ? `did you mean "${nearest}"?` : `known: ${known.join(', ')}`;
  return `unknown key "${key}", ${hint}`;
}

/** The word at the smallest edit distance, if it is at most a third of the longer word (and one edit is always near). */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let distanceMin = Infinity;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    const allowed = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (distance <= allowed && distance < distanceMin) {
      nearest = candidate;
      distanceMin = distance;
    }
  }
  return nearest;
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours each cost 1. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replace, last[j]! + 1, row[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, beforeLast[j - 2]! + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
