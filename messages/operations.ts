import { StarlingError } from '../core/base/errors.js';
import { asMessage, number, text, wrong, type Fields } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';
import { isActorKind, type ActorKind } from './actor-kinds.js';

/**
 * What people ask of a running cluster, over `starling.operate.<verb>`. The answer comes when it is done; until then
 * `starling.progress.<operation>` tells how far it is.
 */
export interface Operation {
  /** Chosen by the caller, one token. */
  readonly operation: string;
}

export interface ScaleRequest extends Operation {
  readonly kind: ActorKind;
  readonly count: number;
}

/** Out of service, or back into it. */
export interface DrainRequest extends Operation {
  readonly dataCenter: string;
}

/** Back to a moment, by its time or by a sequence of DELTAS; or to what a snapshot holds. */
export interface RestoreRequest extends Operation {
  readonly to:
    { readonly atMs: number } | { readonly sequence: number } | { readonly snapshot: string };
}

export interface Progress {
  readonly text: string;
  readonly done: number;
  readonly total: number;
}

export function operationMessage<T extends Operation>(request: T) {
  return { v: protocolVersion, ...request };
}

export function parseOperation(value: unknown, what = 'operation'): Operation {
  const operation = text(asMessage(value, what), 'operation', what);
  if (/^[A-Za-z0-9_-]{1,64}$/.test(operation)) return { operation };
  throw wrong(what, 'operation', 'letters, digits, _ or -', operation);
}

export function parseScale(value: unknown): ScaleRequest {
  const what = 'scale';
  const fields = asMessage(value, what);
  const kind = text(fields, 'kind', what);
  const count = number(fields, 'count', what);
  if (!isActorKind(kind)) {
    const message = `there is no kind of actor "${kind}".`;
    throw new StarlingError('BAD_REQUEST', message, { field: 'kind' });
  }
  if (!Number.isSafeInteger(count) || count < 1)
    throw new StarlingError('BAD_REQUEST', `a count of at least 1 is expected; got ${count}.`, {
      field: 'count',
    });
  return { ...parseOperation(value, what), kind, count };
}

/** Of `drain` and `undrain`; whether there is such a data center the supervisor knows. */
export function parseDrain(value: unknown): DrainRequest {
  const what = 'drain';
  const dataCenter = text(asMessage(value, what), 'dataCenter', what);
  if (/^[a-z][a-z0-9-]{0,63}$/.test(dataCenter))
    return { ...parseOperation(value, what), dataCenter };
  throw new StarlingError('BAD_REQUEST', `"${dataCenter}" is not the name of a data center.`, {
    field: 'dataCenter',
  });
}

export function parseRestore(value: unknown): RestoreRequest {
  const what = 'restore';
  const to = asMessage(value, what).to as Fields | undefined;
  if (typeof to !== 'object' || to === null) throw wrong(what, 'to', 'a moment', to);
  const operation = parseOperation(value, what);
  if (typeof to.snapshot === 'string') return { ...operation, to: { snapshot: to.snapshot } };
  if (to.atMs !== undefined) return { ...operation, to: { atMs: number(to, 'atMs', what) } };
  return { ...operation, to: { sequence: number(to, 'sequence', what) } };
}

/** What came of an operation, and of which kind that is: its own. */
export function operationReply<Result extends object>(result: Result) {
  return { v: protocolVersion, ...result };
}

export function progressMessage(progress: Progress) {
  return { v: protocolVersion, ...progress };
}

export function parseProgress(value: unknown): Progress {
  const what = 'progress';
  const fields = asMessage(value, what);
  return {
    text: text(fields, 'text', what),
    done: number(fields, 'done', what),
    total: number(fields, 'total', what),
  };
}

/**
 * How many actors of a kind there are to be, where somebody has changed it: the key `scale.<kind>`. It holds while the configuration
 * still says what it said then.
 */
export interface ScaledCount {
  readonly configured: number;
  readonly count: number;
}

export function scaleKey(kind: ActorKind): string {
  return `scale.${kind}`;
}

export function encodeScaledCount(scaled: ScaledCount): Uint8Array {
  return encode({ v: protocolVersion, ...scaled });
}

/** @throws StarlingError BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeScaledCount(bytes: Uint8Array): ScaledCount {
  const what = 'scaled count';
  const fields = asMessage(decode(bytes), what);
  return {
    configured: natural(fields, 'configured', what),
    count: natural(fields, 'count', what),
  };
}

function natural(fields: Fields, name: string, what: string): number {
  const value = number(fields, name, what);
  if (!Number.isSafeInteger(value) || value < 0) throw wrong(what, name, 'a natural number', value);
  return value;
}
