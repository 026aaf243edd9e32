import { Encoder } from 'cbor-x';
import { StarlingError, codeOf, errorCodes, isErrorCode, messageOf } from '../core/base/errors.js';
import { checkCborStructure, checkJsonStructure } from './structure.js';

/**
 * The wire format: CBOR maps, typed arrays as RFC 8746 tags (one memory copy each way, no loop over elements).
 * Public subjects also take JSON and answer in kind, so that the official `nats` command line works. The first byte
 * tells them apart: what begins like printable text would be a lone negative number, string or bytes in CBOR, which we
 * never send on top. So text that is no JSON is answered in JSON too, where its writer can read what is wrong.
 */
export type Encoding = 'cbor' | 'json';

export const protocolVersion = 2;

const cbor = new Encoder({ useRecords: false, mapsAsObjects: true, tagUint8Array: false });
const utf8 = new TextDecoder('utf-8', { fatal: true });
const utf8Encoder = new TextEncoder();

export function encode(value: unknown): Uint8Array {
  // cbor-x answers a view into its shared buffer; NATS may keep the bytes after the next encode, hence the copy.
  return Uint8Array.prototype.slice.call(cbor.encode(value));
}

export function encodingOf(bytes: Uint8Array): Encoding {
  let i = 0;
  while (
    i < bytes.length &&
    (bytes[i] === 0x20 || bytes[i] === 0x0a || bytes[i] === 0x0d || bytes[i] === 0x09)
  )
    i++;
  if (i === bytes.length) return 'json';
  return bytes[i]! > 0x20 && bytes[i]! < 0x7f ? 'json' : 'cbor';
}

/**
 * Nothing is trusted about the value's shape; time and memory are bounded by the bytes at hand (structure.ts).
 * @throws StarlingError BAD_MESSAGE when the bytes are neither, PAYLOAD_TOO_LARGE when they hold too many values.
 */
export function decode(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  const encoding = encodingOf(bytes);
  if (encoding === 'json') checkJsonStructure(bytes);
  else checkCborStructure(bytes);
  try {
    return encoding === 'json' ? JSON.parse(utf8.decode(bytes)) : cbor.decode(bytes);
  } catch (cause) {
    throw new StarlingError(
      'BAD_MESSAGE',
      `can't read ${bytes.length} bytes as ${encoding === 'json' ? 'JSON' : 'CBOR'}: ${messageOf(cause)}`,
      {},
      { cause },
    );
  }
}

export function encodeAs(encoding: Encoding, value: unknown): Uint8Array {
  return encoding === 'json'
    ? utf8Encoder.encode(JSON.stringify(value, plainNumbers))
    : encode(value);
}

/** Typed arrays become plain lists in JSON, where they would otherwise become objects with numbered keys. */
function plainNumbers(_key: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) && !(value instanceof DataView)
    ? Array.from(value as Float32Array)
    : value;
}

export interface ErrorReply {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details?: Record<string, unknown>;
  };
}

export function errorReply(error: unknown): ErrorReply {
  const code = codeOf(error);
  const details = (error as { details?: Record<string, unknown> } | undefined)?.details;
  return {
    error: {
      code,
      message: withRemedy(messageOf(error), errorCodes[code].remedy),
      ...(details && Object.keys(details).length > 0 ? { details } : {}),
    },
  };
}

/** Said once, however many hops the error has come. */
function withRemedy(message: string, remedy: string): string {
  if (message.includes(remedy)) return message;
  return `${/[.!?]$/.test(message) ? message : `${message}.`} ${remedy}`;
}

/** Throws what an error reply carries; anything else passes through. */
export function refuseErrorReply(value: unknown): unknown {
  const error = (value as Partial<ErrorReply> | null | undefined)?.error;
  if (error && typeof error === 'object' && typeof error.message === 'string') {
    throw new StarlingError(
      isErrorCode(error.code) ? error.code : 'INTERNAL',
      error.message,
      error.details ?? {},
    );
  }
  return value;
}
