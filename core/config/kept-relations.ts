import type {
  AggregateCoding,
  FeatureDeclaration,
  HistoryCoding,
} from '../features/feature-spec.js';
import { isAggregate, isKept } from '../features/feature-spec.js';
import type { ClusterConfig } from './schema.js';
import type { Relation } from './relations.js';

/** What must hold between kept features and what they are of. */
export function keptFeatures(config: ClusterConfig): Relation[] {
  const { events } = config.serving.exclude;
  const [, stranger, text] = eventsKnown('', events, Object.keys(config.events));
  return [['serving.exclude.events', stranger, text], ...ofFeatures(config)];
}

function ofFeatures(config: ClusterConfig): Relation[] {
  return Object.entries(config.features).flatMap(([name, feature]) => {
    if (feature.kind === 'history') return ofHistory(name, feature, config);
    return isAggregateFeature(feature) ? ofAggregate(name, feature, config) : [];
  });
}

/** Whether its values have rows of their own. */
export function isCategorical(feature: FeatureDeclaration): boolean {
  return feature.kind !== 'dense' && feature.kind !== 'vector' && !isKept(feature);
}

function isAggregateFeature(
  feature: FeatureDeclaration,
): feature is Extract<FeatureDeclaration, AggregateCoding> {
  return isAggregate(feature.kind);
}

function ofHistory(
  name: string,
  { of, events, length }: HistoryCoding,
  config: ClusterConfig,
): Relation[] {
  const known = namesOf(config, (each) => each.entity === 'item' && isCategorical(each));
  const feature = config.features[of];
  const values = length * (feature?.kind === 'ids' ? feature.valuesMax : 1);
  return [
    [
      `features.${name}.of`,
      !known.includes(of),
      `expected a categorical feature of items, ${known.join(', ')}; got "${of}"`,
    ],
    [
      `features.${name}.length`,
      values > 255,
      `expected at most 255 values in all; ${of} has up to ${values / length} of each item`,
    ],
    eventsKnown(name, events, Object.keys(config.events)),
  ];
}

function ofAggregate(
  name: string,
  feature: Extract<FeatureDeclaration, AggregateCoding>,
  config: ClusterConfig,
): Relation[] {
  const { by, beside, events, window, halfLife, last } = feature;
  const categorical = namesOf(config, (each) => each.entity !== 'context' && isCategorical(each));
  const means = namesOf(
    config,
    (each, other) =>
      other !== name && isMean(each) && each.beside === undefined && !isPair(each, config),
  );
  const memories = [window, halfLife, last].filter((each) => each !== undefined).length;
  return [
    ofKnown(name, feature, config),
    eventsKnown(name, events, [...Object.keys(config.events), 'shown']),
    [
      `features.${name}.by`,
      by !== undefined && !categorical.includes(by),
      `expected a categorical feature of users or items, ${categorical.join(', ')}; got "${by}"`,
    ],
    [
      `features.${name}.beside`,
      beside !== undefined && !means.includes(beside),
      `expected another rate or mean that is beside none itself${listed(means)}; got "${beside}"`,
    ],
    [
      `features.${name}.window`,
      memories > 1,
      'expected one of window, halfLife and last; got several',
    ],
  ];
}

function ofKnown(
  name: string,
  feature: Extract<FeatureDeclaration, AggregateCoding>,
  config: ClusterConfig,
): Relation {
  const { kind, of } = feature;
  const path = `features.${name}.of`;
  const outcomes = Object.keys(config.outcomes);
  const chances = outcomes.filter((outcome) => config.outcomes[outcome]!.predict === 'chance');
  const outcomeDefault = outcomes.length === 0 ? ['click'] : [];
  if (kind === 'count') {
    const known = [...outcomeDefault, ...outcomes];
    const broken = of !== undefined && (!known.includes(of) || feature.events !== undefined);
    return [
      path,
      broken,
      `expected an outcome${listed(known)}, and no events beside it; got "${of}"`,
    ];
  }
  if (kind === 'rate') {
    const known = [...outcomeDefault, ...chances];
    return [
      path,
      !known.includes(of!),
      `expected an outcome that is a chance${listed(known)}; got "${of}"`,
    ];
  }
  const numbers = namesOf(config, (each, other) => {
    if (other === name || each.entity !== 'item') return false;
    return each.kind === 'dense' || (isAggregateFeature(each) && !isNested(each, config));
  });
  const known = ['value', ...outcomeDefault, ...outcomes, ...numbers];
  return [path, !known.includes(of!), `expected one of ${known.join(', ')}; got "${of}"`];
}

/** A number of the items of events that is kept itself would have to be known before it is. */
function isNested(feature: AggregateCoding, config: ClusterConfig): boolean {
  const { kind, of } = feature;
  const target = of === undefined ? undefined : config.features[of];
  return (kind === 'mean' && target !== undefined && isKept(target)) || isPair(feature, config);
}

function isMean(
  feature: FeatureDeclaration,
): feature is Extract<FeatureDeclaration, AggregateCoding> {
  return feature.kind === 'rate' || feature.kind === 'mean';
}

function isPair(feature: AggregateCoding & { entity?: string }, config: ClusterConfig): boolean {
  const by = feature.by === undefined ? undefined : config.features[feature.by];
  return by !== undefined && by.entity !== feature.entity;
}

function eventsKnown(
  name: string,
  events: readonly string[] | undefined,
  known: readonly string[],
): Relation {
  const stranger = events?.find((type) => !known.includes(type));
  const text = `expected types of events, ${known.join(', ')}; got "${stranger}"`;
  return [`features.${name}.events`, stranger !== undefined, text];
}

function namesOf(
  { features }: ClusterConfig,
  fits: (feature: FeatureDeclaration, name: string) => boolean,
): string[] {
  return Object.entries(features)
    .filter(([name, feature]) => fits(feature, name))
    .map(([name]) => name);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? '' : `, ${names.join(', ')}`;
}
