import type { ItemRow } from './item-row.js';

/** Values that are wanted, by the name of an attribute; `item` is the item's id. */
export type Filter = Readonly<Record<string, string | number | readonly (string | number)[]>>;

/** Whether an item may be offered. */
export type Fits = (id: string, row: ItemRow) => boolean;

/** A number and its text are one value. */
interface Wants {
  readonly name: string;
  readonly texts: ReadonlySet<string>;
  /** Of the texts, those that are numbers: so that a number need not be written out to be compared. */
  readonly numbers: ReadonlySet<number>;
}

/**
 * Every named attribute must have one of the wanted values; one with several values needs one in common. What does not
 * depend on the item is done once per request, and testing an item makes no garbage unless it has several values.
 */
export function compileFilter(filter: Filter): Fits {
  const all = Object.entries(filter).map(([name, wanted]) => wantsOf(name, wanted));
  return (id, row) => {
    for (const wants of all) {
      const fits = wants.name === 'item' ? wants.texts.has(id) : hasOneOf(row[wants.name], wants);
      if (!fits) return false;
    }
    return true;
  };
}

function wantsOf(name: string, wanted: Filter[string]): Wants {
  const list: readonly (string | number)[] = typeof wanted === 'object' ? wanted : [wanted];
  const texts = new Set(list.map(String));
  const numbers = [...texts].map(Number).filter((number) => texts.has(String(number)));
  return { name, texts, numbers: new Set(numbers) };
}

function hasOneOf(value: ItemRow[string], { texts, numbers }: Wants): boolean {
  if (typeof value === 'number') return numbers.has(value);
  if (typeof value === 'string')
    return value.includes('|')
      ? value.split('|').some((each) => texts.has(each))
      : texts.has(value);
  if (typeof value === 'boolean') return texts.has(String(value));
  if (value instanceof Date) return texts.has(value.toISOString());
  return value?.some((each) => texts.has(String(each))) ?? false;
}
