import { isNetworkFile } from '../network-schema.js';
import type { Verdict } from './change.js';
import { cold, forgets, free, impossible, kept } from './change.js';

/** What is known of a value that changes. */
export interface Difference {
  readonly before: unknown;
  readonly after: unknown;
  /** Names that stand for the stars of the pattern. */
  readonly name: string;
}

export type Rule = Verdict | ((difference: Difference) => Verdict);

export const copyInto =
  'start a cluster of that configuration with another --state folder, and copy what was learned with `starling restore --into`';

/** Where another cluster could not take over what was learned either. */
export const beginAnew = 'begin anew with another --state folder';

type Table = Readonly<Record<string, Rule>>;

/** One rule for several values of a section. */
function of(section: string, names: readonly string[], rule: Rule): Table {
  return Object.fromEntries(names.map((name) => [`${section}.${name}`, rule]));
}

const optimizing = kept('what was learned stays; the next steps follow it');
const begins = kept('rows that were learned stay; those that nobody has learned begin otherwise');
const admits = kept('rows that are there stay; who has waited to be one is counted anew');
const admissionFields = ['kind', 'occurrences', 'keysMax', 'windowSeconds', 'bytes', 'probability'];

/** Of `model.rows`, and of each of `model.slots`. */
function rowRules(section: string): Table {
  return {
    // Where it is another one for rows that are there, that stands beside it (row-changes.ts).
    [`${section}.optimizer`]: kept('rows that are there have the one that they had'),
    ...of(
      section,
      [
        ...['learningRate', 'clip', 'clipNorm', 'weightDecay', 'weightDecayKind'],
        ...['initialAccumulator', 'epsilon', 'momentum', 'nesterov', 'beta1', 'beta2', 'rho'],
        ...['accumulates', 'firstOrderRate'],
        ...['beta', 'l1', 'l2', 'groupLasso', 'schedule.warmUpSteps', 'schedule.decay.kind'],
        ...['schedule.decay.rate', 'schedule.decay.steps', 'schedule.decay.floor'],
      ],
      optimizing,
    ),
    ...of(
      section,
      [
        ...['initialScale', 'initializer.kind', 'initializer.value', 'initializer.scale'],
        ...['initializer.stddev', 'initializer.distribution'],
      ],
      begins,
    ),
    ...of(
      section,
      admissionFields.map((name) => `admission.${name}`),
      admits,
    ),
    [`${section}.expireAfterMs`]: kept('rows that are older than it go as their partition learns'),
    [`${section}.serving`]: kept('serving copies are made anew of the log'),
  };
}

const model: Table = {
  'model.network': ({ before, after }) =>
    isNetworkFile(before) && isNetworkFile(after)
      ? free('its file lies elsewhere')
      : forgets(
          'model.network',
          'the network begins anew, but for its bias and the weights of numbers; rows stay',
        ),
  // What it does is told by what both declare (core/blueprint/network-change.ts).
  'model.networkCode': kept('parameters that keep their name and shape go on, and so do all rows'),
  'model.hidden': forgets(
    'model.network',
    'the hidden layers begin anew; rows, bias and the weights of numbers stay',
  ),
  'model.layerNorm': forgets(
    'model.network',
    'the hidden layers begin anew; rows, bias and the weights of numbers stay',
  ),
  ...of(
    'model',
    ['heads', 'heads.experts'],
    forgets(
      'model.network',
      'the hidden layers begin anew; rows, bias and the weights of numbers stay',
    ),
  ),
  ...of('model', ['dropout', 'labelSmoothing'], optimizing),
  'model.factorDim': forgets(
    'model.rows',
    'rows of another width are another model: all rows and the network begin anew; histories and attributes stay',
  ),
  ...rowRules('model.rows'),
  'model.rows.memoryBytesMax': kept('where there is less, rows go as partitions learn'),
  'model.rows.evict': kept('it is looked at when memory is short'),
  ...rowRules('model.slots.*'),
  ...of(
    'model.dense',
    [
      ...['learningRate', 'beta1', 'beta2', 'epsilon', 'clipNorm', 'weightDecay'],
      ...['schedule.warmUpSteps', 'schedule.decay.kind', 'schedule.decay.rate'],
      ...['schedule.decay.steps', 'schedule.decay.floor'],
    ],
    optimizing,
  ),
  'model.seed': begins,
  'model.backend': kept('another way to compute the same'),
};

const placed = kept('actors are started, or end, and partitions move');
const actors: Table = {
  standby: kept('copies are made, or go'),
  ...of(
    'actors',
    [
      ...['processor', 'feature-store', 'ps-shard', 'dense-shard', 'trainer'],
      ...['serving-shard', 'ranker', 'recommender'],
    ],
    placed,
  ),
  'actors.joiner': kept(
    'joiners share the partitions of the join, of which there are as many as before',
  ),
};

const judged = kept('it counts for events that come from then on');
const scored = free(
  'a sum over what is predicted already; `starling settings set score` starts nobody again',
);
const events: Table = {
  ...of('events.*', ['value', 'undoes', 'negative', 'weight'], judged),
  'outcomes.*.from': kept('it counts for events that come from then on'),
  'outcomes.*.window': kept('what is open waits as long as it says now'),
  'outcomes.*.early': kept('what is open is told by it'),
  'outcomes.*.given': kept('what is open is judged by it'),
  'outcomes.*.loss': kept('there is one'),
  ...of('outcomes.*', ['predict', 'transform'], ({ name }) =>
    impossible(`what was learned of ${name} is on another scale; predict it under another name`),
  ),
  'score.*': scored,
  currency: impossible(
    'amounts that were learned and kept are in the one before; keep it, and give `rates`',
  ),
  'rates.*': judged,
  'organic.negatives': judged,
  'organic.from': judged,
  'identity.lookback': judged,
  ignore: judged,
  ...of('limits.eventsPerPerson', ['max', 'within'], judged),
};

const joining: Table = {
  'joining.windowMs': kept('what is open waits as long as it says now'),
  'joining.latenessMs': judged,
  'joining.negativeSamplingRate': kept(
    'samples name the rate that they were kept by; until as many were learned, scores are a little off',
  ),
  'joining.partitions': impossible(
    `people are divided for the life of a cluster; leave it out, or ${copyInto}`,
  ),
  ...of('joining', ['memoryOpenMax', 'logMs', 'idleMs'], kept('limits of the join')),
};

const running: Table = {
  ...of('sync', ['sparseMsMax', 'denseMsMax', 'flushRowsMax'], kept('pace of what is published')),
  ...of(
    'snapshots',
    ['everyMs', 'logRecordsMax', 'keep', 'bytesPerSecondMax'],
    kept('the next snapshots follow it'),
  ),
  'snapshots.directory': impossible(
    `logs are trimmed behind the snapshots that are in the place before; keep it, or ${copyInto}`,
  ),
  ...of(
    'training',
    [
      ...['batchRowsMax', 'batchRowsLagging', 'stalenessMax', 'inFlightMax', 'ackWaitMs'],
      ...['deliveriesMax', 'explosionFactor'],
    ],
    kept('the next steps follow it'),
  ),
  ...of(
    'training',
    ['calibrationMax', 'driftMax', 'alarmAfterMs'],
    kept('the leader judges by it', 'hosts'),
  ),
  ...of(
    'serving',
    [
      ...['candidatesMax', 'kMax', 'deadlineMs', 'hedgeMs', 'exploration', 'recentItems'],
      ...['popularItems', 'p99BudgetMs', 'freshnessBudgetMs'],
    ],
    kept('the next answers follow it'),
  ),
  ...of(
    'serving.exclude',
    ['events', 'within'],
    free('looked at with each request; `starling settings set exclude` starts nobody again'),
  ),
  'supervision.processes': kept('actors are started together, or apart'),
  ...of(
    'supervision',
    [
      ...['heartbeatMs', 'suspectAfterMs', 'restartsMax', 'restartsWindowMs', 'strategy'],
      ...['groupRestartsMax', 'backoffMs.base', 'backoffMs.max', 'leaseMs', 'hostLeaseMs'],
      ...['calmMs', 'orphanMs', 'drainAfterMs', 'rejoinAfterMs', 'drainMs'],
    ],
    kept('supervisors follow it', 'hosts'),
  ),
  ...of(
    'nats',
    [
      ...['ports', 'ports.base', 'payloadBytesMax', 'storageBytesMax', 'freeBytesMin'],
      ...['syncAlways', 'tls', 'tls.ca', 'tls.cert', 'tls.key'],
    ],
    kept('servers start with it', 'servers'),
  ),
  ...of(
    'simulation',
    [
      ...['users', 'items', 'requestsPerSecond', 'factorDim', 'slateSize', 'driftPerSecond'],
      'seed',
    ],
    free('only the simulated audience looks at it, when it starts'),
  ),
};

const files: Table = {
  timezone: free('the next files are read so'),
  ...of(
    'files',
    [
      ...['events.id', 'events.timestamp', 'events.user', 'events.visitor', 'events.item'],
      ...['events.type', 'events.value', 'events.order', 'events.quantity', 'events.currency'],
      ...['events.requestId', 'events.label', 'events.rating', 'events.threshold'],
      'events.types.*',
      ...['items.item', 'items.timestamp', 'items.mode', 'items.absent', 'items.absentMax'],
      ...['users.user', 'users.timestamp'],
      ...['aliases.visitor', 'aliases.user', 'aliases.timestamp'],
    ],
    free('the next files are read so'),
  ),
};

const logs: Table = of(
  'logs',
  ['raw', 'samples', 'activity', 'deadLetters'],
  kept('what is older than it goes', 'hosts'),
);

const dataCenterText = `subjects, streams and servers have the names of data centers in them; ${copyInto}`;

/** By pattern. What stands here is all of the schema but the features: a test goes through it. */
export const rules: Table = {
  name: impossible(`subjects and streams begin with it; ${copyInto}`),
  ...of('dataCenters.*', ['name', 'role', 'servers'], impossible(dataCenterText)),
  ...of(
    'attributes',
    ['item.*', 'user.*'],
    kept('what is stored stays as it was told; filters and answers read it so from then on'),
  ),
  ...model,
  partitions: impossible(`keys are divided for the life of a cluster; ${copyInto}`),
  ...actors,
  ...events,
  ...joining,
  ...running,
  ...files,
  ...logs,
};

/** Names that come or go as a whole, by the map that they are in. */
export const entries: Readonly<
  Record<string, { readonly added: Rule; readonly removed: Rule } | undefined>
> = {
  events: {
    added: kept('events of the type are taken from then on'),
    removed: kept('events of the type are refused from then on'),
  },
  outcomes: {
    added: impossible(
      `slates that wait do not wait for it, and the network has no head for it; ${beginAnew} to predict it`,
    ),
    removed: impossible(
      `slates that wait do so for it too; leave it out of \`score\`, or ${beginAnew}`,
    ),
  },
  features: {
    added: ({ after }) =>
      isHistory(after)
        ? cold('its rows are those of what it is of, so it counts as soon as somebody has one')
        : cold('it has learned nothing yet; all others go on'),
    removed: ({ name, before }) => forgets(name, `${whatGoes(before)} dropped`),
  },
};

function isHistory(feature: unknown): boolean {
  return kindOf(feature) === 'history';
}

function whatGoes(feature: unknown): string {
  switch (kindOf(feature)) {
    case 'dense':
    case 'vector':
      return 'its weights are';
    case 'history':
      return 'its weights are, and not the rows that it shares,';
    case 'count':
    case 'rate':
    case 'mean':
      return 'its weights and what was kept of it are';
    default:
      return 'its rows are';
  }
}

function kindOf(feature: unknown): unknown {
  return (feature as { readonly kind?: unknown } | undefined)?.kind;
}
