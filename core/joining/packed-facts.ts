import { columnsOfKnown, knownOf } from '../base/columns.js';
import { StarlingError, messageOf } from '../base/errors.js';
import type { ImpressionFacts } from './event-facts.js';
import { factTable, factsOf, noFacts } from './event-facts.js';

/**
 * The facts of one open impression as text: '' where nothing is known, which is what nearly all rows have, else JSON of what is.
 * Text, since which facts there are changes more often than anything else in a row, and a row need not be read by
 * another release: a window is made anew from its log.
 */
export function factsText(facts: ImpressionFacts, row: number): string {
  if (facts === noFacts) return '';
  const known: Record<string, unknown> = knownOf(factTable, { columns: facts, row });
  const predictions = Object.entries(facts.predictions);
  if (predictions.length > 0) {
    known['predictions'] = Object.fromEntries(
      predictions.map(([name, column]) => [name, column[column.length === 1 ? 0 : row]]),
    );
  }
  return JSON.stringify(known);
}

/** @throws StarlingError CORRUPT */
export function textFacts(text: string): ImpressionFacts {
  if (text === '') return noFacts;
  const { predictions, ...known } = parsed(text) as Record<string, string | number> & {
    predictions?: Readonly<Record<string, number | null>>;
  };
  const columns = Object.entries(predictions ?? {}).map(
    // JSON has no NaN.
    ([name, value]) => [name, Float32Array.of(value ?? NaN)] as const,
  );
  return factsOf(
    columnsOfKnown(factTable, known as Record<string, string | number>),
    Object.fromEntries(columns),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StarlingError(
      'CORRUPT',
      `the facts of an open impression are no JSON: ${messageOf(cause)}`,
      {},
      { cause },
    );
  }
}
