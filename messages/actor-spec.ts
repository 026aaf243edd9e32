import type { ActorKind } from './actor-kinds.js';

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
}

/** The address of an actor; also the name of its log file. */
export function addressOf(dataCenter: string, kind: ActorKind, index: number): string {
  return `${dataCenter}.${kind}.${index}`;
}
