import { StarlingError, messageOf } from '../../core/base/errors.js';

/**
 * What the NATS client throws, as errors of this project. Read by shape, so that nats.ts stays the one module that
 * imports the client.
 */
interface ApiError {
  readonly code?: number;
  readonly err_code?: number;
}

function natsCode(error: unknown): string {
  return (error as { code?: string } | null)?.code ?? '';
}

function apiError(error: unknown): ApiError | undefined {
  return (error as { api_error?: ApiError } | null)?.api_error;
}

function isNotFound(error: unknown): boolean {
  return natsCode(error) === '404' || apiError(error)?.code === 404;
}

export async function orUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** 10059: there is no stream of this name, wherever its server may be. */
export function isStreamMissing(error: unknown): boolean {
  return apiError(error)?.err_code === 10059;
}

/** 10058: the stream is there already, with another configuration. */
export function isNameInUse(error: unknown): boolean {
  return apiError(error)?.err_code === 10058;
}

/** 10148: the consumer is there already, with another configuration. */
export function isConsumerInUse(error: unknown): boolean {
  return apiError(error)?.err_code === 10148;
}

/** The message, or the key of a bucket, was written on top of something other than what is there. */
const wrongLastSequence = 10071;

const codes: Readonly<
  Record<string, 'NO_RESPONDERS' | 'TIMEOUT' | 'PAYLOAD_TOO_LARGE' | 'UNAVAILABLE'>
> = {
  '503': 'NO_RESPONDERS',
  TIMEOUT: 'TIMEOUT',
  MAX_PAYLOAD_EXCEEDED: 'PAYLOAD_TOO_LARGE',
  CONNECTION_CLOSED: 'UNAVAILABLE',
  CONNECTION_DRAINING: 'UNAVAILABLE',
  DISCONNECT: 'UNAVAILABLE',
};

/**
 * Message too long for the stream, which no stream here is limited to but one that takes nothing for lack of disk
 * (site/cluster-streams.ts).
 */
const closedCode = 10054;
/** Limits of an account; insufficient resources of a server, or of all for three copies; maximum bytes of a stream. */
const fullCodes = new Set<number | undefined>([10002, 10023, 10047, 10077]);
/** Server-side store failures often carry no code of their own, only words. */
const diskWords = /no space/i;
const storageWords = /insufficient|storage|maximum bytes|resources exceeded/i;

/** What a server says to a user who may not, as the client hands it on; by a request's error and by its status. */
interface Denial {
  readonly operation: string;
  readonly subject: string;
}

/** The denial in an error or a status of the client; undefined if it is something else. */
export function denialOf(error: unknown): Denial | undefined {
  return (error as { permissionContext?: Denial } | null)?.permissionContext;
}

/** @param user whom the connection has signed in as: in a cluster of ours, the role. */
export function forbidden({ operation, subject }: Denial, user: string, cause?: unknown) {
  const verb = operation === 'publish' ? 'publish' : 'subscribe';
  const who = user === '' ? 'a user without a name' : `user "${user}"`;
  const text = `${who} may not ${verb} to ${subject}.`;
  return new StarlingError('FORBIDDEN', text, { user, operation: verb, subject }, { cause });
}

/**
 * A stream or consumer whose own server is gone, as the others say: no responders; no leader in the cluster; consumer
 * or stream offline; consumer leader not elected yet.
 */
const absentCodes = new Set<number | undefined>([10008, 10009, 10118, 10119]);

export function isOutOfReach(error: unknown): boolean {
  return natsCode(error) === '503' || absentCodes.has(apiError(error)?.err_code);
}

/** Wrong user or password: no attempt after this one is let in. */
export function isRefusedSignIn(error: unknown): boolean {
  return natsCode(error) === 'AUTHORIZATION_VIOLATION';
}

export function translate(error: unknown, what: string, user = ''): StarlingError {
  if (error instanceof StarlingError) return error;
  const denial = denialOf(error) ?? denialOf((error as { cause?: unknown } | null)?.cause);
  if (denial) return forbidden(denial, user, error);
  const text = messageOf(error);
  if (apiError(error)?.err_code === wrongLastSequence) {
    return new StarlingError('CONFLICT', `${what}: ${text}.`, {}, { cause: error });
  }
  const met = limitMet(apiError(error)?.err_code, text);
  if (met !== undefined) {
    const { short, words } = met;
    return new StarlingError('STORAGE_FULL', `${what}: ${words}.`, { short }, { cause: error });
  }
  const code = natsCode(error);
  return new StarlingError(
    codes[code] ?? 'UNAVAILABLE',
    `${what}: ${text} (${code || 'no code'}).`,
    {},
    { cause: error },
  );
}

/** What is short where something is not stored, and in words which limit that is; undefined: nothing is. */
function limitMet(
  code: number | undefined,
  text: string,
): { readonly short: 'disk' | 'limit'; readonly words: string } | undefined {
  if (code === closedCode) {
    const words = 'events are refused while less than nats.freeBytesMin of disk is free';
    return { short: 'disk', words };
  }
  if (diskWords.test(text))
    return { short: 'disk', words: `the disk of the NATS server is full: ${text}` };
  if (!fullCodes.has(code) && !storageWords.test(text)) return undefined;
  const words = `the storage of the NATS server is used up, whatever its disk has left (nats.storageBytesMax; max_file_store of a server of your own): ${text}`;
  return { short: 'limit', words };
}
