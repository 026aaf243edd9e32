import { randomBytes } from 'node:crypto';
import { joinPartitions } from '../core/config/join-partitions.js';
import { StarlingError } from '../core/base/errors.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import type { Stoppable } from '../runtime/stoppable.js';
import type { EventTable } from './event-files.js';
import type { Books } from './replay-books.js';
import { ArrivalLedger } from './replay-arrivals.js';
import type { DriverOptions } from './replay-driver.js';
import { ReplayDriver } from './replay-driver.js';
import type { ToldFeatures } from './replay-features.js';
import { tellFeatures } from './replay-features.js';
import type { Quantiles } from './replay-freshness.js';
import type { LetterFigures } from './replay-dead-letters.js';
import type { ReplayProgress } from './replay-progress.js';
import { RateOfCount, recentAuc } from './replay-progress.js';
import { ReplayRequests } from './replay-requests.js';
import type { Settled } from './replay-settle.js';
import { settle } from './replay-settle.js';
import type { ReplayCluster } from './replay-watch.js';
import { ReplayWatch } from './replay-watch.js';
import { LagWindow } from './replay-window.js';

export type { ReplayProgress } from './replay-progress.js';
export type { ReplayCluster } from './replay-watch.js';

export interface ReplayOptions {
  readonly cluster: ReplayCluster;
  readonly events: EventTable;
  readonly told: ToldFeatures;
  /** How far the replay may run ahead of what serving has learned; Infinity for no limit. */
  readonly lagMax: number;
  /** Negatives are not told; their join window ends instead. */
  readonly implicit: boolean;
  /** Event time passes this much faster than the clock. */
  readonly speed?: number | undefined;
  /** Ends after so long, wall clock. */
  readonly forMs?: number | undefined;
  /** Aborted: no more events are sent, and what was sent is settled within seconds. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** Called twice a second. */
  readonly progress: (progress: ReplayProgress) => void;
}

/** All that a report is made of. */
export interface ReplayOutcome extends Settled {
  readonly interrupted: boolean;
  /** Of the events sent, in time order. */
  readonly scores: Float32Array;
  readonly labels: Uint8Array;
  /** Of the network that gave each score. */
  readonly versions: Float64Array;
  /** The file, of which all that is above is a part from its beginning. */
  readonly events: EventTable;
  /** Seconds since 1970. */
  readonly timestamps: Float64Array;
  readonly accepted: number;
  readonly actions: number;
  /** From the first request until serving had learned all. */
  readonly seconds: number;
  readonly serving: {
    readonly requests: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly degraded: number;
    readonly rerouted: number;
  };
  readonly freshnessMs: Readonly<Record<string, Quantiles>>;
  /** Of this run alone. */
  readonly books: Books;
  readonly letters: LetterFigures;
  readonly supervision: readonly SupervisionEvent[];
  readonly status: ClusterStatus;
}

const tickMs = 500;
/** Windows end on whole buckets of event time, of which a window has 256 (core/joining); twice that is generous. */
const windowBucket = 1 / 128;
/** More than a ranker takes by itself, so that it is the one to say that it could not. */
const attemptMsMore = 250;

/**
 * Replays real interactions: every event is first scored by a ranker in an inference data center as an impression, then
 * its label arrives as an action. Actors may be killed meanwhile; requests are repeated with the same ids, and the joiner
 * drops what comes twice.
 *
 * @throws StarlingError what the last attempt met, when the cluster did not answer for a minute; STATE_INVALID if its
 *   state has events that are newer than these can be made.
 */
export async function replayEvents(options: ReplayOptions): Promise<ReplayOutcome> {
  const run = new ReplayRun(options);
  try {
    return await run.run();
  } finally {
    await run.stop();
  }
}

interface DrivingMode extends Pick<DriverOptions, 'runId' | 'atMs' | 'maySend'> {
  /** The pipeline stands still with nothing in it, after so many events. */
  readonly onEmpty: (sent: number) => void;
}

function newRunId(): string {
  return randomBytes(6).toString('hex');
}

class ReplayRun {
  readonly #options: ReplayOptions;
  readonly #window: LagWindow;
  readonly #watch: ReplayWatch;
  readonly #requests: ReplayRequests;
  readonly #supervision: SupervisionEvent[] = [];
  readonly #forgetEvents: () => void;
  readonly #wake = (): void => this.#driver?.wake();
  readonly #rate = new RateOfCount();
  readonly #subscriptions: Stoppable[] = [];
  readonly #timer: NodeJS.Timeout;
  #phase: ReplayProgress['phase'] = 'features';
  #driver: ReplayDriver | undefined;

  constructor(options: ReplayOptions) {
    const { cluster, lagMax, implicit, signal } = options;
    const { joining, serving } = cluster.config;
    this.#options = options;
    const settlesAfterMs = joining.windowMs * (1 + windowBucket) + joining.latenessMs;
    this.#window = new LagWindow({ lagMax, implicitMs: implicit ? settlesAfterMs : undefined });
    this.#watch = new ReplayWatch(cluster, (learned) => {
      this.#window.learn(learned);
      this.#wake();
    });
    this.#requests = new ReplayRequests(cluster.sites, serving.deadlineMs + attemptMsMore);
    this.#forgetEvents = cluster.onEvent((event) => this.#supervision.push(event));
    this.#timer = setInterval(() => this.#tick(), tickMs);
    signal.addEventListener('abort', this.#wake);
  }

  async run(): Promise<ReplayOutcome> {
    const { cluster, told, implicit, signal, log } = this.#options;
    const before = await this.#watch.takeBaseline();
    await tellFeatures(cluster.sites[0]!.bus, told, () => cluster.status().actors);
    const driver = implicit ? this.#inEventTime(await this.#watch.seenMs()) : this.#inPresentTime();
    this.#driver = driver;
    this.#phase = 'events';
    const startMs = performance.now();
    await driver.run(this.#stopCondition(startMs));
    this.#phase = 'settling';
    const sent = { impressions: driver.scored, actions: driver.actions };
    const watch = this.#watch;
    const settled = await settle({
      cluster,
      watch,
      before,
      sent,
      closeWindows: implicit,
      signal,
      log,
    });
    const seconds = (performance.now() - startMs) / 1000;
    return { ...settled, seconds, ...this.#outcome(driver) };
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#forgetEvents();
    this.#options.signal.removeEventListener('abort', this.#wake);
    await Promise.all([...this.#subscriptions, this.#watch].map((each) => each.stop()));
  }

  /**
   * Labels follow their impressions at once and no window ever ends, so the replay happens now: events carry the time
   * they are sent at. With the times of the file, weeks would pass each second, and what a killed actor delivers again
   * after half a minute would be too late to count.
   */
  #inPresentTime(): ReplayDriver {
    return this.#createDriver({
      runId: newRunId(),
      atMs: () => Date.now(),
      maySend: () => true,
      onEmpty: () => undefined,
    });
  }

  /** Windows end in the time of the file, and the order of events matters to them. */
  #inEventTime(seenMs: number): ReplayDriver {
    const { cluster, events } = this.#options;
    const { joining } = cluster.config;
    const offsetMs = this.#offsetMs(seenMs);
    const runId = newRunId();
    const arrivals = new ArrivalLedger({ events, runId, ...joining });
    for (let partition = 0; partition < joinPartitions(cluster.config); partition++) {
      this.#subscriptions.push(
        cluster.training.subscribe(cluster.training.names.subject.join(partition), (bytes) => {
          arrivals.observe(bytes);
          this.#wake();
        }),
      );
    }
    return this.#createDriver({
      runId,
      atMs: (row) => events.timestamps[row]! * 1000 + offsetMs,
      maySend: (row) => arrivals.maySend(row),
      onEmpty: (sent) => arrivals.catchUp(sent),
    });
  }

  #createDriver({ onEmpty, ...how }: DrivingMode): ReplayDriver {
    const { cluster, events, implicit, lagMax, speed } = this.#options;
    const driver: ReplayDriver = new ReplayDriver({
      ...how,
      events,
      requests: this.#requests,
      window: this.#window,
      siteCount: cluster.sites.length,
      implicit,
      lagMax,
      speed,
      // Either notices were lost, which this look makes good for, or the pipeline is empty and nothing will ever move.
      onStall: async () => {
        const sent = { impressions: driver.scored, actions: driver.actions };
        if (!(await this.#watch.isEmpty(sent)) || driver.inFlight > 0) return;
        this.#window.catchUp();
        onEmpty(driver.sent);
      },
    });
    return driver;
  }

  /** Event time never goes back in a joiner: events older than what it has seen would all be late. */
  #offsetMs(seenMs: number): number {
    const { cluster, events, log } = this.#options;
    const firstMs = events.timestamps[0]! * 1000;
    if (seenMs < firstMs) return 0;
    const { windowMs, latenessMs } = cluster.config.joining;
    const offsetMs = seenMs + windowMs + latenessMs - firstMs;
    const lastMs = events.timestamps[events.count - 1]! * 1000 + offsetMs;
    const seen = new Date(seenMs).toISOString();
    if (lastMs > Date.now()) {
      const text = `the cluster has seen events of ${seen} already; behind those, the replay would end in the future.`;
      throw new StarlingError('STATE_INVALID', text, { seenMs, firstMs });
    }
    log(`the cluster has seen events of ${seen} already; these are told as if they came after.`);
    return offsetMs;
  }

  #stopCondition(startMs: number): () => boolean {
    const { signal, forMs = Infinity } = this.#options;
    return () => signal.aborted || performance.now() - startMs >= forMs;
  }

  #tick(): void {
    this.#watch.observe();
    const { events, progress } = this.#options;
    const done = this.#driver?.scored ?? 0;
    const { scores } = this.#driver ?? { scores: new Float32Array(0) };
    progress({
      phase: this.#phase,
      done,
      total: events.count,
      eventsPerSecond: this.#rate.observe(done, performance.now()),
      auc: recentAuc(scores, events.labels, this.#window.admitted),
      lag: this.#window.lag,
    });
  }

  #outcome(driver: ReplayDriver) {
    const { events, signal, cluster } = this.#options;
    const { latency, requests, degraded, rerouted } = this.#requests;
    const count = driver.scored; // All that were admitted, since the driver waits for them.
    return {
      interrupted: signal.aborted,
      events,
      scores: driver.scores.subarray(0, count),
      versions: driver.versions.subarray(0, count),
      labels: events.labels.subarray(0, count),
      timestamps: events.timestamps.subarray(0, count),
      accepted: count,
      actions: driver.actions,
      serving: {
        requests,
        p50Ms: latency.quantile(0.5),
        p99Ms: latency.quantile(0.99),
        degraded,
        rerouted,
      },
      freshnessMs: this.#watch.freshness.quantiles(),
      supervision: [...this.#supervision],
      status: cluster.status(),
    };
  }
}
