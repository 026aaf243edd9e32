import { commonFigures } from './stats/common-figures.js';
import { denseShardFigures } from './stats/dense-shard.js';
import { featureStoreFigures } from './stats/feature-store.js';
import { hear, type Figures, type Heard, type Said } from './stats/figures.js';
import { joinerFigures } from './stats/joiner.js';
import { processorFigures } from './stats/processor.js';
import { psShardFigures } from './stats/ps-shard.js';
import { rankerFigures } from './stats/ranker.js';
import { recommenderFigures } from './stats/recommender.js';
import { servingShardFigures } from './stats/serving-shard.js';
import { trainerFigures } from './stats/trainer.js';

/**
 * The kinds of actors there are, one row each. The word of a kind is also its folder in actors/, its subject token, its
 * key in `actors` of the configuration and its name in `starling status`. Placement, scaling, the check of heartbeats,
 * status and live view follow from the row; a new kind is a row here and a folder there. Who may do what is a table of
 * its own on purpose (roles.ts): rights that followed from a row would be nobody's second thought.
 */
interface KindRow {
  /** `training`: all of them in the training data center. `inference`: so many in each inference data center. `each`: in each. */
  readonly scope: 'training' | 'inference' | 'each';
  /**
   * Actors rest on those of lower tiers: 0 holds state, 1 feeds it, 2 answers requests. They start in this order, stop
   * in the reverse one, and with `rest-for-one` a crash takes those with it that were started later: the actors of one
   * data center on one host are a restart group, whatever their kind.
   */
  readonly tier: 0 | 1 | 2;
  /** Whether there must be a partition for each, and whether the index or the directory says which. */
  readonly partitions: 'none' | 'by index' | 'by directory';
  /** Whether `starling scale` may change how many there are; else they are tied to what is on disk or in streams. */
  readonly scalable: boolean;
  /** Whether its state is in this process alone: while it restarts, others wait for it. */
  readonly sole: boolean;
  /** What it says of itself. */
  readonly figures: Figures;
}

export const kindTable = {
  processor: {
    scope: 'training',
    tier: 1,
    partitions: 'none',
    scalable: true,
    sole: false,
    figures: processorFigures,
  },
  joiner: {
    scope: 'training',
    tier: 0,
    partitions: 'none',
    scalable: true,
    sole: true,
    figures: joinerFigures,
  },
  'feature-store': {
    scope: 'each',
    tier: 0,
    partitions: 'none',
    scalable: true,
    sole: false,
    figures: featureStoreFigures,
  },
  'ps-shard': {
    scope: 'training',
    tier: 0,
    partitions: 'by directory',
    scalable: true,
    sole: true,
    figures: psShardFigures,
  },
  'dense-shard': {
    scope: 'training',
    tier: 0,
    partitions: 'none',
    scalable: false,
    sole: true,
    figures: denseShardFigures,
  },
  trainer: {
    scope: 'training',
    tier: 1,
    partitions: 'none',
    scalable: true,
    sole: false,
    figures: trainerFigures,
  },
  'serving-shard': {
    scope: 'inference',
    tier: 1,
    partitions: 'by index',
    scalable: false,
    sole: false,
    figures: servingShardFigures,
  },
  ranker: {
    scope: 'inference',
    tier: 2,
    partitions: 'none',
    scalable: true,
    sole: false,
    figures: rankerFigures,
  },
  recommender: {
    scope: 'inference',
    tier: 2,
    partitions: 'none',
    scalable: true,
    sole: false,
    figures: recommenderFigures,
  },
} as const satisfies Readonly<Record<string, KindRow>>;

export type ActorKind = keyof typeof kindTable;

type Table = typeof kindTable;

/** All that an actor of the kind says of itself. */
export type StatsOf<K extends ActorKind> = { [Kind in K]: Said<Table[Kind]['figures']> }[K];

/** What was heard of one, with what the process of any actor says; an absent figure was not heard. */
export type HeardOf<K extends ActorKind> = {
  [Kind in K]: Heard<Table[Kind]['figures']> & Heard<typeof commonFigures>;
}[K];

/** In the order of the data: who makes it stands before who uses it. */
export const actorKinds = Object.keys(kindTable) as readonly ActorKind[];

/** Those whose number may change while a cluster lives. */
export const scalableKinds = actorKinds.filter((kind) => kindTable[kind].scalable);

export function isActorKind(value: unknown): value is ActorKind {
  return typeof value === 'string' && Object.hasOwn(kindTable, value);
}

const heardFigures = new Map<ActorKind, Figures>(
  actorKinds.map((kind) => [kind, { ...kindTable[kind].figures, ...commonFigures }]),
);

/** What a heartbeat of an actor brought, figure by figure; none of what the kind does not say. */
export function hearStats<K extends ActorKind>(kind: K, said: unknown): HeardOf<K> {
  return hear(heardFigures.get(kind)!, said) as HeardOf<K>;
}
