import { StarlingError } from '../../core/base/errors.js';
import type { KeptFeatures } from '../../core/features/kept-features.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import { noneKept, type FeaturesReply, type FeaturesRequest } from '../../messages/features.js';
import type { Entity } from '../../messages/subjects.js';

/** What is kept of what people did, and how far. */
export interface KeptActivity {
  /** Of ACTIVITY. */
  readonly sequence: number;
  readonly own: number;
  /** Undefined: nothing is kept of any such entity. */
  kept(entity: Entity, id: string): KeptFeatures | undefined;
  itemsOf(person: string, types: readonly string[], sinceMs: number): readonly string[];
}

/** What is known, and how far. */
export interface KnownFeatures {
  readonly sequence: number;
  get(entity: Entity, id: string): RawFeatures | undefined;
  attributes(entity: Entity, id: string): RawFeatures | undefined;
}

/**
 * @param isWhole whether the store has all it should; not while it is filled anew. Somebody else may have all.
 * @throws StarlingError NOT_READY
 */
export function answerFrom(
  store: KnownFeatures,
  activity: KeptActivity,
  isWhole: boolean,
  { users, items, lately, attributes }: FeaturesRequest,
): FeaturesReply {
  if (!isWhole)
    throw new StarlingError('NOT_READY', 'the features are being restored from a snapshot.');
  const known = (entity: Entity, id: string): RawFeatures | null =>
    (attributes ? namedOf(store.attributes(entity, id), attributes) : store.get(entity, id)) ??
    null;
  return {
    sequence: store.sequence,
    users: users.map((id) => known('user', id)),
    items: items.map((id) => known('item', id)),
    // Who asks what they did, or what they are called, does not score them.
    kept:
      lately || attributes
        ? noneKept
        : {
            sequence: activity.sequence,
            own: activity.own,
            users: allKept(activity, 'user', users),
            items: allKept(activity, 'item', items),
          },
    lately: lately ? users.map((id) => activity.itemsOf(id, lately.types, lately.sinceMs)) : [],
  };
}

/** Those that are named; all where none is. */
function namedOf(
  attributes: RawFeatures | undefined,
  names: readonly string[],
): RawFeatures | undefined {
  if (!attributes || names.length === 0) return attributes;
  const there = names.filter((name) => Object.hasOwn(attributes, name));
  return Object.fromEntries(there.map((name) => [name, attributes[name]]));
}

/** Of each, or none of anybody. */
function allKept(activity: KeptActivity, entity: Entity, ids: readonly string[]): KeptFeatures[] {
  const kept = ids.map((id) => activity.kept(entity, id));
  return kept.every((each) => each !== undefined) ? kept : [];
}
