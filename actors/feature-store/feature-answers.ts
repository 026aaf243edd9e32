import { StarlingError } from '../../core/base/errors.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import type { FeaturesReply, FeaturesRequest } from '../../messages/features.js';
import type { Entity } from '../../messages/subjects.js';

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
  isWhole: boolean,
  { users, items }: FeaturesRequest,
): FeaturesReply {
  if (!isWhole)
    throw new StarlingError('NOT_READY', 'the features are being restored from a snapshot.');
  return {
    sequence: store.sequence,
    users: users.map((id) => store.get('user', id) ?? null),
    items: items.map((id) => store.get('item', id) ?? null),
  };
}
