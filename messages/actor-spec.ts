import type { ModelIdentity } from '../core/base/model-identity.js';
import type { ModelOverrides } from '../core/config/model-config.js';
import type { ActorKind } from './actor-kinds.js';

/** The model that an actor is of. */
export interface PlacedModel {
  readonly identity: ModelIdentity;
  /** What it has in place of the configuration of the cluster. */
  readonly set: ModelOverrides;
}

export interface ActorSpec {
  /** `<data center>.<kind>.<index>`. */
  readonly address: string;
  readonly kind: ActorKind;
  readonly dataCenter: string;
  readonly index: number;
  /** Place in the start order; actors stop in the reverse order. */
  readonly tier: number;
  /** Partitions, ascending, of shards whose index says which. */
  readonly partitions?: readonly number[];
  /** Left out: it is of `main`, or serves every model. */
  readonly model?: PlacedModel;
}

/** The address of an actor; also the name of its log file. */
export function addressOf(dataCenter: string, kind: ActorKind, index: number): string {
  return `${dataCenter}.${kind}.${index}`;
}
