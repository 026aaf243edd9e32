import type { ClusterConfig } from '../core/config/schema.js';
import { blueprintOf } from '../core/blueprint/blueprint.js';
import type { Prediction } from '../importing/predictions-file.js';
import type { ReplayOutcome } from './replay.js';

/** What serving said of each event before its label was told, in time order. */
export function* predictionsOf(
  { scores, labels, versions, timestamps, events }: ReplayOutcome,
  config: ClusterConfig,
): Generator<Prediction, void, undefined> {
  const { outcomes } = blueprintOf(config);
  // What slates are ordered by, where there are several.
  const outcome = outcomes.length === 1 ? outcomes[0]! : 'score';
  const { requests, rival } = events.beside ?? {};
  for (let row = 0; row < scores.length; row++)
    yield {
      ...{ request: requests?.[row] ?? '', user: events.users[row]!, item: events.items[row]! },
      ...{ outcome, p: scores[row]!, label: labels[row]!, version: String(versions[row]!) },
      ...{ weight: 1, atMs: timestamps[row]! * 1000, rival: rival?.[row] ?? NaN },
    };
}
