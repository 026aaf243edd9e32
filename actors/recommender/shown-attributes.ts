import { codeOf, errorCodes } from '../../core/base/errors.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import { isFloats, listOf } from '../../core/features/vectors.js';
import type { FeaturesReply, FeaturesRequest } from '../../messages/features.js';
import type { Deadline } from '../../runtime/deadline.js';

/** Of the time that is left: as long as what is shown is logged, it costs nothing. */
const share = 1 / 2;
const msMax = 250;

export interface ShownAttributesOptions {
  /** Asks a feature store. */
  readonly ask: (request: FeaturesRequest, deadlineMs: number) => Promise<FeaturesReply>;
}

/** Vectors are lists to who asks, whatever he speaks. */
function withLists(attributes: RawFeatures): RawFeatures {
  if (!Object.values(attributes).some(isFloats)) return attributes;
  const all = Object.entries(attributes);
  return Object.fromEntries(all.map(([name, value]) => [name, isFloats(value) ? listOf(value) : value])); // prettier-ignore
}

/** What an answer says of its items beside their scores. Only what is shown is looked up. */
export class ShownAttributes {
  readonly #ask: ShownAttributesOptions['ask'];

  constructor({ ask }: ShownAttributesOptions) {
    this.#ask = ask;
  }

  /** Of each item, in order; undefined where nobody knows in time. */
  async of(
    items: readonly string[],
    names: readonly string[],
    deadline: Pick<Deadline, 'share'>,
  ): Promise<readonly RawFeatures[] | undefined> {
    if (names.length === 0 || items.length === 0) return items.map(() => ({}));
    try {
      const request = { users: [], items, attributes: names };
      const reply = await this.#ask(request, deadline.share(share, msMax));
      return reply.items.map((each) => withLists(each ?? {}));
    } catch (error) {
      if (!errorCodes[codeOf(error)].retryable) throw error;
      return undefined;
    }
  }
}
