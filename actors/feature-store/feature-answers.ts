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
}

/**
 * @param isWhole whether the store has all it should; not while it is filled anew. Somebody else may have all.
 * @throws StarlingError NOT_READY
 */
export function answerFrom(
  store: KnownFeatures,
  activity: KeptActivity,
  isWhole: boolean,
  { users, items, lately }: FeaturesRequest,
): FeaturesReply {
  if (!isWhole)
    throw new StarlingError('NOT_READY', 'the features are being restored from a snapshot.');
  return {
    sequence: store.sequence,
    users: users.map((id) => store.get('user', id) ?? null),
    items: items.map((id) => store.get('item', id) ?? null),
    // Who asks what they did does not score them.
    kept: lately
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

/** Of each, or none of anybody. */
function allKept(activity: KeptActivity, entity: Entity, ids: readonly string[]): KeptFeatures[] {
  const kept = ids.map((id) => activity.kept(entity, id));
  return kept.every((each) => each !== undefined) ? kept : [];
}
