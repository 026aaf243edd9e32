import { ActivityBook, type ChangedEntities } from '../../core/activity/activity-book.js';
import { keptRulesOf } from '../../core/blueprint/kept-rules.js';
import { activityNotice } from '../../messages/activity.js';
import { encode } from '../../messages/codec.js';
import { entities } from '../../messages/subjects.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { EntityStore } from '../../runtime/stores/entity-store.js';
import { followActivity } from '../shared/follow-activity.js';
import { ActivityKeeper } from './activity-keeper.js';

/** States in memory. Too few: busy ones are read from disk. Too many: memory, some hundred bytes each. */
const statesMax = 50_000;
/** Ids of a notice; each is at most 512 characters long. */
const idsMax = 500;

/** What is kept of what people do: the follower that fills it, and what it says. */
export function openActivity(context: ActorContext, told: Pick<EntityStore, 'get'>) {
  const { bus, clock, config, crash, identity, log } = context;
  const rules = keptRulesOf(config);
  const store = context.stores.activityStore();
  const ports = {
    stored: (key: string) => store.get(key),
    features: (entity: 'user' | 'item', id: string) => told.get(entity, id),
  };
  const book = new ActivityBook(rules, ports, statesMax);
  const isKept = {
    user: rules.histories.length > 0 || rules.aggregates.some(({ entity }) => entity === 'user'),
    item: rules.aggregates.some(({ entity }) => entity === 'item'),
  };

  function tell(changed: ChangedEntities, sequence: number): void {
    // Who is asked for the first time is asked for as of now.
    if (!follower.isWhole) return;
    for (const entity of entities) {
      if (!isKept[entity]) continue;
      const all = [...changed[entity]];
      const subject = bus.names.subject.keptChanged(identity.dataCenter, entity);
      for (let start = 0; start < all.length; start += idsMax) {
        const ids = all.slice(start, start + idsMax);
        bus.publish(subject, encode(activityNotice({ entity, ids, sequence })));
      }
    }
  }

  const keeper = new ActivityKeeper({ book, store, clock, log, onChanged: tell, onError: crash });
  const follower = followActivity(context, keeper);
  return {
    follower,
    get sequence(): number {
      return keeper.sequence;
    },
    kept: (entity: 'user' | 'item', id: string) =>
      isKept[entity] ? book.kept(entity, id, clock.wallMs()) : undefined,
    itemsOf: (person: string, types: readonly string[], sinceMs: number) =>
      book.itemsOf(person, types, sinceMs),
    async stop(): Promise<void> {
      await Promise.all([keeper.stop(), follower.stop()]);
      await store.close();
    },
    async view() {
      await keeper.flush();
      return store.view();
    },
    stats: () => ({ activity: keeper.sequence, keptStates: store.count }),
  };
}
