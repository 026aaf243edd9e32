import { codeOf, messageOf } from '../core/base/errors.js';
import {
  addressOfLease,
  decodeLease,
  encodeLease,
  leaseKey,
  leaseKeys,
} from '../messages/ownership.js';
import type { LeaseRecord } from '../messages/ownership.js';
import type { ActorContext } from '../runtime/actor.js';
import { Lease } from '../runtime/lease.js';
import { FencedRecords, type RecordKind } from './fenced-record.js';

const leaseRecords = (leaseMs: number): RecordKind<string, LeaseRecord> => ({
  pattern: leaseKeys,
  keyOf: leaseKey,
  idOf: addressOfLease,
  encode: encodeLease,
  decode: decodeLease,
  termOf: ({ epoch }) => epoch,
  overText: (address, epoch, newest) =>
    `${address} has a later life, of epoch ${newest}; this one is of epoch ${epoch}.`,
  answerMsMax: leaseMs,
});

export type LeaseContext = Pick<ActorContext, 'identity' | 'log' | 'crash'> & {
  readonly bus: Pick<ActorContext['bus'], 'names' | 'clock' | 'bucketEntry' | 'bucketUpdate'>;
};

/**
 * The right to serve what the directory says one owns.
 *
 * The key names the epoch of its holder: where two lives of one address run, because a host was taken for lost and was
 * not, the earlier one finds out at its next renewal, and ends.
 *
 * It protects pulls, which would give old rows. Pushes are protected by the log as well: they are answered once they
 * are in it, and the log takes records from one writer only.
 *
 * @param beforeReturn called when a lease that had run out was renewed, before it counts again.
 */
export function shardLease(
  { bus, identity, log, crash }: LeaseContext,
  leaseMs: number,
  beforeReturn: () => Promise<void>,
): Lease {
  const { address, epoch } = identity;
  const records = new FencedRecords(bus, leaseRecords(leaseMs));
  const renew = async (): Promise<void> => {
    try {
      await records.write(address, { epoch });
    } catch (error) {
      if (codeOf(error) !== 'CONFLICT') throw error;
      // An earlier life had it, or this one did and did not hear so.
      await records.write(address, { epoch });
    }
  };
  return new Lease({
    leaseMs,
    clock: bus.clock,
    renew,
    returned: async (sinceMs) => {
      log.warn({ sinceMs }, 'lease had run out');
      await beforeReturn();
    },
    failing: (error) =>
      log.warn({ code: codeOf(error), err: messageOf(error) }, 'lease not renewed'),
    lost: crash,
  });
}
