import type { Connection } from './memory-servers.js';
import { hasWildcard, matchesSubject } from './subject-pattern.js';

/** A message as it comes to a client. */
export interface Delivered {
  readonly subject: string;
  readonly bytes: Uint8Array;
  /** How long whoever asks waits. */
  readonly timeout?: string | undefined;
  /** Absent: nobody waits for an answer. */
  readonly respond?: (from: Connection, bytes: Uint8Array) => void;
}

export interface Subscription {
  readonly pattern: string;
  /** Of those of one queue group, one hears. */
  readonly queue: string | undefined;
  readonly connection: Connection;
  take(message: Delivered): void;
}

type Choose = (members: readonly Subscription[]) => Subscription | undefined;

/** Who wants to hear what. */
export class Interest {
  readonly #literal = new Map<string, Set<Subscription>>();
  readonly #wildcard = new Set<Subscription>();

  add(subscription: Subscription): void {
    this.#setOf(subscription.pattern).add(subscription);
  }

  remove(subscription: Subscription): void {
    this.#setOf(subscription.pattern).delete(subscription);
  }

  removeAllOf(connection: Connection): void {
    for (const all of [this.#wildcard, ...this.#literal.values()])
      for (const each of all) if (each.connection === connection) all.delete(each);
  }

  /** All plain subscriptions, and of each queue group the one that is chosen. */
  receivers(subject: string, choose: Choose): Subscription[] {
    const matching = [...(this.#literal.get(subject) ?? [])];
    for (const each of this.#wildcard)
      if (matchesSubject(each.pattern, subject)) matching.push(each);
    const chosen: Subscription[] = [];
    const groups = new Map<string, Subscription[]>();
    for (const each of matching) {
      if (each.queue === undefined) chosen.push(each);
      else groups.set(each.queue, [...(groups.get(each.queue) ?? []), each]);
    }
    for (const members of groups.values()) {
      const one = choose(members);
      if (one) chosen.push(one);
    }
    return chosen;
  }

  #setOf(pattern: string): Set<Subscription> {
    if (hasWildcard(pattern)) return this.#wildcard;
    let found = this.#literal.get(pattern);
    if (!found) this.#literal.set(pattern, (found = new Set()));
    return found;
  }
}
