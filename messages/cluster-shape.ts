import { asFields, number, text } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';
import { requireStateVersion } from './state-version.js';

/** What the state of a cluster can't change without becoming another's: the key `shape`, written once. */
export interface ClusterShape {
  /** Hashes of the feature specification and of the blueprint. */
  readonly features: string;
  readonly model: string;
  readonly partitions: number;
  readonly joiners: number;
}

export const shapeKey = 'shape';

export function encodeShape(shape: ClusterShape): Uint8Array {
  return encode({ v: protocolVersion, ...shape });
}

/**
 * It is read before anything else of the state, so it is here that the state of another release shows on somebody else's
 * servers, where no folder says so.
 *
 * @throws StarlingError STATE_INVALID, BAD_MESSAGE
 */
export function decodeShape(bytes: Uint8Array): ClusterShape {
  const what = 'the shape of the cluster';
  const fields = asFields(decode(bytes), what);
  requireStateVersion(fields['v'], 'the state on these NATS servers');
  return {
    features: text(fields, 'features', what),
    model: text(fields, 'model', what),
    partitions: number(fields, 'partitions', what),
    joiners: number(fields, 'joiners', what),
  };
}
