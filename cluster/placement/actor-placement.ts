import { StarlingError } from '../../core/base/errors.js';
import { answersRequests, trains, type DataCenterRole } from '../../core/config/data-centers.js';
import { actorKinds, isActorKind, kindTable, type ActorKind } from '../../messages/actor-kinds.js';
import { addressOf, type ActorSpec } from '../../messages/actor-spec.js';
import { firstIndexOf } from '../../core/base/model-identity.js';
import { identityOf, type ModelRecord } from '../../messages/models.js';
import type { PlacementRecord } from '../../messages/hosts.js';

/**
 * Which actors a configuration asks for, and where: a pure function, so that every host that knows the configuration
 * computes the same answer.
 */
export interface PlacementInput {
  readonly dataCenters: readonly DataCenterSpec[];
  /** Actors per kind: in all for kinds of the training data center, in each inference data center for the others. */
  readonly actors: Readonly<Partial<Record<ActorKind, number>>>;
  /** Number of partitions of the key space. */
  readonly partitions: number;
}

export interface DataCenterSpec {
  readonly name: string;
  readonly role: DataCenterRole;
}

/** Partitions of shard `index` of `count`, ascending: those that are `index` modulo `count`. */
export function partitionsOfShard(
  index: number,
  { count, partitions }: { readonly count: number; readonly partitions: number },
): number[] {
  const owned: number[] = [];
  for (let partition = index; partition < partitions; partition += count) owned.push(partition);
  return owned;
}

/**
 * Every actor that `input` asks for, in start order.
 *
 * @throws CONFIG_INVALID if an address would not be a valid subject, a count is not a natural number, there is not
 *   exactly one training data center, or a kind has more shards than there are partitions.
 */
export function placeActors(input: PlacementInput): ActorSpec[] {
  checkPlacement(input);
  const specs: ActorSpec[] = [];
  for (const dataCenter of input.dataCenters) {
    for (const kind of actorKinds) {
      const { scope } = kindTable[kind];
      if (!isIn(scope, dataCenter)) continue;
      const count = input.actors[kind] ?? 0;
      for (let index = 0; index < count; index++) {
        specs.push(specOf(dataCenter.name, kind, index, { count, partitions: input.partitions }));
      }
    }
  }
  return specs.sort((a, b) => a.tier - b.tier);
}

/** All actors that a placement asks for, whether a host has them or not. */
export function specsOf(
  { dataCenters, partitions }: Omit<PlacementInput, 'actors'>,
  { counts, models = [] }: Pick<PlacementRecord, 'counts' | 'models'>,
): ActorSpec[] {
  const specs = [
    ...placeActors({ dataCenters, actors: counts, partitions }),
    ...models.flatMap((model) => modelActors({ dataCenters, partitions }, model)),
  ];
  return specs.sort((a, b) => a.tier - b.tier);
}

/** Those of a model beside `main`. While it is filled nobody teaches it, and so nobody asks it. */
function modelActors(
  { dataCenters, partitions }: Omit<PlacementInput, 'actors'>,
  record: ModelRecord,
): ActorSpec[] {
  const { counts, set, state } = record;
  if (state === 'stopping') return [];
  const actors = state === 'filling' ? { ...counts, trainer: 0, ranker: 0 } : counts;
  const identity = identityOf(record);
  const first = firstIndexOf(identity);
  return placeActors({ dataCenters, actors, partitions }).map((spec) => {
    const index = first + spec.index;
    const address = addressOf(spec.dataCenter, spec.kind, index);
    return { ...spec, address, index, model: { identity, set } };
  });
}

function isIn(scope: 'training' | 'inference' | 'each', dataCenter: DataCenterSpec): boolean {
  if (scope === 'each') return true;
  return scope === 'training' ? trains(dataCenter) : answersRequests(dataCenter);
}

function specOf(
  dataCenter: string,
  kind: ActorKind,
  index: number,
  shards: { readonly count: number; readonly partitions: number },
): ActorSpec {
  const { tier, partitions } = kindTable[kind];
  const address = addressOf(dataCenter, kind, index);
  const spec: ActorSpec = { address, kind, dataCenter, index, tier };
  return partitions === 'by index'
    ? { ...spec, partitions: partitionsOfShard(index, shards) }
    : spec;
}

function checkPlacement({ dataCenters, actors, partitions }: PlacementInput): void {
  const names = new Set<string>();
  for (const { name } of dataCenters) {
    check(/^[A-Za-z0-9_-]+$/.test(name), 'dataCenters', `"${name}" is not letters, digits, _ or -`);
    check(!names.has(name), 'dataCenters', `"${name}" is named twice`);
    names.add(name);
  }
  const training = dataCenters.filter(trains).length;
  check(
    training === 1,
    'dataCenters',
    `${training} have the role training or all; exactly one must`,
  );
  for (const [kind, count] of Object.entries(actors)) {
    const isKnown = isActorKind(kind);
    check(isKnown, `actors.${kind}`, 'there is no such kind of actor');
    check(Number.isSafeInteger(count) && count >= 0, `actors.${kind}`, `${count} is not a count`);
    const sharing = isKnown && kindTable[kind].partitions !== 'none';
    const tooMany = sharing && count > partitions;
    check(!tooMany, `actors.${kind}`, `${count} shards can't share ${partitions} partitions`);
  }
}

function check(condition: boolean, field: string, problem: string): void {
  if (!condition) throw new StarlingError('CONFIG_INVALID', `${field}: ${problem}`, { field });
}
