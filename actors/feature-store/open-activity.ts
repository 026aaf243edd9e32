import { ActivityBook, type ChangedEntities } from '../../core/activity/activity-book.js';
import type { KeptRules } from '../../core/activity/kept-rules.js';
import { keptRulesOf } from '../../core/blueprint/kept-rules.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { activityNotice } from '../../messages/activity.js';
import { encode } from '../../messages/codec.js';
import { entities } from '../../messages/subjects.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { EntityStore } from '../../runtime/stores/entity-store.js';
import { followActivity } from '../shared/follow-activity.js';
import { aroundOf } from '../shared/follow-features.js';
import { ActivityKeeper } from './activity-keeper.js';
import { OwnEvents, type OwnEventsOptions } from './own-events.js';

/** States in memory. Too few: busy ones are read from disk. Too many: memory, some hundred bytes each. */
const statesMax = 50_000;
/** Ids of a notice; each is at most 512 characters long. */
const idsMax = 500;

/** What is kept of what people do: the follower that fills it, and what it says. */
export function openActivity(context: ActorContext, told: Pick<EntityStore, 'get'>) {
  const { bus, clock, config, crash, identity, log } = context;
  const rules = keptRulesOf(config);
  const store = context.stores.activityStore();
  const own = openOwnEvents(context, rules, {
    onChanged: (people) => tell({ user: people, item: new Set() }, keeper.sequence, own?.sequence),
    whoIs: (person) => book.whoIs(person),
  });
  const ports = {
    ...(own ? provisionalOf(own.provisional) : {}),
    stored: (key: string) => store.get(key),
    features: (entity: 'user' | 'item', id: string) => told.get(entity, id),
  };
  const book = new ActivityBook(rules, ports, statesMax);
  const isKept = {
    user: rules.histories.length > 0 || rules.aggregates.some(({ entity }) => entity === 'user'),
    item: rules.aggregates.some(({ entity }) => entity === 'item'),
  };

  function hear(changed: ChangedEntities, sequence: number): void {
    if (own && own.provisional.people > 0)
      for (const person of changed.user) own.provisional.prune(person, (each) => book.toldOf(each));
    tell(changed, sequence);
  }

  /** @param changedOwn of RAW, where something that nobody told changed. */
  function tell(changed: ChangedEntities, sequence: number, changedOwn = 0): void {
    // Who is asked for the first time is asked for as of now.
    if (!follower.isWhole) return;
    for (const entity of entities) {
      if (!isKept[entity]) continue;
      const all = [...changed[entity]];
      const subject = bus.names.subject.keptChanged(identity.dataCenter, entity);
      for (let start = 0; start < all.length; start += idsMax) {
        const ids = all.slice(start, start + idsMax);
        const places = { sequence, own: changedOwn };
        bus.publish(subject, encode(activityNotice({ entity, ids, ...places })));
      }
    }
  }

  const keeper = new ActivityKeeper({ book, store, clock, log, onChanged: hear, onError: crash });
  const follower = followActivity(context, keeper);
  return {
    follower,
    start: () => own?.start(),
    /** Of RAW of the data center; see `KeptReply.own`. */
    get own(): number {
      return own?.sequence ?? 0;
    },
    get sequence(): number {
      return keeper.sequence;
    },
    kept: (entity: 'user' | 'item', id: string) =>
      isKept[entity] ? book.kept(entity, id, clock.wallMs()) : undefined,
    about: (person: string): Record<string, unknown> | undefined => {
      const state = book.about(person);
      return state && { ...state };
    },
    itemsOf: (person: string, types: readonly string[], sinceMs: number) =>
      book.itemsOf(person, types, sinceMs),
    async stop(): Promise<void> {
      await Promise.all([own?.stop(), keeper.stop(), follower.stop()]);
      await store.close();
    },
    async view() {
      await keeper.flush();
      return store.view();
    },
    stats: () => ({
      ...{ activity: keeper.sequence, keptStates: store.count },
      provisional: own?.provisional.people ?? 0,
    }),
  };
}

function provisionalOf(provisional: OwnEvents['provisional']) {
  return {
    provisional: provisional.listsOf.bind(provisional),
    erased: provisional.erase.bind(provisional),
  };
}

/** In training who tells it and who keeps it are in one place. */
function openOwnEvents(
  context: ActorContext,
  rules: KeptRules,
  ports: Pick<OwnEventsOptions, 'onChanged' | 'whoIs'>,
): OwnEvents | undefined {
  const { bus, config, identity, log } = context;
  if (aroundOf(context).isTraining || rules.listed.size === 0) return undefined;
  return new OwnEvents({
    ...{ bus, rules, log, ...ports, durable: 'processor' },
    stream: bus.names.stream.raw(identity.dataCenter),
    spec: featureSpecOf(config.features, config.lineage),
  });
}
