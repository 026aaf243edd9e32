import type { Connection, MemoryServers } from '../nats/memory-servers.js';

/** Of these there are many, and nothing is to be gained from telling them apart. */
const alike =
  /^(append to \w+\.supervision|question|tail|work|purge|bucket \w+, key (epoch|scale))/;
/** A token that has a number in it. */
const named = /[.\s][^.\s]*\d[^.\s]*/g;

/**
 * Catches who sends a message of some kind, just when he has sent it. Some kinds come a thousand times as often as others, and it
 * is the seldom ones that decide: who owns, who leads, who leaves. A kind is what is asked without the names and numbers in it.
 */
export class Ambush {
  readonly #kinds = new Map<string, string>();
  readonly #seen = new Set<string>();
  readonly #laid = new Map<string, (sender: Connection) => void>();

  constructor(servers: MemoryServers) {
    servers.onAsked = (sender, what) => this.#asked(sender, what);
  }

  /** Those that have been sent so far, in the order of the alphabet. */
  get kinds(): readonly string[] {
    return [...this.#seen].sort();
  }

  /** For the next message of a kind; it takes the place of another for that kind. */
  lay(kind: string, caught: (sender: Connection) => void): void {
    this.#laid.set(kind, caught);
  }

  lift(kind: string): void {
    this.#laid.delete(kind);
  }

  #asked(sender: Connection, what: string): void {
    const kind = this.#kindOf(what);
    const caught = this.#laid.get(kind);
    if (!caught) return;
    this.#laid.delete(kind);
    caught(sender);
  }

  #kindOf(what: string): string {
    const known = this.#kinds.get(what);
    if (known !== undefined) return known;
    const kind = alike.exec(what)?.[0] ?? what.replace(named, '');
    this.#kinds.set(what, kind);
    this.#seen.add(kind);
    return kind;
  }
}
