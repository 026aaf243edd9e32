import { createHash } from 'node:crypto';
import type {
  AggregateOf,
  AggregateRule,
  HistoryRule,
  KeptBy,
  KeptRules,
  Memory,
} from '../activity/kept-rules.js';
import { bornIn } from '../base/lineage.js';
import { durationMsOf } from '../config/duration.js';
import type { ClusterConfig } from '../config/schema.js';
import type { AggregateCoding, HistoryCoding, Slot } from '../features/feature-spec.js';
import { featureSpecOf, isAggregate } from '../features/feature-spec.js';
import { keyNumbersOf, keyWriterOf } from '../features/values.js';
import { isVisitor } from '../joining/person-event.js';
import { joinRulesOf } from './join-rules.js';

export type KeptConfig = Pick<
  ClusterConfig,
  'events' | 'outcomes' | 'joining' | 'features' | 'identity' | 'lineage'
>;

/** Of events that nobody else has a list of: to leave out what was seen or bought, and to take back what is undone. */
const listedMin = 100;

/** What is kept of people and items, out of the features that are declared so. */
export function keptRulesOf(config: KeptConfig): KeptRules {
  const { events, features } = config;
  const hoped = Object.keys(events).filter(
    (type) => !events[type]!.negative && !events[type]!.undoes,
  );
  const { slots } = featureSpecOf(features);
  const declared = Object.entries(features);
  const histories = declared.flatMap(([name, feature]) =>
    feature.kind === 'history' ? [historyRule(name, feature, slots, hoped)] : [],
  );
  const aggregates = declared.flatMap(([name, feature]) =>
    isAggregate(feature.kind)
      ? [aggregateRule(name, feature as Declared, { config, slots, hoped })]
      : [],
  );
  const undoes = new Map(
    Object.entries(events).flatMap(([type, rule]) => (rule.undoes ? [[type, rule.undoes]] : [])),
  );
  return {
    ...{ histories, aggregates, undoes },
    lookbackMs: durationMsOf(config.identity.lookback)!,
    isVisitor,
    types: Object.keys(events),
    listed: new Map(
      Object.keys(events).map((type) => [
        type,
        Math.max(
          listedMin,
          ...histories.filter((rule) => rule.events.has(type)).map(({ length }) => length),
        ),
      ]),
    ),
    wanted: {
      // Also for those who want to leave out what they have.
      events: true,
      shown: aggregates.some((rule) => rule.events.has('shown')),
      outcomes: aggregates.some(({ of }) => of.kind === 'outcome' || of.kind === 'known'),
    },
  };
}

type Declared = AggregateCoding & { readonly entity: 'user' | 'item' };

interface Around {
  readonly config: KeptConfig;
  readonly slots: readonly Slot[];
  readonly hoped: readonly string[];
}

function historyRule(
  name: string,
  { of, events, length }: HistoryCoding,
  slots: readonly Slot[],
  hoped: readonly string[],
): HistoryRule {
  const source = sourceOf(slots.find((slot) => slot.name === of)!);
  return { name, source, events: new Set(events ?? hoped), length };
}

/** Undefined: the id. */
function sourceOf({ entity, source }: Slot): string | undefined {
  return source === entity ? undefined : source;
}

function aggregateRule(name: string, feature: Declared, around: Around): AggregateRule {
  const { entity, events, beside, smoothing = 0, ...rest } = feature;
  const of = ofWhat(feature, around.config);
  const isOutcome = of.kind === 'outcome';
  const isChance =
    isOutcome &&
    joinRulesOf(around.config).outcomes.find((each) => each.name === of.name)?.sums !== true;
  return {
    ...{
      name,
      key: keyOf(name, feature, bornIn(around.config.lineage, name)),
      entity,
      of,
      beside,
      smoothing,
    },
    events: new Set(isOutcome || of.kind === 'known' ? [] : (events ?? around.hoped)),
    by: byOf(rest.by, around.slots),
    scale: feature.kind === 'count' ? 'count' : isChance ? 'chance' : 'number',
    memory: memoryOf(rest),
  };
}

function ofWhat({ kind, of }: AggregateCoding, config: KeptConfig): AggregateOf {
  if (kind === 'count') return of === undefined ? { kind: 'one' } : { kind: 'known', name: of };
  if (of === 'value') return { kind: 'value' };
  const name = of!;
  if (joinRulesOf(config).outcomes.some((outcome) => outcome.name === name))
    return { kind: 'outcome', name };
  const feature = config.features[name]!;
  return feature.kind === 'dense'
    ? { kind: 'told', source: feature.source }
    : { kind: 'kept', name };
}

function byOf(by: string | undefined, slots: readonly Slot[]): KeptBy | undefined {
  const slot = slots.find(({ name }) => name === by);
  if (!slot) return undefined;
  const write = keyWriterOf(slot.coding);
  return {
    entity: slot.entity as 'user' | 'item',
    source: sourceOf(slot),
    keysOf: (value) => {
      try {
        return keyNumbersOf(write, value, slot);
      } catch {
        // Told when the feature was declared otherwise: such an item has no value.
        return noKeys;
      }
    },
  };
}

const noKeys = new Float64Array(0);

function memoryOf({
  window,
  halfLife,
  last,
}: Pick<AggregateCoding, 'window' | 'halfLife' | 'last'>): Memory {
  if (window !== undefined) return { kind: 'window', ms: durationMsOf(window)! };
  if (halfLife !== undefined) return { kind: 'halfLife', ms: durationMsOf(halfLife)! };
  return last === undefined ? { kind: 'ever' } : { kind: 'last', count: last };
}

/** Its normalisation is of the model; all else makes other numbers, as does a feature of its name that began anew. */
function keyOf(
  name: string,
  { kind, entity, of, events, by, beside, window, halfLife, last }: Declared,
  born: number,
): string {
  const definition = JSON.stringify([
    ...[kind, entity, of, events, by, beside, window, halfLife, last],
    ...(born > 0 ? [born] : []),
  ]);
  return `${name}#${createHash('sha256').update(definition).digest('hex').slice(0, 8)}`;
}
