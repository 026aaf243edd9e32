import type { ClusterConfig } from '../config/schema.js';
import type { EventRule, JoinRules } from '../joining/outcome-rules.js';

/** What is predicted of impressions, and what types of events say of it. */
export function joinRulesOf({
  events,
  joining,
}: Pick<ClusterConfig, 'events' | 'joining'>): JoinRules {
  const types = Object.entries(events);
  const hoped = types.filter(([, { negative, undoes }]) => !negative && undoes === undefined);
  const from = hoped.map(([type]) => type);
  return {
    outcomes: [{ name: 'click', from, windowMs: joining.windowMs }],
    events: Object.fromEntries(types.map(([type, rule]) => [type, ruleOf(rule)])),
  };
}

function ruleOf({ negative, undoes }: ClusterConfig['events'][string]): EventRule {
  return { negative, ...(undoes === undefined ? {} : { undoes }) };
}

/**
 * How far back a window remembers, milliseconds of event time: a row that is open, and as long again in which copies of it and
 * of its events may come.
 */
export function joinMemoryMs(config: Pick<ClusterConfig, 'events' | 'joining'>): number {
  const windowMs = Math.max(...joinRulesOf(config).outcomes.map((outcome) => outcome.windowMs));
  return 2 * (windowMs + config.joining.latenessMs);
}

/** Types of events that count for an item: what is hoped for. */
export function hopedTypes(config: Pick<ClusterConfig, 'events' | 'joining'>): ReadonlySet<string> {
  return new Set(joinRulesOf(config).outcomes.flatMap(({ from }) => from));
}
