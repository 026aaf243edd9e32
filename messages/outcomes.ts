import type { OutcomeColumns, OutcomesByName } from '../core/joining/types.js';
import type { Fields } from './checks.js';
import { asFields, f32, wrong } from './checks.js';
import { f32OfRows } from './column-checks.js';
import { at, u8 } from '../core/base/columns.js';
import { columnsOf, packed, shared } from './column-checks.js';

export type { OutcomeColumns, OutcomesByName as Outcomes };

const allKnown = Uint8Array.of(1);
const allAlike = Float32Array.of(1);

/** One outcome, known of all rows. */
export function outcomesOf(labels: Float32Array, name = 'click'): OutcomesByName {
  return { [name]: { labels, masks: allKnown, weights: allAlike } };
}

/** An outcome that nothing is known of. */
export function unknownOutcome(rows: number): OutcomeColumns {
  return { labels: new Float32Array(rows), masks: Uint8Array.of(0), weights: allAlike };
}

export function outcomeFields(outcomes: OutcomesByName) {
  const fields: Record<string, Record<keyof OutcomeColumns, unknown>> = {};
  for (const name in outcomes) {
    const { labels, masks, weights } = outcomes[name]!;
    fields[name] = { labels: packed(labels), masks: shared(masks), weights: shared(weights) };
  }
  return fields;
}

/** Rows `start` … `end − 1`. */
export function sliceOutcomes(
  outcomes: OutcomesByName,
  start: number,
  end: number,
): OutcomesByName {
  const sliced = Object.entries(outcomes).map(([name, { labels, masks, weights }]) => [
    name,
    {
      labels: labels.slice(start, end),
      masks: masks.length === 1 ? masks : masks.slice(start, end),
      weights: weights.length === 1 ? weights : weights.slice(start, end),
    },
  ]);
  return Object.fromEntries(sliced) as OutcomesByName;
}

const maskTable = { masks: u8() } as const;

/** @throws StarlingError BAD_MESSAGE; also where there is none. */
export function parseOutcomes(fields: Fields, what: string, rows: number): OutcomesByName {
  const place = `${what}.outcomes`;
  const named = asFields(fields['outcomes'], place);
  if (Object.keys(named).length === 0) throw wrong(what, 'outcomes', 'at least one', 'none');
  const outcomes: Record<string, OutcomeColumns> = {};
  for (const name of Object.keys(named)) {
    const inner = asFields(named[name], `${place}.${name}`);
    outcomes[name] = {
      labels: f32OfRows(inner, 'labels', `${place}.${name}`, rows),
      masks: columnsOf(maskTable, inner, `${place}.${name}`, rows).masks,
      weights: weightsOf(inner, `${place}.${name}`, rows),
    };
  }
  return outcomes;
}

function weightsOf(inner: Fields, place: string, rows: number): Float32Array {
  const weights = f32(inner, 'weights', place);
  if (weights.length !== rows && weights.length !== 1)
    throw wrong(place, 'weights', `${rows} entries or 1`, `${weights.length}`);
  for (const weight of weights)
    if (!(weight >= 0 && weight < Infinity))
      throw wrong(place, 'weights', 'weights of 0 and above', weight);
  return weights;
}

/** f32 [rows × names]: labels by row, and what each counts for; 0 where an outcome is not known. */
export function labelsOfRows(
  outcomes: OutcomesByName,
  names: readonly string[],
  rows: number,
): { readonly labels: Float32Array; readonly weights: Float32Array } {
  const heads = names.length;
  const labels = new Float32Array(rows * heads);
  const all = new Float32Array(rows * heads);
  names.forEach((name, head) => {
    const column = outcomes[name];
    if (!column) return;
    const { masks, weights } = column;
    for (let row = 0; row < rows; row++) {
      if (!at(masks, row)) continue;
      labels[row * heads + head] = column.labels[row]!;
      all[row * heads + head] = at(weights, row);
    }
  });
  return { labels, weights: all };
}
