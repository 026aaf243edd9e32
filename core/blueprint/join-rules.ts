import { durationMsOf } from '../config/duration.js';
import type { ClusterConfig } from '../config/schema.js';
import type { ValueTransform } from '../model/value-transform.js';
import type { EventRule, JoinRules, OutcomeRule } from '../joining/outcome-rules.js';

export type RulesConfig = Pick<ClusterConfig, 'events' | 'outcomes' | 'joining'>;

/** Where the configuration names none: whether anything happened that is hoped for. */
const outcomeDefault = 'click';
/** An outcome that takes longer is given by the first one: to wait for what was not even looked at teaches little. */
const givenBeyondMs = 86_400_000;

/** What is predicted of impressions, and what types of events say of it. */
export function joinRulesOf(config: RulesConfig): JoinRules {
  const types = Object.entries(config.events);
  return {
    outcomes: outcomeRulesOf(config),
    events: Object.fromEntries(types.map(([type, rule]) => [type, ruleOf(rule)])),
  };
}

function outcomeRulesOf({ events, outcomes, joining }: RulesConfig): OutcomeRule[] {
  const named = Object.entries(outcomes);
  if (named.length === 0) {
    const hoped = Object.entries(events).filter(([, rule]) => !rule.negative && !rule.undoes);
    const from = hoped.map(([type]) => type);
    return [{ name: outcomeDefault, from, windowMs: joining.windowMs }];
  }
  const first = named[0]![0];
  return named.map(([name, { from = [name], window, given, predict, early }]) => {
    const earlyMs = early === undefined ? undefined : durationMsOf(early);
    const windowMs = (window === undefined ? undefined : durationMsOf(window)) ?? joining.windowMs;
    const isLong = name !== first && windowMs > givenBeyondMs;
    const of = given ?? (isLong ? first : undefined);
    const sums = predict === 'value';
    return {
      name,
      from,
      windowMs,
      ...(sums ? { sums } : {}),
      ...(earlyMs === undefined ? {} : { earlyMs }),
      ...(of === undefined ? {} : { given: of }),
    };
  });
}

function ruleOf({ negative, undoes, weight }: ClusterConfig['events'][string]): EventRule {
  return {
    negative,
    ...(undoes === undefined ? {} : { undoes }),
    ...(weight === undefined ? {} : { weight }),
  };
}

/** Names of what is predicted, in the order of the heads. */
export function outcomeNames(config: RulesConfig): string[] {
  return joinRulesOf(config).outcomes.map(({ name }) => name);
}

/** By head, the scale of the value that it predicts; undefined for a chance. */
export function valueScales(config: RulesConfig): (ValueTransform | undefined)[] {
  return joinRulesOf(config).outcomes.map(({ name, sums }) =>
    sums ? (config.outcomes[name]!.transform ?? 'log1p') : undefined,
  );
}

/**
 * How far back a window remembers, milliseconds of event time: a row that is open, and as long again in which copies of it and
 * of its events may come.
 */
export function joinMemoryMs(config: RulesConfig): number {
  const windowMs = Math.max(...joinRulesOf(config).outcomes.map((outcome) => outcome.windowMs));
  return 2 * (windowMs + config.joining.latenessMs);
}

/** Types of events that count for an item: what is hoped for. */
export function hopedTypes(config: RulesConfig): ReadonlySet<string> {
  return new Set(joinRulesOf(config).outcomes.flatMap(({ from }) => from));
}
