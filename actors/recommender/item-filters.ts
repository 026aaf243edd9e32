import { StarlingError } from '../../core/base/errors.js';
import { nearestOf } from '../../core/config/fields.js';
import type { AttributeTypes } from '../../core/features/attributes.js';
import type { Filter, Fits } from '../../core/retrieval/item-filter.js';
import { compileFilter } from '../../core/retrieval/item-filter.js';

/** Filters of requests, checked against what is declared of items: a misspelt name would find nothing, and say nothing. */
export class ItemFilters {
  readonly #types: AttributeTypes;

  constructor(types: AttributeTypes) {
    this.#types = types;
  }

  /** @throws StarlingError BAD_REQUEST for an attribute that is not declared, with the nearest that is. */
  fitsOf(filter: Filter | undefined): Fits | undefined {
    if (filter === undefined) return undefined;
    for (const name of Object.keys(filter))
      if (name !== 'item' && !Object.hasOwn(this.#types, name)) throw this.#noSuch(name);
    return compileFilter(filter);
  }

  #noSuch(name: string): StarlingError {
    const names = Object.keys(this.#types);
    const nearest = nearestOf(name, names);
    const hint = nearest === undefined ? `declared: ${names.join(', ')}` : `nearest: ${nearest}`;
    const text = `filter.${name}: no such attribute of items; ${hint}`;
    return new StarlingError('BAD_REQUEST', text, { field: 'filter' });
  }
}
