import { StarlingError, messageOf } from '../core/base/errors.js';
import { parseJson } from '../core/base/json-text.js';
import type { Operation } from './operations.js';
import { parseOperation } from './operations.js';
import { asFields, asMessage, listOf, number, text, texts, wrong } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';

/**
 * The configurations that a cluster has had: the key `config` lists them, the newest last, and is changed by compare-and-set; what they
 * say is under `config.<hash>`, written before it is named. They stand in the bucket, which every host reads before it runs anything.
 */
export interface ConfigVersion {
  /** From 1. */
  readonly version: number;
  /** Of its content. */
  readonly hash: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** For people: how it came to be. */
  readonly note: string;
}

export const configKey = 'config';

export function configContentKey(hash: string): string {
  return `${configKey}.${hash}`;
}

export function encodeConfigVersions(versions: readonly ConfigVersion[]): Uint8Array {
  return encode({ v: protocolVersion, kind: 'config-versions', versions });
}

/** @throws StarlingError BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeConfigVersions(bytes: Uint8Array): ConfigVersion[] {
  const what = 'configurations';
  const fields = asMessage(decode(bytes), what);
  return listOf(fields, 'versions', what, (each, place) => {
    const inner = asFields(each, place);
    return {
      version: number(inner, 'version', place),
      hash: text(inner, 'hash', place),
      atMs: number(inner, 'atMs', place),
      note: text(inner, 'note', place),
    };
  });
}

/** Of a resolved configuration, as JSON: bytes of CBOR would have its numbers in other types than actors are told. */
export function encodeConfigContent(content: string): Uint8Array {
  return encode({ v: protocolVersion, kind: 'config', content });
}

/** @throws StarlingError BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeConfigContent(bytes: Uint8Array): unknown {
  const what = 'configuration';
  const content = text(asMessage(decode(bytes), what), 'content', what);
  try {
    return parseJson(content);
  } catch (cause) {
    throw new StarlingError('BAD_MESSAGE', `${what}: ${messageOf(cause)}`, {}, { cause });
  }
}

/** What people ask of the configuration, over `starling.operate.config`: a new one, or one that there was. */
export interface ConfigRequest extends Operation {
  /** As JSON, or the version to go back to. */
  readonly to: string | number;
  /** Names of what may be forgotten. */
  readonly allowed: readonly string[];
}

/** @throws StarlingError BAD_MESSAGE */
export function parseConfigRequest(value: unknown): ConfigRequest {
  const what = 'config';
  const fields = asMessage(value, what);
  const { to } = fields;
  if (typeof to !== 'string' && typeof to !== 'number')
    throw wrong(what, 'to', 'a configuration, or a version', to);
  return { ...parseOperation(value, what), to, allowed: texts(fields, 'allowed', what) };
}
