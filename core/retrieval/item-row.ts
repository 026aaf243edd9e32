import type { AttributeType, AttributeTypes } from '../features/attributes.js';
import type { ChangeMode } from '../features/entity-change.js';
import type { RawFeatures } from '../features/raw-features.js';

/** What filters look at of an item, by declared type; undefined where nothing is known. */
export type ItemRow = Readonly<Record<string, RowValue | undefined>>;
export type RowValue = string | number | boolean | Date | readonly (string | number | boolean)[];

/** Texts up to this long are likely to be those of other items too: categories and brands, and not titles. */
const sharedLengthMax = 40;
const sharedMax = 65_536;

/**
 * Makes rows of attributes. All have the same names in the same order, so that engines read them as records of one shape; what is
 * not declared takes no room in a recommender.
 */
export class ItemRows {
  readonly #types: readonly (readonly [string, AttributeType])[];
  readonly #shared = new Map<string, string>();

  constructor(types: AttributeTypes) {
    this.#types = Object.entries(types);
  }

  /** @param before of the same item; not looked at where the change replaces it. */
  changed(before: ItemRow | undefined, told: RawFeatures, mode: ChangeMode): ItemRow {
    const row: Record<string, RowValue | undefined> = {};
    for (const [name, type] of this.#types) {
      const stays = mode === 'patch' && before && !Object.hasOwn(told, name);
      row[name] = stays ? before[name] : this.#value(told, name, type);
    }
    return row;
  }

  #value(told: RawFeatures, name: string, type: AttributeType): RowValue | undefined {
    const value = Object.hasOwn(told, name) ? valueOf(told[name], type) : undefined;
    if (typeof value === 'string') return this.#sharedText(value);
    if (!Array.isArray(value)) return value;
    return value.map((each: string | number) =>
      typeof each === 'string' ? this.#sharedText(each) : each,
    );
  }

  /** One copy of what many items have. */
  #sharedText(text: string): string {
    if (text.length > sharedLengthMax) return text;
    const known = this.#shared.get(text);
    if (known !== undefined) return known;
    if (this.#shared.size < sharedMax) this.#shared.set(text, text);
    return text;
  }
}

/** Undefined for what is no such value. */
export function valueOf(value: unknown, type: AttributeType): RowValue | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  switch (type) {
    case 'text':
      return isScalar(value) ? String(value) : undefined;
    case 'number': {
      const number = typeof value === 'string' ? textNumber(value) : Number(value);
      return isScalar(value) && Number.isFinite(number) ? number : undefined;
    }
    case 'boolean':
      return booleanOf(value);
    case 'list': {
      const list: unknown[] =
        typeof value === 'string' ? value.split('|') : Array.isArray(value) ? value : [value];
      return list.filter(isScalar);
    }
    case 'time': {
      const at = new Date(typeof value === 'string' ? value : Number(value));
      return Number.isNaN(at.getTime()) ? undefined : at;
    }
  }
}

function textNumber(text: string): number {
  return text.trim() === '' ? NaN : Number(text);
}

function booleanOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  return value === 'true' ? true : value === 'false' ? false : undefined;
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
