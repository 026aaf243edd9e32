import { trains } from '../../core/config/data-centers.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { ActorKind } from '../../messages/actor-kinds.js';
import type { ActorSpec } from '../../messages/actor-spec.js';

/**
 * Where a data center learns, the others begin with the second process. The processor is of these: who joins and keeps what people did
 * computes about as much for each event as checking and learning together, and with it in one process would be behind both.
 */
const learning: ReadonlySet<ActorKind> = new Set([
  'ps-shard',
  'dense-shard',
  'trainer',
  'processor',
]);

/**
 * The process that an actor shares with others of its data center on its host: those of one kind go around, so that the
 * end of a process leaves others of the kind where there are any, and each process of an inference data center can answer
 * by itself as far as the counts allow. Models beside `main` have processes of their own. A function of the address alone: who comes or goes moves nobody else.
 *
 * @returns its name, also that of its log; the address where each actor has a process of its own.
 */
export function processOf(
  { dataCenters, supervision }: Pick<ClusterConfig, 'dataCenters' | 'supervision'>,
  { address, kind, dataCenter, index, model }: ActorSpec,
): string {
  const { processes } = supervision;
  if (processes === 'each') return address;
  const learns = dataCenters.some((each) => each.name === dataCenter && trains(each));
  const first = learns && !learning.has(kind) ? 1 : 0;
  const place = (first + index) % processes;
  // What becomes of a model is nothing to the others.
  if (model) return `${dataCenter}.process.${model.identity.name}.${place}`;
  return `${dataCenter}.process.${place}`;
}
