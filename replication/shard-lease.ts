import { sleep } from '../core/base/clock.js';
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
 * not, the earlier one finds out at its next renewal, and ends. Until then its lease runs: so whoever has taken the key
 * from a life whose end nobody saw waits for as long before it owns anything (`alone`).
 *
 * It protects pulls, which would give old rows. Pushes are protected by the log as well: they are answered once they
 * are in it, and the log takes records from one writer only.
 */
export class ShardLease extends Lease {
  readonly #context: LeaseContext;
  readonly #records: FencedRecords<string, LeaseRecord>;
  readonly #leaseMs: number;
  #isTaken = false;
  #aloneAtMs = -Infinity;

  /** @param beforeReturn called when a lease that had run out was renewed, before it counts again. */
  constructor(context: LeaseContext, leaseMs: number, beforeReturn: () => Promise<void>) {
    const { bus, log, crash } = context;
    super({
      leaseMs,
      clock: bus.clock,
      renew: () => this.#renew(),
      returned: async (sinceMs) => {
        log.warn({ sinceMs }, 'lease had run out');
        await beforeReturn();
      },
      failing: (error) =>
        log.warn({ code: codeOf(error), err: messageOf(error) }, 'lease not renewed'),
      lost: crash,
    });
    this.#context = context;
    this.#leaseMs = leaseMs;
    this.#records = new FencedRecords(bus, leaseRecords(leaseMs));
  }

  /** Resolves when no earlier life has a lease that still runs. To be asked after the start. */
  async alone(): Promise<void> {
    const { clock } = this.#context.bus;
    const leftMs = this.#aloneAtMs - clock.nowMs();
    if (leftMs > 0) await sleep(clock, leftMs);
  }

  /** It serves nobody any more, so that the next life need not wait for it. */
  async resign(): Promise<void> {
    this.stop();
    const { identity, log } = this.#context;
    try {
      await this.#records.write(identity.address, { epoch: identity.epoch, over: true });
    } catch (error) {
      // The next one waits, or is there already.
      log.info({ code: codeOf(error), err: messageOf(error) }, 'lease not given back');
    }
  }

  async #renew(): Promise<void> {
    const { address, epoch } = this.#context.identity;
    try {
      await this.#records.write(address, { epoch });
    } catch (error) {
      if (codeOf(error) !== 'CONFLICT') throw error;
      // An earlier life had it, or this one did and did not hear so.
      const before = this.#records.get(address);
      await this.#records.write(address, { epoch });
      if (!this.#isTaken && before && !this.#isOver(before))
        this.#aloneAtMs = this.#context.bus.clock.nowMs() + this.#leaseMs;
    }
    this.#isTaken = true;
  }

  /** Of the own one nobody knows any more whom it was taken from. */
  #isOver({ epoch, over = false }: LeaseRecord): boolean {
    const { identity } = this.#context;
    return over || epoch <= (identity.ended ?? 0);
  }
}
