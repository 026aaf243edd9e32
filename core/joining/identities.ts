import { wordsOf } from '../base/fingerprints.js';

/** Who is who: visitors whose partition this is and the users they are, and users whose partition this is and who they were. */
export class Identities {
  readonly #owners = new Map<string, Known<string>>();
  readonly #visitors = new Map<string, Map<string, Known<string>>>();
  /** Until when they are forgotten, by fingerprint: whom nobody knows has no name here. */
  readonly #erased = new Map<string, Known<string>>();
  #fresh: IdentityRecord[] = [];
  #removed: number[] = [];

  ownerOf(visitor: string): string | undefined {
    return this.#owners.get(visitor)?.value;
  }

  /** In the order of the alphabet. */
  visitorsOf(user: string): string[] {
    return [...(this.#visitors.get(user)?.keys() ?? [])].sort();
  }

  /** Since when he is; −Infinity where nobody is, or has said when. */
  ownedSinceMs(visitor: string): number {
    return this.#owners.get(visitor)?.sinceMs ?? -Infinity;
  }

  /** @param sinceMs when it was said last. */
  own(visitor: string, user: string, sinceMs: number): void {
    this.#drop(this.#owners.get(visitor));
    this.#owners.set(visitor, this.#noted('owner', visitor, user, sinceMs));
  }

  /** Nobody else is he any more. */
  disown(visitor: string): void {
    this.#drop(this.#owners.get(visitor));
    this.#owners.delete(visitor);
  }

  visit(user: string, visitor: string): void {
    const visitors = this.#visitors.get(user) ?? new Map<string, Known<string>>();
    if (visitors.has(visitor)) return;
    this.#visitors.set(user, visitors.set(visitor, this.#noted('visitor', user, visitor)));
  }

  isForgotten(person: string, atMs: number): boolean {
    return this.#erased.size > 0 && atMs <= this.forgottenUntilMs(person);
  }

  /** −Infinity: he never was. */
  forgottenUntilMs(person: string): number {
    const known = this.#erased.get(fingerprintOf(person));
    return known ? Number(known.value) : -Infinity;
  }

  /** Nothing is known of him any more, but that he is to be forgotten. */
  forget(person: string, untilMs: number): void {
    const fingerprint = fingerprintOf(person);
    this.#drop(this.#erased.get(fingerprint));
    this.#erased.set(fingerprint, this.#noted('erased', fingerprint, String(untilMs)));
    this.#drop(this.#owners.get(person));
    this.#owners.delete(person);
    for (const known of this.#visitors.get(person)?.values() ?? []) this.#drop(known);
    this.#visitors.delete(person);
  }

  /** What is new since the last drain; each gets the number that it is stored under. */
  takeFresh(): readonly IdentityRecord[] {
    const fresh = this.#fresh.filter(({ known }) => known.isCurrent);
    this.#fresh = [];
    return fresh;
  }

  /** Numbers of records that are no longer true. */
  takeRemoved(): number[] {
    const removed = this.#removed;
    this.#removed = [];
    return removed;
  }

  restore(number: number, { kind, of, value, sinceMs }: StoredIdentity): void {
    const known: Known<string> = { value, sinceMs, number, isCurrent: true };
    if (kind === 'owner') this.#owners.set(of, known);
    else if (kind === 'erased') this.#erased.set(of, known);
    else
      this.#visitors.set(
        of,
        (this.#visitors.get(of) ?? new Map<string, Known<string>>()).set(value, known),
      );
  }

  #noted(kind: IdentityKind, of: string, value: string, sinceMs?: number): Known<string> {
    const known: Known<string> = { value, sinceMs, number: undefined, isCurrent: true };
    this.#fresh.push({ kind, of, value, ...(sinceMs === undefined ? {} : { sinceMs }), known });
    return known;
  }

  #drop(known: Known<string> | undefined): void {
    if (!known) return;
    known.isCurrent = false;
    if (known.number !== undefined) this.#removed.push(known.number);
  }
}

interface Known<Value> {
  readonly value: Value;
  readonly sinceMs: number | undefined;
  /** Undefined: not stored yet. */
  number: number | undefined;
  isCurrent: boolean;
}

export type IdentityKind = 'owner' | 'visitor' | 'erased';

export interface StoredIdentity {
  readonly kind: IdentityKind;
  readonly of: string;
  readonly value: string;
  /** Of an owner, when it was said last. */
  readonly sinceMs?: number;
}

export interface IdentityRecord extends StoredIdentity {
  readonly known: Known<string>;
}

function fingerprintOf(person: string): string {
  return wordsOf(person)
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('');
}
