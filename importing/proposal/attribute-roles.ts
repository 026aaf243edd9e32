import type { ColumnFacts } from './column-facts.js';

/** What a column of items or users is good for. */
export type AttributeRole =
  | { readonly kind: 'buckets'; readonly boundaries: readonly number[]; readonly why: string }
  | { readonly kind: 'id' | 'ids'; readonly why: string }
  | { readonly kind: 'vocabulary'; readonly values: readonly string[]; readonly why: string }
  | {
      readonly kind: 'attribute';
      readonly type: 'text' | 'number' | 'time' | 'list';
      readonly why: string;
    };

/** Nearly all: what is left is a slip, which costs that field alone. */
const nearlyAll = 0.95;
/** Fewer: every value can be listed, and one that is new is a surprise. */
const listedMax = 12;
/** Longer texts are read by people. */
const wordsLengthMax = 40;
/** So many rows share a value, on average: less, and it says nothing of others. */
const sharedMin = 3;

const changing = /stock|inventory|availab|quantity|qty|bestand|lager|verfügbar/i;
const titles =
  /^(title|name|label|headline|description|desc|summary|text|body|titel|bezeichnung|beschreibung)$/i;
const codes =
  /(^|_|\b)(ean|gtin|upc|isbn|asin|sku|mpn|phone|email|mail|zip|postcode|plz|uuid|guid|hash)($|_|\b)|id$/i;

export function attributeRoleOf(facts: ColumnFacts): AttributeRole {
  const { column, rows, missing } = facts;
  const known = rows - missing;
  if (known === 0) return { kind: 'attribute', type: 'text', why: 'no row has a value' };
  const isNumber = facts.numbers >= nearlyAll * known;
  if (changing.test(column) && isNumber)
    return {
      ...{ kind: 'attribute', type: 'number' },
      why: 'no feature: it changes by the hour, and what it was when somebody looked is not known; filter on it',
    };
  if (facts.lists >= 0.1 * known && facts.urls === 0 && !titles.test(column))
    return { kind: 'ids', why: 'several values' };
  if (facts.times >= nearlyAll * known) return { kind: 'attribute', type: 'time', why: 'a time' };
  if (isNumber && !codes.test(column)) return ofNumbers(facts, known);
  return ofTexts(facts, known);
}

function ofNumbers(facts: ColumnFacts, known: number): AttributeRole {
  const { values, isMany, someNumbers } = facts;
  const boundaries = quantilesOf(someNumbers);
  const isCode = !isMany && values.size <= 2;
  if (isCode) return vocabulary(facts);
  if (boundaries.length === 0)
    return { kind: 'attribute', type: 'number', why: 'nearly always the same' };
  const low = someNumbers[0];
  const high = someNumbers.at(-1);
  return {
    ...{ kind: 'buckets', boundaries },
    why: `numbers from ${low} to ${high}, about as many between two boundaries as between others${known < facts.rows ? `; ${facts.rows - known} rows have none` : ''}`,
  };
}

function ofTexts(facts: ColumnFacts, known: number): AttributeRole {
  const { column, values, isMany, lengthMean, urls } = facts;
  const text = (why: string): AttributeRole => ({ kind: 'attribute', type: 'text', why });
  if (titles.test(column)) return text('for people to read');
  if (urls >= 0.5 * known) return text('addresses');
  if (lengthMean > wordsLengthMax) return text('long texts');
  if (isMany || known < sharedMin * values.size)
    return text('hardly any two rows have the same value');
  return values.size <= listedMax
    ? vocabulary(facts)
    : { kind: 'id', why: `${values.size} different values, each with a row of its own` };
}

function vocabulary({ values }: ColumnFacts): AttributeRole {
  return {
    kind: 'vocabulary',
    values: [...values.keys()].toSorted(),
    why: `${values.size} different values`,
  };
}

const parts = 8;

/** Eighths, each a number that a person would write, and none twice. */
function quantilesOf(ascending: readonly number[]): number[] {
  const at = (share: number): number => ascending[Math.floor(share * (ascending.length - 1))]!;
  const found = Array.from({ length: parts - 1 }, (_, i) => rounded(at((i + 1) / parts)));
  const first = ascending[0]!;
  return [...new Set(found)].filter((value) => value > first).sort((a, b) => a - b);
}

/** To three digits, so that years stay years. */
function rounded(value: number): number {
  return Number.isInteger(value) && Math.abs(value) < 1e6 ? value : Number(value.toPrecision(3));
}
