import { createActor, waitFor } from 'xstate';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { LeaderRecord } from '../../messages/hosts.js';
import { decodeLeader, encodeRecord, leaderKey } from '../../messages/hosts.js';
import type { Clock } from '../../core/base/clock.js';
import type { RecordKind, Known } from '../../replication/fenced-record.js';
import { FencedRecords } from '../../replication/fenced-record.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { Lease } from '../../runtime/lease.js';
import { machineClock } from '../../runtime/machine-clock.js';
import { leaderMachine } from './leader.machine.js';
import { LeaseWatch, type LeaseBus } from './lease-watch.js';

const leaderRecord = (leaseMs: number): RecordKind<'leader', LeaderRecord> => ({
  pattern: leaderKey,
  keyOf: () => leaderKey,
  idOf: () => 'leader',
  encode: encodeRecord,
  decode: decodeLeader,
  termOf: ({ term }) => term,
  overText: (_id, term, newest) => `term ${term} is over: a leader of term ${newest} leads now.`,
  answerMsMax: leaseMs,
});

export interface CandidateOptions {
  readonly bus: LeaseBus & Pick<Bus, 'bucketUpdate'>;
  readonly host: string;
  readonly life: string;
  readonly leaseMs: number;
  /** How much longer than others it waits before it tries: those that are nearer to the bucket should lead. */
  readonly patienceMs: number;
  /** Starts what a leader of this term does. */
  readonly lead: (term: number) => Promise<Stoppable>;
  readonly log: (line: string) => void;
}

/**
 * Takes the lease of the leader when it is free, renews it, and starts and stops what a leader does. The lease is one
 * key of the bucket, changed by compare-and-set; each new leader raises its term.
 */
export class LeaderCandidate implements Stoppable {
  readonly #options: CandidateOptions;
  readonly #machine;
  readonly #leases: LeaseWatch;
  readonly #records: FencedRecords<'leader', LeaderRecord>;
  readonly #clock: Clock;
  #leading: Promise<Stoppable> | undefined;
  #resigning: Promise<void> | undefined;
  #lease: Lease | undefined;
  #impatience: (() => void) | undefined;

  constructor(options: CandidateOptions) {
    this.#options = options;
    const { bus, leaseMs, patienceMs } = options;
    this.#clock = bus.clock;
    this.#records = new FencedRecords(bus, leaderRecord(leaseMs));
    this.#machine = createActor(
      leaderMachine.provide({
        actions: {
          campaign: () => void this.#campaign(),
          // Effects run before the machine has its new state.
          lead: () => queueMicrotask(() => this.#lead()),
          stepDown: () => void this.#stepDown(),
          resign: () => void (this.#resigning = this.#resign()),
        },
      }),
      { clock: machineClock(bus.clock) },
    );
    this.#leases = new LeaseWatch(bus, {
      keys: leaderKey,
      leaseMs: leaseMs + patienceMs,
      presumeHeld: true,
      onExpired: () => this.#machine.send({ type: 'VACANT' }),
    });
  }

  /** Who leads, as far as is known here. */
  get leader(): LeaderRecord | undefined {
    return this.#known;
  }

  get #known(): Known<LeaderRecord> | undefined {
    return this.#records.get('leader');
  }

  get leads(): boolean {
    return this.#machine.getSnapshot().matches('leading');
  }

  async start(): Promise<void> {
    const { bus, host } = this.#options;
    this.#machine.start();
    await this.#leases.start();
    this.#records.onChange((_id, record) => this.#hear(record));
    await this.#records.watch(bus);
    // An earlier life of this host is gone for certain: its folder has one process only.
    if (!this.#known || this.#known.resigned || this.#known.host === host) this.#tryPatiently();
  }

  /**
   * Asks the bucket, which says nothing else to two: who stood still takes himself for the leader until he hears of another.
   * @throws StarlingError FENCED where the term is over; what the bus says where the bucket can't be asked.
   */
  async confirm(term: number): Promise<void> {
    const { host, life } = this.#options;
    try {
      await this.#records.write('leader', { host, life, term, resigned: false });
    } catch (error) {
      // An own renewal that was faster says the same.
      const isOwn = this.#known?.life === life && this.#known.term === term;
      if (codeOf(error) !== 'CONFLICT' || !isOwn) throw error;
    }
  }

  /** Gives the lease back if it is held here. */
  async stop(): Promise<void> {
    this.#impatience?.();
    this.#machine.send({ type: 'STOP' });
    await waitFor(this.#machine, ({ status }) => status === 'done');
    await this.#resigning;
    await this.#records.stop();
    await this.#leases.stop();
  }

  #hear(record: LeaderRecord): void {
    if (record.life === this.#options.life) return;
    this.#machine.send({ type: 'DEPOSED', term: record.term });
    if (record.resigned) this.#tryPatiently();
  }

  #tryPatiently(): void {
    const { patienceMs } = this.#options;
    if (patienceMs === 0) return this.#machine.send({ type: 'VACANT' });
    const known = this.#known?.revision;
    this.#impatience?.();
    this.#impatience = this.#clock.after(patienceMs, () => {
      // Nobody was faster.
      if (this.#known?.revision === known) this.#machine.send({ type: 'VACANT' });
    });
  }

  async #campaign(): Promise<void> {
    const { host, life, log } = this.#options;
    const before = this.#known;
    const term = (before?.term ?? 0) + 1;
    try {
      await this.#records.replace('leader', { host, life, term, resigned: false }, before);
      this.#machine.send({ type: 'WON', term });
    } catch (error) {
      const code = codeOf(error);
      if (code !== 'CONFLICT' && code !== 'FENCED')
        log(`can't be the leader now: ${code}: ${messageOf(error)}`);
      await this.#refresh();
      if (this.#known?.life === life && this.#known.term === term)
        return this.#machine.send({ type: 'WON', term }); // The acknowledgement was lost.
      // Whoever was faster must renew it; if nobody could be asked, it is tried again in the time of a lease.
      this.#leases.presume(leaderKey);
      this.#machine.send({ type: 'LOST' });
    }
  }

  #lead(): void {
    const { lead, host, log } = this.#options;
    const { term } = this.#machine.getSnapshot().context;
    log(`${host} leads, term ${term}`);
    this.#leading = lead(term);
    this.#leading.catch((error: unknown) => {
      log(`leading failed: ${codeOf(error)}: ${messageOf(error)}`);
      // Somebody else may do better, and if nobody does it is tried again.
      this.#leases.presume(leaderKey);
      this.#machine.send({ type: 'DEPOSED', term });
    });
    const { leaseMs } = this.#options;
    this.#lease = new Lease({ leaseMs, clock: this.#clock, renew: () => this.#renew(term) });
    this.#lease.keep();
  }

  async #stepDown(): Promise<void> {
    this.#lease?.stop();
    const duties = await this.#leading?.catch(() => undefined); // Told when it failed.
    await duties
      ?.stop()
      .catch((error: unknown) =>
        this.#options.log(`while stepping down: ${codeOf(error)}: ${messageOf(error)}`),
      );
    this.#machine.send({ type: 'STEPPED_DOWN' });
  }

  /** The machine hears of another leader by what is read here, or by the watch. */
  async #renew(term: number): Promise<void> {
    const { host, life } = this.#options;
    try {
      await this.#records.write('leader', { host, life, term, resigned: false });
    } catch (error) {
      // The bucket is away, or another host has the lease: the look tells which.
      await this.#refresh();
      throw error;
    }
  }

  async #resign(): Promise<void> {
    const { life, log } = this.#options;
    if (this.#known?.life !== life) return; // Another has taken over since.
    const { host, term } = this.#known;
    try {
      await this.#records.write('leader', { host, life, term, resigned: true });
    } catch (error) {
      log(`the lease of the leader runs out by itself: ${codeOf(error)}: ${messageOf(error)}`);
    }
  }

  async #refresh(): Promise<void> {
    try {
      await this.#records.refresh('leader');
    } catch {
      // Still away; the watch tells when it is back.
    }
  }
}
