import type { Connection, MemoryServers } from '../nats/memory-servers.js';

/** Of these there are many, and nothing is to be gained from telling them apart. */
const alike =
  /^(append to \w+\.supervision|question|tail|work|purge|bucket \w+, key (epoch|scale))/;
/** A token that has a number in it. */
const named = /[.\s][^.\s]*\d[^.\s]*/g;

interface Laid {
  readonly isNew: boolean;
  readonly caught: (sender: Connection) => void;
}

/**
 * Catches who sends a message of some kind, just when he has sent it. Some kinds come a thousand times as often as others, and it
 * is the seldom ones that decide: who owns, who leads, who leaves. A kind is what is asked without the names and numbers in it.
 */
export class Ambush {
  /** By what was asked. */
  readonly #kinds = new Map<string, string>();
  readonly #newest = new Map<string, Connection>();
  readonly #laid = new Map<string, Laid>();

  constructor(servers: MemoryServers) {
    servers.onAsked = (sender, what) => this.#asked(sender, what);
  }

  /** Those that have been sent so far, in the order of the alphabet. */
  get kinds(): readonly string[] {
    return [...new Set(this.#kinds.values())].sort();
  }

  /**
   * For the next message of a kind; it takes the place of another for that kind.
   * @param isNew of somebody else than the one before: who takes over, not who goes on.
   */
  lay(kind: string, isNew: boolean, caught: (sender: Connection) => void): void {
    this.#laid.set(kind, { isNew, caught });
  }

  lift(kind: string): void {
    this.#laid.delete(kind);
  }

  #asked(sender: Connection, what: string): void {
    const kind = this.#kindOf(what);
    const before = this.#newest.get(kind);
    this.#newest.set(kind, sender);
    const laid = this.#laid.get(kind);
    if (!laid || (laid.isNew && sender === before)) return;
    this.#laid.delete(kind);
    laid.caught(sender);
  }

  #kindOf(what: string): string {
    const known = this.#kinds.get(what);
    if (known !== undefined) return known;
    const kind = alike.exec(what)?.[0] ?? what.replace(named, '');
    this.#kinds.set(what, kind);
    return kind;
  }
}
