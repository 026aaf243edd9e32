/**
 * Every failure a caller can meet has a code. The table is the single list: the documentation page, the HTTP
 * status and whether a retry can help are all read from here. Callers branch on `code`, never on message text.
 */
export const errorCodes = {
  BAD_REQUEST: { retryable: false, http: 400, remedy: 'Correct the named field and send again.' },
  BAD_EVENT: {
    retryable: false,
    http: 400,
    remedy: 'Correct the named field of the event; the original is in the dead-letter stream.',
  },
  BAD_MESSAGE: {
    retryable: false,
    http: 400,
    remedy: 'Send CBOR or JSON of the documented shape.',
  },
  UNSUPPORTED_VERSION: {
    retryable: false,
    http: 400,
    remedy: 'Use a client of the same release as the cluster.',
  },
  PAYLOAD_TOO_LARGE: {
    retryable: false,
    http: 413,
    remedy: 'Split the message into smaller ones.',
  },
  UNKNOWN_FEATURE: {
    retryable: false,
    http: 400,
    remedy: 'Declare the feature in the configuration, or leave it out.',
  },
  SPEC_MISMATCH: {
    retryable: false,
    http: 409,
    remedy: 'Both sides must run with the same feature specification.',
  },
  CONFIG_INVALID: {
    retryable: false,
    http: 500,
    remedy: 'Correct the named field, or place, of the configuration.',
  },
  CHANGE_REFUSED: {
    retryable: false,
    http: 409,
    remedy:
      'See `starling config plan FILE`; allow by name what may be forgotten, or keep the configuration as it is.',
  },
  STATE_INVALID: {
    retryable: false,
    http: 500,
    remedy: 'Use another --state folder, or delete this one.',
  },
  FENCED: { retryable: true, http: 409, remedy: 'Refresh the partition ownership and resend.' },
  NOT_OWNER: { retryable: true, http: 409, remedy: 'Refresh the partition ownership and resend.' },
  CONFLICT: {
    retryable: true,
    http: 409,
    remedy: 'Somebody else changed it meanwhile: read it again, then decide again.',
  },
  NOT_READY: {
    retryable: true,
    http: 503,
    remedy: 'Wait until the actor is ready and send again.',
  },
  OVERLOADED: {
    retryable: true,
    http: 503,
    remedy: 'Send again after a pause (details.retryAfterMs), or slow down.',
  },
  TIMEOUT: { retryable: true, http: 504, remedy: 'Send again; the request is idempotent.' },
  NO_RESPONDERS: {
    retryable: true,
    http: 503,
    remedy: 'No replica is up; wait for the supervisor to restart one.',
  },
  UNAVAILABLE: {
    retryable: true,
    http: 503,
    remedy: 'The connection to NATS is down; wait until it is back.',
  },
  FORBIDDEN: {
    retryable: false,
    http: 403,
    remedy: 'Sign in with a role that may do it; docs/security.md lists what each role may do.',
  },
  PORT_IN_USE: {
    retryable: false,
    http: 500,
    remedy: 'Stop what listens there, or choose other ports: nats.ports of the configuration.',
  },
  NATS_SERVER_MISSING: {
    retryable: false,
    http: 500,
    remedy:
      'Set NATS_SERVER to a nats-server binary, or start again where one can be fetched; in a checkout: `npm run setup`.',
  },
  NATS_SERVER_TOO_OLD: {
    retryable: false,
    http: 500,
    remedy:
      'Set NATS_SERVER to a newer nats-server, or to nothing, so that one is fetched; in a checkout: `npm run setup`.',
  },
  TENSORFLOW_MISSING: {
    retryable: false,
    http: 500,
    remedy:
      'Run `starling setup-tensorflow`, or set TENSORFLOW_LIB to a libtensorflow_cc.so.2; without it nothing is lost but speed: leave `model.backend` at `auto`.',
  },
  TENSORFLOW_FAILED: {
    retryable: false,
    http: 500,
    remedy:
      'Run `starling setup-tensorflow` again, or set TENSORFLOW_LIB to another library; `model.backend: wasm` does without.',
  },
  NATS_SERVER_FAILED: {
    retryable: true,
    http: 500,
    remedy: 'Read the server log named in the message.',
  },
  STORAGE_FULL: {
    retryable: true,
    http: 507,
    remedy:
      'Make room where the message says: on the disk under the state folder, or in the storage that the NATS servers may use; work goes on by itself.',
  },
  STATE_LOCKED: {
    retryable: false,
    http: 409,
    remedy: 'Stop the other cluster, or choose another --state folder.',
  },
  AUDIENCE_MIXED: {
    retryable: false,
    http: 409,
    remedy:
      'Use another --state folder, or another name of the cluster, for one of the two; a cluster in which the audience has lived goes on with --audience.',
  },
  NOT_RUNNING: {
    retryable: false,
    http: 503,
    remedy:
      'Start a cluster with `starling up` (in a checkout `npm run cluster`), or name one with --state, or --nats and --name.',
  },
  ITEMS_ABSENT: {
    retryable: false,
    http: 409,
    remedy:
      'Look whether the file is whole; if so many items are to go, say so with a larger share (--absent-max 0.5).',
  },
  FILE_INVALID: { retryable: false, http: 400, remedy: 'Correct the named line of the file.' },
  TRAINING_FAILED: {
    retryable: false,
    http: 500,
    remedy:
      'See what `starling import --dry-run` says of the files, or lower the learning rates of `model`; the same command goes on from the last checkpoint.',
  },
  NOT_FINITE: {
    retryable: false,
    http: 422,
    remedy:
      'Look at the samples with `starling dead-letters --reason NOT_FINITE`: a value or a number of theirs is beyond all others. All else is learned.',
  },
  GRADIENT_EXPLODED: {
    retryable: false,
    http: 422,
    remedy:
      'Look at the samples with `starling dead-letters --reason GRADIENT_EXPLODED`; where they are right, raise `training.explosionFactor`, and tell them again with --retry.',
  },
  MODEL_NOT_FINITE: {
    retryable: true,
    http: 500,
    remedy:
      'Go back to a moment before (`starling restore --at`); samples wait meanwhile, and none is lost.',
  },
  STALE_GRADIENT: {
    retryable: true,
    http: 409,
    remedy: 'Read the network again, and compute the step anew.',
  },
  CORRUPT: { retryable: false, http: 500, remedy: 'Restore from an older snapshot.' },
  SNAPSHOT_CORRUPT: {
    retryable: false,
    http: 500,
    remedy: 'Fetch the named chunk again from another copy, or restore from an older snapshot.',
  },
  SNAPSHOT_VERSION: {
    retryable: false,
    http: 409,
    remedy: 'Read it with the release that wrote it, or with a newer one.',
  },
  SNAPSHOT_MISMATCH: {
    retryable: false,
    http: 409,
    remedy: 'Load it with the slots it was made with, or choose a load policy.',
  },
  LATE_ACTION: {
    retryable: false,
    http: 409,
    remedy: 'Send actions within the join window, or lengthen it.',
  },
  ORPHAN_ACTION: {
    retryable: false,
    http: 404,
    remedy: 'Send the impression before the window ends, with the same request id and item.',
  },
  INTERNAL: { retryable: true, http: 500, remedy: 'A defect: please report it with the message.' },
} as const satisfies Record<string, { retryable: boolean; http: number; remedy: string }>;

export type ErrorCode = keyof typeof errorCodes;

export class StarlingError extends Error {
  override readonly name = 'StarlingError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  get retryable(): boolean {
    return errorCodes[this.code].retryable;
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorCodes, value);
}

/** The code of anything thrown; branch on this rather than on `instanceof`, which two realms break. */
export function codeOf(error: unknown): ErrorCode {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return isErrorCode(code) ? code : 'INTERNAL';
}

export function messageOf(error: unknown): string {
  return error instanceof Error
    ? error.message
    : String((error as { message?: unknown })?.message ?? error);
}
