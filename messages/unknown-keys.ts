import { nearestOf } from '../core/config/fields.js';
import { isRecord } from './checks.js';
import { publicEvent } from './public.js';
import type { EventType } from './subjects.js';

/** So many different ones are told of: more say nothing more, and whoever makes them up must not fill the memory. */
const namesMax = 100;

/**
 * Keys of events that nothing is known of. They are ignored, as a later release may know them; who has misspelt one wants to
 * hear of it.
 */
export class UnknownKeys {
  readonly #counts = new Map<string, { type: EventType; count: number }>();
  #count = 0;

  note(type: EventType, event: unknown): void {
    // Of an item or a user any key is an attribute.
    if (!isRecord(event) || type === 'items' || type === 'users') return;
    const known = publicEvent[type].shape;
    for (const key of Object.keys(event)) {
      if (Object.hasOwn(known, key)) continue;
      this.#count++;
      const seen = this.#counts.get(key);
      if (seen) seen.count++;
      else if (this.#counts.size < namesMax) this.#counts.set(key, { type, count: 1 });
    }
  }

  /** In all. */
  get count(): number {
    return this.#count;
  }

  /** One line for each, the most frequent first. */
  get warnings(): string[] {
    const all = [...this.#counts].sort(([, a], [, b]) => b.count - a.count);
    return all.map(([key, { type, count }]) => {
      const nearest = nearestOf(key, Object.keys(publicEvent[type].shape));
      const hint = nearest === undefined ? '' : ` Did you mean ${JSON.stringify(nearest)}?`;
      const events = count === 1 ? '1 event has' : `${count} events have`;
      return `${events} the key ${JSON.stringify(key)}, which no ${type} has: it is ignored.${hint}`;
    });
  }
}
