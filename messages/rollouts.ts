import { asFields, asMessage, number, texts } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';

/**
 * Which version of the configuration the actors of each data center run, and where they are stopped for a change of it: the key `rollout`,
 * written by the leader, followed by all hosts.
 */
export interface Rollout {
  /** Of the leader that wrote it; 0 at the first start. */
  readonly term: number;
  readonly versions: Readonly<Record<string, number>>;
  readonly stopped: readonly string[];
  /** Taken out of service for it, and to be taken back. */
  readonly drained: readonly string[];
}

export const rolloutKey = 'rollout';

export function encodeRollout(rollout: Rollout): Uint8Array {
  return encode({ v: protocolVersion, kind: 'rollout', ...rollout });
}

/** @throws StarlingError BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeRollout(bytes: Uint8Array): Rollout {
  const what = 'rollout';
  const fields = asMessage(decode(bytes), what);
  const versions = asFields(fields['versions'], `${what}.versions`);
  for (const name of Object.keys(versions)) number(versions, name, `${what}.versions`);
  return {
    term: number(fields, 'term', what),
    versions: versions as Record<string, number>,
    stopped: texts(fields, 'stopped', what),
    drained: texts(fields, 'drained', what),
  };
}
