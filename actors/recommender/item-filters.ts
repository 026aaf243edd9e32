import { dropOldest } from '../../core/base/oldest.js';
import { codeOf, errorCodes } from '../../core/base/errors.js';
import type { AttributeTypes } from '../../core/features/attributes.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import type { Filter, Fits } from '../../core/retrieval/item-filter.js';
import { compileFilter } from '../../core/retrieval/item-filter.js';
import { type ItemRow, valueOf } from '../../core/retrieval/item-row.js';
import type { FeaturesReply, FeaturesRequest } from '../../messages/features.js';
import { personIn, type RecommendRequest } from '../../messages/public.js';
import type { Deadline } from '../../runtime/deadline.js';
import { FilterCompiler, noSuchName } from './filter-expression.js';
import type { FilterExpression, FilterScope } from './filter-expression.js';

/** Of the time that is left, for what is known of the user. Too low: his attributes are missing. Too high: no time is left to score. */
const share = 1 / 6;
const msMax = 100;
/** Expressions that are kept compiled. Too few: those of a busy shop are parsed again and again. */
const compiledMax = 500;

export interface ItemFiltersOptions {
  readonly scope: FilterScope;
  /** Asks a feature store. */
  readonly ask: (request: FeaturesRequest, deadlineMs: number) => Promise<FeaturesReply>;
  /** Since 1970. */
  readonly nowMs: () => number;
}

/** The filter of a request. */
export interface RequestFilter {
  readonly fits: Fits;
  /** Comparisons that were false as a value is missing, by attribute; it fills while items are looked at. */
  readonly missing: ReadonlyMap<string, number>;
  /** Nobody said in time what is known of the user. */
  readonly degraded: boolean;
}

/** Filters of requests, checked against what is declared: a misspelt name would find nothing, and say nothing. */
export class ItemFilters {
  readonly #options: ItemFiltersOptions;
  readonly #compiler: FilterCompiler;
  readonly #compiled = new Map<string, FilterExpression>();

  constructor(options: ItemFiltersOptions) {
    this.#options = options;
    this.#compiler = new FilterCompiler(options.scope);
  }

  /** @throws StarlingError BAD_REQUEST for an attribute that is not declared, with the nearest that is. */
  async of(
    request: RecommendRequest,
    deadline: Pick<Deadline, 'share'>,
  ): Promise<RequestFilter | undefined> {
    const { filter } = request;
    if (filter === undefined) return undefined;
    if (typeof filter !== 'string') return { ...noneMissing, fits: this.#ofValues(filter) };
    const { scope, nowMs } = this.#options;
    const { ofUser, fits } = this.#expression(filter);
    const user = ofUser.length === 0 ? {} : await this.#userOf(request, ofUser, deadline);
    const missing = new Map<string, number>();
    const about = {
      user: user ?? {},
      context: rowOf(request.context, scope.context),
      ...{ now: new Date(nowMs()), missing },
    };
    return { fits: (_id, row) => fits(row, about), missing, degraded: user === undefined };
  }

  #ofValues(filter: Filter): Fits {
    const { item: types } = this.#options.scope;
    for (const name of Object.keys(filter))
      if (name !== 'item' && !Object.hasOwn(types, name))
        throw noSuchName(`item.${name}: no such attribute`, name, Object.keys(types));
    return compileFilter(filter);
  }

  #expression(text: string): FilterExpression {
    const known = this.#compiled.get(text);
    if (known) return known;
    const expression = this.#compiler.compile(text);
    this.#compiled.set(text, expression);
    dropOldest(this.#compiled, compiledMax);
    return expression;
  }

  async #userOf(
    request: RecommendRequest,
    attributes: readonly string[],
    deadline: Pick<Deadline, 'share'>,
  ): Promise<ItemRow | undefined> {
    const { ask, scope } = this.#options;
    try {
      const asked = { users: [personIn(request)], items: [], attributes };
      const { users } = await ask(asked, deadline.share(share, msMax));
      return rowOf(users[0] ?? {}, scope.user);
    } catch (error) {
      if (!errorCodes[codeOf(error)].retryable) throw error;
      return undefined;
    }
  }
}

const noneMissing = { missing: new Map<string, number>(), degraded: false };

function rowOf(told: RawFeatures, types: AttributeTypes): ItemRow {
  const names = Object.keys(types).filter((name) => Object.hasOwn(told, name));
  return Object.fromEntries(names.map((name) => [name, valueOf(told[name], types[name]!)]));
}
