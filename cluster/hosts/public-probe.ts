import { sleep, type Clock } from '../../core/base/clock.js';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { call } from '../../runtime/idempotent-call.js';
import { atMost } from '../../runtime/time-limit.js';

/**
 * Asks as the public will, in every data center, before anybody is told that the cluster is ready. Actors that are ready
 * are not enough: that somebody answers has still to reach the servers of the other data centers, and whoever has never
 * answered answers late.
 *
 * What it asks teaches nothing: a score of an item that nobody has, which is not logged, and a choice
 * among items that are all excluded.
 */
export interface PublicProbeOptions {
  readonly dataCenters: readonly string[];
  /** As a client of that data center. */
  readonly connect: (dataCenter: string) => Promise<Bus>;
  /** Every data center has answered. */
  readonly onAnswered: () => void;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

const nobody = 'starling-probe';
function requestsOf({ subject }: ClusterNames) {
  return [
    [subject.rank, { user: nobody, candidates: [nobody] }],
    [subject.recommend, { user: nobody, k: 1, candidates: [nobody], exclude: [nobody] }],
  ] as const;
}

/** Too low: a busy machine is asked again for what it works on. Too high: a request that got lost costs so much. */
const answerMsMax = 1_000;
const retryMs = 50;
/** A connection that is being made to a server that is gone is not waited for. */
const stopMsMax = 1_000;
/** From here on it is told what is waited for. */
const silenceMsMax = 5_000;
/** A whole answer is worth a short wait, but a cluster that can only answer in part is there, too. */
const partialAnswersMax = 10;

export class PublicProbe implements Stoppable {
  readonly #options: PublicProbeOptions;
  readonly #stopping = new AbortController();
  /** By data center that has not answered yet: what it did instead. */
  readonly #waiting: Map<string, string>;
  #running: Promise<void> | undefined;

  constructor(options: PublicProbeOptions) {
    this.#options = options;
    this.#waiting = new Map(options.dataCenters.map((name) => [name, 'nobody has asked yet']));
  }

  get answered(): boolean {
    return this.#waiting.size === 0;
  }

  /** What is missing, in words. */
  get missing(): string {
    return [...this.#waiting].map(([name, why]) => `${name} (${why})`).join(', ');
  }

  /** All actors are ready: from now on it asks until it is answered, once for all. */
  begin(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#running) await atMost(this.#options.clock, stopMsMax, this.#running);
  }

  async #run(): Promise<void> {
    const { dataCenters, log, onAnswered, clock } = this.#options;
    const cancel = clock.after(silenceMsMax, () =>
      log(`all actors are ready, but there is no answer in ${this.missing}`),
    );
    await Promise.all(dataCenters.map((name) => this.#ask(name)));
    cancel();
    if (this.answered) onAnswered();
  }

  async #ask(dataCenter: string): Promise<void> {
    const bus = await this.#persist(dataCenter, () => this.#options.connect(dataCenter));
    if (!bus) return;
    for (const [name, request] of requestsOf(bus.names)) {
      let partial = 0;
      const whole = await this.#persist(dataCenter, async () => {
        const reply = await call(bus, name, request, { deadlineMs: answerMsMax, retry: 'none' });
        const { degraded } = reply as { readonly degraded?: unknown };
        if (degraded === true && ++partial < partialAnswersMax)
          throw new StarlingError('NOT_READY', 'it answers with less than everything');
        return true;
      });
      if (!whole) break;
    }
    if (!this.#stopping.signal.aborted) this.#waiting.delete(dataCenter);
    // The probe has its answer; what becomes of the connection is of no use to anybody.
    await bus.close().catch(() => undefined);
  }

  /** Tries until it works; undefined when it was stopped before. */
  async #persist<T>(dataCenter: string, step: () => Promise<T>): Promise<T | undefined> {
    while (!this.#stopping.signal.aborted) {
      try {
        return await step();
      } catch (error) {
        this.#waiting.set(dataCenter, `${codeOf(error)}: ${messageOf(error)}`);
      }
      await sleep(this.#options.clock, retryMs);
    }
    return undefined;
  }
}
