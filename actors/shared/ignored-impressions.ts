import { at } from '../../core/base/columns.js';
import { compileCondition } from '../../core/config/event-expression.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import type { ImpressionFacts } from '../../core/joining/event-facts.js';
import { logs } from '../../core/joining/event-facts.js';
import { namesOfPerson } from '../../core/joining/person-event.js';

export interface ShownPairs {
  readonly requestIds: readonly string[];
  /** As people: users, or visitors of whom nobody knows more. */
  readonly users: readonly string[];
  readonly items: readonly string[];
  /** One for each, one for all, or none. */
  readonly contexts: readonly RawFeatures[];
  readonly facts: ImpressionFacts;
}

/**
 * What bots and staff were shown, by the condition that their events are told by: `event` is of type `shown` then. It goes into the
 * log all the same, marked, so that it has its line in the books; nothing is learned or kept of it. Where the context is known,
 * in the ranker, or where somebody tells of it by hand.
 */
export class IgnoredImpressions {
  readonly #isIgnored: ReturnType<typeof compileCondition> | undefined;

  constructor({ ignore }: Pick<ClusterConfig, 'ignore'>) {
    this.#isIgnored = ignore === '' ? undefined : compileCondition(ignore);
  }

  /** The facts of the pairs, with those marked that are ignored: the same object where none is. */
  factsOf(pairs: ShownPairs): ImpressionFacts {
    const { items, facts } = pairs;
    if (!this.#isIgnored) return facts;
    const marks = Uint8Array.from(items, (_item, row) =>
      this.#matches(pairs, row) ? logs.ignored : at(facts.logs, row),
    );
    if (!marks.includes(logs.ignored)) return facts;
    const isOfAll = marks.every((mark) => mark === marks[0]);
    return { ...facts, logs: isOfAll ? marks.slice(0, 1) : marks };
  }

  #matches({ requestIds, users, items, contexts, facts }: ShownPairs, row: number): boolean {
    const { user, visitor } = namesOfPerson(users[row]!);
    const event = {
      ...{ type: 'shown', user, item: items[row]!, requestId: requestIds[row]!, order: '' },
      visitor: visitor === '' ? at(facts.visitors, row) : visitor,
    };
    const context = contexts[contexts.length > 1 ? row : 0] ?? {};
    return this.#isIgnored!({ event, context });
  }
}

/** How many of them are marked, and the last of those. */
export function ignoredIn({ users, items, facts }: Pick<ShownPairs, 'users' | 'items' | 'facts'>): {
  count: number;
  example: string;
} {
  let [count, example] = [0, ''];
  if (!facts.logs.includes(logs.ignored)) return { count, example };
  for (let row = 0; row < items.length; row++) {
    if (at(facts.logs, row) !== logs.ignored) continue;
    count++;
    example = `ignore: ${items[row]!} shown to ${users[row]! || 'nobody'}`;
  }
  return { count, example };
}
