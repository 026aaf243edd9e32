import type { EventType } from '../messages/subjects.js';
import type { StarlingClient } from './client.js';
import type {
  AliasInput,
  EraseInput,
  EventInput,
  FeaturesInput,
  ImpressionInput,
  IngestReceipt,
  ItemInput,
  MergeInput,
  ShownInput,
  UserInput,
} from './ingest.js';

/** Events of one type, which were checked. */
export function ingestAs(
  client: StarlingClient,
  type: EventType,
  events: readonly unknown[],
): Promise<IngestReceipt> {
  switch (type) {
    case 'event':
    case 'action':
      return client.ingestEvents(events as EventInput[]);
    case 'impression':
      return client.ingestImpressions(events as ImpressionInput[]);
    case 'shown':
      return client.ingestShown(events as ShownInput[]);
    case 'alias':
      return client.ingestAliases(events as AliasInput[]);
    case 'merge':
      return client.ingestMerges(events as MergeInput[]);
    case 'erase':
      return client.ingestErasures(events as EraseInput[]);
    case 'items':
      return client.ingestItems(events as ItemInput[]);
    case 'users':
      return client.ingestUsers(events as UserInput[]);
    case 'features':
      return client.ingestFeatures(events as FeaturesInput[]);
  }
}
