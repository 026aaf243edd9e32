import type { ChangeMode } from '../core/features/entity-change.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import type { ChangeOrigin, FeatureChange } from '../messages/features.js';
import { modeOf } from '../messages/features.js';
import type { Entity } from '../messages/subjects.js';

/** Records of the log in which a change may be late. Too few: one whose processor stood still is the last word. Too many are read again at each start. */
export const lateRecordsMax = 1_024;
/** Changes that are remembered; fewer records where each has many. Too many: memory, while a whole catalog is told. */
const changesMax = 50_000;

interface Told {
  /** Of the log. */
  readonly record: number;
  readonly origin: ChangeOrigin | undefined;
  readonly mode: ChangeMode;
  readonly erased: boolean;
  readonly told: RawFeatures;
}

/**
 * The last word on an item is the one that its data center accepted last. Two processors that work on two changes at once may write
 * them the other way round, or one again when it comes back to life; each record says where in RAW its change is, and who
 * reads the log puts a late one in its place: what it becomes is itself with all later ones on top, which is what it and they would
 * have been in order. Changes of different data centers are in the order of the log, as no clock is to be trusted for more.
 *
 * What is remembered follows from the last records alone, so that all who read the log come to the same, wherever they began: they
 * are told of records that they have already.
 */
export class ChangeOrder {
  /** In the order of acceptance; of most there is one. */
  readonly #recent: Readonly<Record<Entity, Map<string, Told | Told[]>>> = {
    user: new Map(),
    item: new Map(),
  };
  /** Each record that is remembered, oldest first. */
  #records: { readonly sequence: number; readonly change: FeatureChange }[] = [];
  #remembered = 0;
  #last = 0;

  /** Of the log. */
  get sequence(): number {
    return this.#last;
  }

  clear(): void {
    this.#recent.user.clear();
    this.#recent.item.clear();
    this.#records = [];
    this.#remembered = 0;
    this.#last = 0;
  }

  /** The next record; undefined: it says nothing. @returns what it changes, after those before it. */
  next(change: FeatureChange | undefined, sequence: number): FeatureChange | undefined {
    this.#last = sequence;
    this.#forget(sequence - lateRecordsMax);
    if (!change) return undefined;
    const recent = this.#recent[change.entity];
    const rows = change.ids.map((id, i) => put(recent, id, toldOf(change, i, sequence)));
    this.#records.push({ sequence, change });
    this.#remembered += change.ids.length;
    while (this.#remembered > changesMax && this.#records.length > 1)
      this.#forget(this.#records[0]!.sequence);
    if (rows.every((row) => row === undefined)) return change;
    const effective = rows.map((row, i) => row ?? toldOf(change, i, sequence));
    return {
      ...change,
      features: effective.map(({ told }) => told),
      modes: effective.map(({ mode }) => mode),
      erased: effective.map(({ erased }) => erased),
    };
  }

  /** Records up to this one. */
  #forget(sequence: number): void {
    while (this.#records.length > 0 && this.#records[0]!.sequence <= sequence) {
      const { change, sequence: record } = this.#records.shift()!;
      this.#remembered -= change.ids.length;
      const recent = this.#recent[change.entity];
      for (const id of change.ids) forget(recent, id, record);
    }
  }
}

type Recent = Map<string, Told | Told[]>;

/** @returns what it is with all later ones on top; undefined where it is in order. */
function put(recent: Recent, id: string, told: Told): Told | undefined {
  const known = recent.get(id);
  if (!known) {
    recent.set(id, told);
    return undefined;
  }
  const list = Array.isArray(known) ? known : [known];
  if (list !== known) recent.set(id, list);
  let place = list.length;
  while (place > 0 && isLater(list[place - 1]!, told)) place--;
  list.splice(place, 0, told);
  return place === list.length - 1 ? undefined : list.slice(place).reduce(onTop);
}

function forget(recent: Recent, id: string, record: number): void {
  const known = recent.get(id);
  if (!known) return;
  if (!Array.isArray(known)) {
    if (known.record <= record) recent.delete(id);
    return;
  }
  const at = known.findIndex((told) => told.record <= record);
  if (at >= 0) known.splice(at, 1);
  if (known.length === 0) recent.delete(id);
}

function toldOf(change: FeatureChange, i: number, record: number): Told {
  return {
    record,
    origin: change.origin,
    mode: modeOf(change, i),
    erased: change.erased?.[i] === true,
    told: change.features[i]!,
  };
}

function isLater(one: Told, other: Told): boolean {
  const [a, b] = [one.origin, other.origin];
  if (!a || !b) return false;
  return a.dataCenter === b.dataCenter && a.sequence > b.sequence;
}

/** What two changes are together. */
function onTop(before: Told, after: Told): Told {
  if (after.erased || after.mode === 'replace') return after;
  // A patch of what was deleted makes it anew.
  if (before.erased) return { ...after, mode: 'replace' };
  const names = new Map([...Object.entries(before.told), ...Object.entries(after.told)]);
  return { ...after, mode: before.mode, told: Object.fromEntries(names) };
}
