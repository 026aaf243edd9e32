import { answersRequests, trains } from './data-centers.js';
import { durationMsOf } from './duration.js';
import type { ConfigProblem } from './explain.js';
import { isNetworkFile } from './network-schema.js';
import { isCategorical, keptFeatures } from './kept-relations.js';
import type { ClusterConfig } from './schema.js';
import { isOrigin, originName } from '../features/origin.js';

/**
 * What must hold between fields that are each right by themselves. Every function answers a problem or nothing, and
 * states the figures of both sides.
 */
export function brokenRelations(config: ClusterConfig): ConfigProblem[] {
  const relations = [
    ...dataCenters(config),
    ...features(config),
    ...origin(config),
    ...keptFeatures(config),
    vectorNumbers(config),
    ...slots(config),
    ...events(config),
    ...fileTypes(config),
    ...outcomes(config),
    ...network(config),
    ...limits(config),
    ...joinLog(config),
    joinShares(config),
    ...tlsFiles(config),
  ];
  return relations.flatMap(([path, broken, text]) =>
    broken ? [{ path, text: `${path}: ${text}` }] : [],
  );
}

/** Where, whether it is broken, and what is expected. */
export type Relation = readonly [path: string, broken: boolean, text: string];

/** Columns of the events that are no features: reading the label as one would show the model the answer. */
const reservedContextSources = ['timestamp', 'user', 'item', 'label'];

function dataCenters({ dataCenters }: ClusterConfig): Relation[] {
  const names = dataCenters.map((dataCenter) => dataCenter.name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  const training = dataCenters.filter(trains).length;
  return [
    ['dataCenters', repeated !== undefined, `expected different names; got "${repeated}" twice`],
    [
      'dataCenters',
      training !== 1,
      `expected exactly one with role training or all; got ${training}`,
    ],
    [
      'dataCenters',
      !dataCenters.some(answersRequests),
      'expected at least one with role inference or all; got 0',
    ],
  ];
}

function features({ features }: ClusterConfig): Relation[] {
  const relations = Object.entries(features).map(([name, feature]): Relation => {
    const source = 'source' in feature ? feature.source : name;
    const reserved = feature.entity === 'context' && reservedContextSources.includes(source);
    const others = reservedContextSources.join(', ');
    const text = `expected a context feature to be read from another column than ${others}; got "${source}"`;
    return [`features.${name}.source`, reserved, text];
  });
  const tellsItemsApart = Object.values(features).some(
    (feature) => feature.entity === 'item' && isCategorical(feature),
  );
  const text =
    "expected a categorical item feature, such as item: {entity: 'item', kind: 'id'}; got none";
  return [...relations, ['features', !tellsItemsApart, text]];
}

/** A row must fit into a message with others, also where that is small. */
const numbersMax = 16_384;

function vectorNumbers({ features }: ClusterConfig): Relation {
  const numbers = Object.values(features).reduce(
    (sum, feature) => sum + (feature.kind === 'vector' ? feature.length : 0),
    0,
  );
  const text = `expected vectors of at most ${numbersMax} numbers together; got ${numbers}`;
  return ['features', numbers > numbersMax, text];
}

/** What the cluster says itself, nobody else may. */
function origin({ features, organic }: ClusterConfig): Relation[] {
  if (organic.negatives === 0) return [];
  const text = `expected another name than ${originName}, which says whether something was shown, where organic.negatives is not 0`;
  return Object.entries(features).flatMap(([name, feature]): Relation[] => {
    if (name === originName) return [[`features.${name}`, !isOrigin(feature), text]];
    const source = 'source' in feature ? feature.source : name;
    const takesItsPlace = feature.entity === 'context' && source === originName;
    return [[`features.${name}.source`, takesItsPlace, text]];
  });
}

function events({ events }: ClusterConfig): Relation[] {
  const types = Object.keys(events);
  const undone = Object.entries(events).map(([name, { undoes }]): Relation => {
    const text = `expected another type of event, one of ${types.join(', ')}; got "${undoes}"`;
    const broken = undoes !== undefined && (undoes === name || !types.includes(undoes));
    return [`events.${name}.undoes`, broken, text];
  });
  const hoped = Object.values(events).some(({ negative, undoes }) => !negative && !undoes);
  const text = 'expected a type that is hoped for, neither negative nor undoing another; got none';
  return [
    ...undone,
    ['events', !hoped, text],
    [
      'events.shown',
      types.includes('shown'),
      'expected another name: it is what Starling itself shows',
    ],
  ];
}

/** What files call a type otherwise is one. */
function fileTypes({ events, files }: ClusterConfig): Relation[] {
  return Object.entries(files?.events?.types ?? {}).map(([written, type]) => [
    `files.events.types.${written}`,
    !Object.hasOwn(events, type),
    `expected one of ${Object.keys(events).join(', ')}, which \`events\` has; got "${type}"`,
  ]);
}

const day = 86_400_000;

/** @param of the window of what it is given by. */
function earlyRelations(
  name: string,
  earlyMs: number | undefined,
  of: { readonly isValue: boolean; readonly windowMs: number; readonly givenMs: number },
): Relation[] {
  if (earlyMs === undefined) return [];
  const path = `outcomes.${name}.early`;
  return [
    [path, of.isValue, 'expected none: a value is known when its window ends'],
    [path, earlyMs <= 0 || earlyMs >= of.windowMs, 'expected less than its window, which ends it'],
    [path, earlyMs < of.givenMs, 'expected at least the window of what it is given by'],
  ];
}

function outcomes({ events, outcomes, score, joining }: ClusterConfig): Relation[] {
  const hoped = Object.entries(events)
    .filter(([, { negative, undoes }]) => !negative && undoes === undefined)
    .map(([type]) => type);
  const names = Object.keys(outcomes);
  const windowOf = (name: string): number =>
    durationMsOf(outcomes[name]?.window ?? '') ?? joining.windowMs;
  const each = Object.entries(outcomes).flatMap(
    ([name, { from = [name], given, predict, transform, loss, early }], i): Relation[] => {
      // What takes more than a day is given by the first one (core/blueprint/join-rules.ts).
      const isLong = i > 0 && windowOf(name) > day;
      const of = given ?? (isLong ? names[0] : undefined);
      const stranger = from.find((type) => !hoped.includes(type));
      const isValue = predict === 'value';
      const before = names.slice(0, i).filter((each) => outcomes[each]!.predict === 'chance');
      return [
        [
          `outcomes.${name}.from`,
          stranger !== undefined,
          `expected types of events that are hoped for, ${hoped.join(', ')}; got "${stranger}"`,
        ],
        [
          `outcomes.${name}.given`,
          given !== undefined && !before.includes(given),
          `expected a chance that is named before it${before.length > 0 ? `, ${before.join(', ')}` : ''}; got "${given}"`,
        ],
        [
          `outcomes.${name}.predict`,
          isValue && i === 0,
          "expected 'chance' of the first outcome, which the figures of quality are about",
        ],
        [
          `outcomes.${name}.transform`,
          !isValue && transform !== undefined,
          "expected none: it is of an outcome with predict: 'value'",
        ],
        [
          `outcomes.${name}.loss`,
          !isValue && loss !== undefined,
          "expected none: it is of an outcome with predict: 'value'",
        ],
        ...earlyRelations(name, durationMsOf(early ?? ''), {
          isValue,
          windowMs: windowOf(name),
          givenMs: of === undefined ? 0 : windowOf(of),
        }),
        [
          `outcomes.${name}.window`,
          given !== undefined && windowOf(given) > windowOf(name),
          `expected at least that of ${given}, which it is given by`,
        ],
      ];
    },
  );
  const known = names.length > 0 ? names : ['click'];
  const weighed = Object.keys(score).map((name): Relation => {
    const text = `expected one of the outcomes, ${known.join(', ')}`;
    return [`score.${name}`, !known.includes(name), text];
  });
  return [...each, ['outcomes', names.length > 16, 'expected at most 16'], ...weighed];
}

/** JOIN is all that a window can be made anew of where no snapshot of it is left. */
function joinLog({ outcomes, joining }: ClusterConfig): Relation[] {
  const { logMs, latenessMs, windowMs } = joining;
  const named = Object.values(outcomes).map(({ window }) => durationMsOf(window ?? '') ?? windowMs);
  const neededMs = Math.max(...(named.length > 0 ? named : [windowMs])) + latenessMs;
  const text = `expected at least ${neededMs}, the longest window and joining.latenessMs; got ${logMs}`;
  return [['joining.logMs', logMs !== undefined && logMs < neededMs, text]];
}

function joinShares({ actors, joining: { partitions } }: ClusterConfig): Relation {
  const text = `expected at least ${actors.joiner}, the number of joiners (actors.joiner); got ${partitions}`;
  return ['joining.partitions', partitions !== undefined && partitions < actors.joiner, text];
}

function tlsFiles({ nats: { tls } }: ClusterConfig): Relation[] {
  const alone = tls !== 'off' && (tls.cert === undefined) !== (tls.key === undefined);
  return [['nats.tls', alone, 'expected cert and key together; got one of them']];
}

function slots({ features, model }: ClusterConfig): Relation[] {
  const known = Object.entries(features)
    .filter(([, feature]) => isCategorical(feature))
    .map(([name]) => name);
  return Object.keys(model.slots).map((name) => [
    `model.slots.${name}`,
    !known.includes(name),
    `expected a feature that has rows, one of ${known.join(', ')}`,
  ]);
}

function limits(config: ClusterConfig): Relation[] {
  const { actors, model, nats, partitions, serving, simulation, supervision, sync } = config;
  const shards = actors['ps-shard'];
  const always = serving.recentItems + serving.popularItems;
  const { backoffMs, heartbeatMs, suspectAfterMs } = supervision;
  const deltaBytes = sync.flushRowsMax * deltaRowBytes(model.factorDim);
  return [
    [
      'partitions',
      partitions < shards,
      `expected at least one for each of the ${shards} ps-shards; got ${partitions}`,
    ],
    [
      'standby',
      config.standby >= shards,
      `expected another ps-shard to keep a copy; got actors.ps-shard ${shards}`,
    ],
    [
      'serving.kMax',
      serving.kMax > serving.candidatesMax,
      `expected at most candidatesMax, ${serving.candidatesMax}; got ${serving.kMax}`,
    ],
    [
      'serving.popularItems',
      always > serving.candidatesMax,
      `expected recentItems + popularItems to be at most candidatesMax, ${serving.candidatesMax}; got ${always}`,
    ],
    [
      'supervision.suspectAfterMs',
      suspectAfterMs < 2 * heartbeatMs,
      `expected at least two heartbeats, ${2 * heartbeatMs}; got ${suspectAfterMs}`,
    ],
    [
      'supervision.backoffMs.max',
      backoffMs.max < backoffMs.base,
      `expected at least base, ${backoffMs.base}; got ${backoffMs.max}`,
    ],
    [
      'sync.flushRowsMax',
      deltaBytes > nats.payloadBytesMax,
      `expected ${sync.flushRowsMax} rows of ${deltaRowBytes(model.factorDim)} bytes to fit in nats.payloadBytesMax, ${nats.payloadBytesMax}; got ${deltaBytes}`,
    ],
    [
      'simulation.slateSize',
      simulation.slateSize > Math.min(serving.kMax, simulation.items),
      `expected at most serving.kMax, ${serving.kMax}, and simulation.items, ${simulation.items}; got ${simulation.slateSize}`,
    ],
  ];
}

function network({ features, model }: ClusterConfig): Relation[] {
  const isFile = isNetworkFile(model.network);
  return [
    [
      'model.network',
      isFile && model.networkCode === undefined,
      `expected ${model.network} to be read with the file of a configuration that names it; without one, name a network of Starling`,
    ],
    [
      'model.networkCode',
      !isFile && model.networkCode !== undefined,
      `expected none with network ${model.network}: it is of a network of one's own, and made when the configuration is read`,
    ],
    [
      'model.hidden',
      !isFile && model.network !== 'fm' && model.hidden.length === 0,
      `expected at least one layer for network ${model.network}; got []`,
    ],
    [
      'model.heads',
      (model.network === 'fm' || model.network === 'two-tower') && model.heads !== 'shared',
      `expected shared with network ${model.network}, which has no hidden layers of both sides`,
    ],
    [
      'model.network',
      model.network === 'two-tower' &&
        Object.values(features).every((each) => each.entity === 'item' || !hasVector(each)),
      'expected a feature of the user or the context that has rows or is a vector: two-tower is a product of his vector and that of the item',
    ],
    [
      'model.network',
      looksAtHistories(model.network) &&
        Object.values(features).every(({ kind }) => kind !== 'history'),
      `expected a feature of kind history for ${model.network} to look at, as in docs/histories.md; without one it is deepfm`,
    ],
  ];
}

/** Key, newest update and count, then the weights, and three numbers of state for each, which AMSGrad needs. */
function deltaRowBytes(factorDim: number): number {
  return 16 + 4 * (1 + 4 * (1 + factorDim));
}

function hasVector(feature: ClusterConfig['features'][string]): boolean {
  return feature.kind === 'vector' || feature.kind === 'history' || isCategorical(feature);
}

function looksAtHistories(network: string): boolean {
  return network === 'din' || network === 'transformer';
}
