import { createActor, waitFor } from 'xstate';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { LeaderRecord } from '../../messages/hosts.js';
import { decodeLeader, encodeRecord, leaderKey } from '../../messages/hosts.js';
import { clusterBucket } from '../../messages/streams.js';
import type { BucketEntry, Bus, Stoppable } from '../../runtime/bus.js';
import { within } from '../../runtime/time-limit.js';
import { leaderMachine } from './leader.machine.js';
import { LeaseWatch, type LeaseBus } from './lease-watch.js';

/** Renewals in the time of a lease: two may be lost. */
const renewalsPerLease = 4;

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
  #watch: Stoppable | undefined;
  #known: (LeaderRecord & { readonly revision: number }) | undefined;
  #leading: Promise<Stoppable> | undefined;
  #resigning: Promise<void> | undefined;
  #renewal: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(options: CandidateOptions) {
    this.#options = options;
    const { bus, leaseMs, patienceMs } = options;
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

  get leads(): boolean {
    return this.#machine.getSnapshot().matches('leading');
  }

  async start(): Promise<void> {
    const { bus, host } = this.#options;
    this.#machine.start();
    await this.#leases.start();
    this.#watch = await bus.bucketWatch(clusterBucket, leaderKey, (_key, entry) => {
      this.#observe(entry);
    });
    // An earlier life of this host is gone for certain: its folder has one process only.
    if (!this.#known || this.#known.resigned || this.#known.host === host) this.#tryPatiently();
  }

  /** Gives the lease back if it is held here. */
  async stop(): Promise<void> {
    clearTimeout(this.#patience);
    this.#machine.send({ type: 'STOP' });
    await waitFor(this.#machine, ({ status }) => status === 'done');
    await this.#resigning;
    await this.#watch?.stop();
    await this.#leases.stop();
  }

  #observe({ bytes, revision }: BucketEntry): void {
    if (this.#known && this.#known.revision >= revision) return;
    const record = decodeLeader(bytes);
    this.#known = { ...record, revision };
    const { life } = this.#options;
    if (record.life !== life) this.#machine.send({ type: 'DEPOSED', term: record.term });
    if (record.resigned && record.life !== life) this.#tryPatiently();
  }

  #tryPatiently(): void {
    const { patienceMs } = this.#options;
    if (patienceMs === 0) return this.#machine.send({ type: 'VACANT' });
    const known = this.#known?.revision;
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      // Nobody was faster.
      if (this.#known?.revision === known) this.#machine.send({ type: 'VACANT' });
    }, patienceMs);
  }

  async #campaign(): Promise<void> {
    const { host, life, log } = this.#options;
    const before = this.#known;
    const term = (before?.term ?? 0) + 1;
    try {
      await this.#write({ host, life, term, resigned: false }, before?.revision ?? 0);
      this.#machine.send({ type: 'WON', term });
    } catch (error) {
      if (codeOf(error) !== 'CONFLICT')
        log(`can't be the leader now: ${codeOf(error)}: ${messageOf(error)}`);
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
    this.#scheduleRenewal();
  }

  async #stepDown(): Promise<void> {
    clearTimeout(this.#renewal);
    const duties = await this.#leading?.catch(() => undefined); // Told when it failed.
    await duties
      ?.stop()
      .catch((error: unknown) =>
        this.#options.log(`while stepping down: ${codeOf(error)}: ${messageOf(error)}`),
      );
    this.#machine.send({ type: 'STEPPED_DOWN' });
  }

  #scheduleRenewal(): void {
    this.#renewal = setTimeout(() => {
      void this.#renew().then(() => {
        if (this.leads) this.#scheduleRenewal();
      });
    }, this.#options.leaseMs / renewalsPerLease);
  }

  async #renew(): Promise<void> {
    const { host, life } = this.#options;
    const { term } = this.#machine.getSnapshot().context;
    if (!this.#known || !this.leads) return;
    try {
      await this.#write({ host, life, term, resigned: false }, this.#known.revision);
    } catch {
      // The bucket is away, or another host has the lease: the look tells which.
      await this.#refresh();
    }
  }

  async #resign(): Promise<void> {
    const { life, log } = this.#options;
    if (this.#known?.life !== life) return; // Another has taken over since.
    const { revision, ...record } = this.#known;
    try {
      await this.#write({ ...record, resigned: true }, revision);
    } catch (error) {
      log(`the lease of the leader runs out by itself: ${codeOf(error)}: ${messageOf(error)}`);
    }
  }

  async #write(record: LeaderRecord, revision: number): Promise<void> {
    const { bus, leaseMs } = this.#options;
    const bytes = encodeRecord(record);
    const written = bus.bucketUpdate(clusterBucket, leaderKey, bytes, revision);
    // A request that was on its way when its server died is never answered.
    this.#observe({ bytes, revision: await within(leaseMs, leaderKey, written) });
  }

  async #refresh(): Promise<void> {
    const { bus, leaseMs } = this.#options;
    try {
      const asked = bus.bucketEntry(clusterBucket, leaderKey);
      const found = await within(leaseMs, leaderKey, asked);
      if (found) this.#observe(found);
    } catch {
      // Still away; the watch tells when it is back.
    }
  }
}
