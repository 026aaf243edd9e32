import { DueBuckets } from './due-buckets.js';
import { unstored } from './open-rows.js';
import { encodeHeld } from './record-codec.js';
import type { HeldFields } from './record-codec.js';
import type { JoinRecord } from './types.js';

/** An action whose impression has not come yet. */
export interface HeldAction {
  readonly key: string;
  readonly action: HeldFields;
  number: number;
  isHeld: boolean;
}

/**
 * Actions that came before their impressions: another partition's lag, or a processor that was restarted. They are few
 * and small, so all stay in memory. The first action of an identity is the one that is held.
 */
export class HeldActions {
  readonly #retentionMs: number;
  readonly #byKey = new Map<string, HeldAction>();
  readonly #due: DueBuckets<HeldAction>;
  #fresh: HeldAction[] = [];

  /** @param retentionMs window + allowed lateness: until then an impression may come that the action belongs to. */
  constructor(bucketMs: number, retentionMs: number) {
    this.#retentionMs = retentionMs;
    this.#due = new DueBuckets(bucketMs);
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): HeldAction | undefined {
    return this.#byKey.get(key);
  }

  /** Whether an action of this time need not be held, because no impression of its can come any more. */
  isPast(atMs: number, watermarkMs: number): boolean {
    return this.#due.isDue(atMs + this.#retentionMs, watermarkMs);
  }

  hold(key: string, action: HeldFields): void {
    this.#fresh.push(this.restore(key, action, unstored));
  }

  /** An action from the store. */
  restore(key: string, action: HeldFields, number: number): HeldAction {
    const held = { key, action, number, isHeld: true };
    this.#byKey.set(key, held);
    this.#due.add(action.atMs + this.#retentionMs, held);
    return held;
  }

  release(held: HeldAction): void {
    this.#byKey.delete(held.key);
    held.isHeld = false;
  }

  /** Releases and returns the actions that have waited in vain. */
  takeDue(watermarkMs: number): HeldAction[] {
    const due = this.#due.takeDue(watermarkMs).flatMap((bucket) => bucket.sort(byTime));
    const orphans = due.filter(({ isHeld }) => isHeld);
    for (const orphan of orphans) this.release(orphan);
    return orphans;
  }

  /** Records of what has been held since the last call and still is, numbered from `numberNext`. */
  takeFresh(numberNext: number): JoinRecord[] {
    const fresh = this.#fresh.filter(({ isHeld }) => isHeld);
    this.#fresh = [];
    return fresh.map((held, i) => {
      held.number = numberNext + i;
      return { number: held.number, bytes: encodeHeld(held.action) };
    });
  }
}

/** Not the order of arrival, which a restored window does not know. */
function byTime(a: HeldAction, b: HeldAction): number {
  return a.action.atMs - b.action.atMs || (a.key < b.key ? -1 : 1);
}
