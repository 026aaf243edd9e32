import { mainModel } from '../core/base/model-identity.js';
import { actorKinds, hearStats, isActorKind, type ActorKind, type HeardOf } from './actor-kinds.js';
import { asFields, number, text, wrong, type Fields } from './checks.js';

/** Life-cycle state of a child as its supervisor sees it. */
export const childStates = [
  'starting',
  'restoring',
  'ready',
  'suspect',
  'restarting',
  'failed',
  'stopping',
  'stopped',
] as const;

export type ChildState = (typeof childStates)[number];

/** What is known of any actor, whatever its kind. */
export interface ActorRow {
  readonly address: string;
  readonly kind: ActorKind;
  readonly dataCenter: string;
  readonly host: string;
  /** Null while no process runs. */
  readonly pid: number | null;
  readonly state: ChildState;
  /** 0 until the first process was started. */
  readonly epoch: number;
  /** Starts after the first one, in the life of this supervisor. */
  readonly restarts: number;
  readonly partitions?: readonly number[];
  /** That it is of; left out: `main`, or it serves every model. */
  readonly model?: string;
  /** When `state` was entered, milliseconds since 1970. */
  readonly sinceMs: number;
  /** Why the last process ended, while the actor has not been ready since. */
  readonly reason?: string;
}

/** One row of `starling status`: the kind says which figures there may be. */
export type ActorStatus<K extends ActorKind = ActorKind> = Extract<AnyStatus, { readonly kind: K }>;

type AnyStatus = {
  [K in ActorKind]: ActorRow & {
    readonly kind: K;
    /** What the last heartbeat brought; empty before the first. A figure that is absent was not heard. */
    readonly stats: HeardOf<K>;
  };
}[ActorKind];

/** @param stats as `hearStats` of the kind of the row has made them. */
export function actorStatus(row: ActorRow, stats: HeardOf<ActorKind>): ActorStatus {
  // That the figures are those of the kind is known to the caller, and can't be said of two variables.
  return { ...row, stats } as ActorStatus;
}

/** Those of a kind; where each model has its own, those of one. */
export function actorsOf<K extends ActorKind>(
  actors: readonly ActorStatus[],
  kind: K,
  model = mainModel,
): ActorStatus<K>[] {
  return actors.filter(
    (actor): actor is ActorStatus<K> => actor.kind === kind && (actor.model ?? mainModel) === model,
  );
}

/**
 * Checks a row whole, and its figures one by one: a release may add and drop figures, but no columns.
 * @throws StarlingError BAD_MESSAGE
 */
export function parseActorStatus(value: unknown, what: string): ActorStatus {
  const fields = asFields(value, what);
  const { kind, pid, partitions, model, reason, stats } = fields;
  if (!isActorKind(kind)) throw wrong(what, 'kind', `one of ${actorKinds.join(', ')}`, kind);
  const state = childStates.find((known) => known === fields['state']);
  if (!state) throw wrong(what, 'state', `one of ${childStates.join(', ')}`, fields['state']);
  const row: ActorRow = {
    address: text(fields, 'address', what),
    kind,
    dataCenter: text(fields, 'dataCenter', what),
    host: text(fields, 'host', what),
    pid: pid === null ? null : number(fields, 'pid', what),
    state,
    epoch: number(fields, 'epoch', what),
    restarts: number(fields, 'restarts', what),
    ...(partitions === undefined ? {} : { partitions: partitionsIn(fields, what) }),
    ...(model === undefined ? {} : { model: text(fields, 'model', what) }),
    sinceMs: number(fields, 'sinceMs', what),
    ...(reason === undefined ? {} : { reason: text(fields, 'reason', what) }),
  };
  return actorStatus(row, hearStats(kind, stats));
}

function partitionsIn(fields: Fields, what: string): number[] {
  const { partitions } = fields;
  const isList = Array.isArray(partitions) && partitions.every((each) => Number.isInteger(each));
  if (!isList) throw wrong(what, 'partitions', 'a list of numbers', partitions);
  return partitions as number[];
}
