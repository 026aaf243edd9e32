import { erasureMarkId, forgottenUntilMs } from '../../core/features/forgotten-users.js';
import { parsePersonRequest, storePersonReply } from '../../messages/person.js';
import type { EntityStore } from '../../runtime/stores/entity-store.js';
import type { openActivity } from './open-activity.js';

/** All that a store has of somebody, told and kept, as it is stored. */
export function aboutPerson(
  store: Pick<EntityStore, 'attributes'>,
  activity: Pick<ReturnType<typeof openActivity>, 'about' | 'sequence'>,
  value: unknown,
) {
  const person = parsePersonRequest(value);
  const mark = store.attributes('user', erasureMarkId(person));
  return storePersonReply({
    attributes: store.attributes('user', person) ?? null,
    kept: activity.about(person) ?? null,
    forgottenUntilMs: mark ? forgottenUntilMs(mark) : null,
    activity: activity.sequence,
  });
}
