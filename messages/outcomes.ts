import type { OutcomeColumns, OutcomesByName } from '../core/joining/types.js';
import type { Fields } from './checks.js';
import { asFields, f32, wrong } from './checks.js';
import { f32OfRows } from './column-checks.js';
import { at, u8 } from '../core/base/columns.js';
import { columnsOf, shared } from './column-checks.js';

export type { OutcomeColumns, OutcomesByName as Outcomes };

/** The one outcome there is: whether what was shown was acted upon as we hope. */
export const mainOutcome = 'click';

const allKnown = Uint8Array.of(1);
const allAlike = Float32Array.of(1);

/** The one outcome, known of all rows. */
export function outcomesOf(labels: Float32Array): OutcomesByName {
  return { [mainOutcome]: { labels, masks: allKnown, weights: allAlike } };
}

export function outcomeFields(outcomes: OutcomesByName) {
  const fields: Record<string, OutcomeColumns> = {};
  for (const name in outcomes) {
    const { labels, masks, weights } = outcomes[name]!;
    fields[name] = { labels, masks: shared(masks), weights: shared(weights) };
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

/** @throws StarlingError BAD_MESSAGE; also where the one outcome there is is missing. */
export function parseOutcomes(fields: Fields, what: string, rows: number): OutcomesByName {
  const place = `${what}.outcomes`;
  const named = asFields(fields['outcomes'], place);
  if (named[mainOutcome] === undefined) throw wrong(what, 'outcomes', mainOutcome, 'others');
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

/** The one outcome there is. */
export function mainOf(outcomes: OutcomesByName): OutcomeColumns {
  return outcomes[mainOutcome]!;
}

/** f32 [rows]: what each row counts for; 0 where the outcome is not known. */
export function weightsOfRows({ labels, masks, weights }: OutcomeColumns): Float32Array {
  const all = new Float32Array(labels.length);
  if (masks.length === 1 && weights.length === 1) return all.fill(masks[0] ? weights[0]! : 0);
  for (let row = 0; row < all.length; row++) all[row] = at(masks, row) ? at(weights, row) : 0;
  return all;
}
