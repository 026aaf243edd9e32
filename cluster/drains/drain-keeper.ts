import { every, type Cancel, type Clock } from '../../core/base/clock.js';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import { answersRequests } from '../../core/config/data-centers.js';
import type { DrainCause } from '../../messages/drains.js';
import type { SupervisionEvent } from '../../messages/supervision-events.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { mayDrain } from './drain-policy.js';
import type { ClusterView } from '../hosts/cluster-view.js';
import type { DrainStore } from './drain-store.js';

/** Between two judgments of how well data centers serve. */
const judgeMs = 1_000;
/** Replicas finish what they have; the longest request is far shorter. */
const leaveMsMax = 30_000;

export interface DrainKeeperOptions {
  readonly term: number;
  readonly store: DrainStore;
  readonly view: ClusterView;
  readonly record: (event: Omit<SupervisionEvent, 'atMs'>) => void;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

/** Takes data centers out of service and back: those that are slow or stale for long, and those that people name. */
export class DrainKeeper implements Stoppable {
  readonly #options: DrainKeeperOptions;
  readonly #cancel: Cancel;
  readonly #writing = new Set<string>();

  constructor(options: DrainKeeperOptions) {
    this.#options = options;
    const { clock, view } = options;
    const { dataCenters } = view;
    dataCenters.wishes = {
      drain: (name, by) => this.#try(name, () => this.#drain(name, by)),
      undrain: (name) => this.#try(name, () => this.#undrain(name)),
    };
    this.#cancel = every(clock, judgeMs, () => dataCenters.judge(view.actors()));
  }

  async stop(): Promise<void> {
    this.#cancel();
    this.#options.view.dataCenters.wishes = undefined;
  }

  /**
   * Resolves when all its replicas have left their queue groups.
   * @throws StarlingError BAD_REQUEST where it may not be drained, TIMEOUT where its replicas do not leave.
   */
  async drain(name: string): Promise<void> {
    await this.#drain(name, 'hand');
    await this.#until(name, (state) => state === 'drained', 'have not left their queue groups');
  }

  /**
   * Resolves when it serves again.
   * @throws StarlingError BAD_REQUEST where it is not drained, TIMEOUT where it does not come back.
   */
  async undrain(name: string): Promise<void> {
    const { store, view } = this.#options;
    if (!view.dataCenters.views().some((each) => each.name === name && answersRequests(each)))
      throw new StarlingError('BAD_REQUEST', `there is no inference data center ${name}.`);
    if (!store.isDrained(name))
      throw new StarlingError('BAD_REQUEST', `${name} is not drained.`, { dataCenter: name });
    await this.#undrain(name);
    await this.#until(name, () => view.serves(name), 'do not serve yet');
  }

  async #drain(name: string, by: DrainCause): Promise<void> {
    const { store, view, term, clock } = this.#options;
    const views = view.dataCenters.views();
    const verdict = mayDrain(name, views, by);
    if (!verdict.may) throw new StarlingError('BAD_REQUEST', verdict.why, { dataCenter: name });
    const { p99Ms, freshnessMs } = views.find((each) => each.name === name)!.health;
    const figures = `p99 ${rounded(p99Ms)} ms, freshness ${rounded(freshnessMs)} ms`;
    const reason = by === 'hand' ? `by hand; ${figures}` : `${by}: ${figures}`;
    await store.write(name, { drained: true, by, reason, atMs: clock.wallMs(), term });
    this.#options.record({ address: name, type: 'drain', detail: reason, epoch: term });
  }

  async #undrain(name: string): Promise<void> {
    const { store, term, clock } = this.#options;
    const { by = 'hand', reason = '' } = store.entries.get(name) ?? {};
    await store.write(name, { drained: false, by, reason, atMs: clock.wallMs(), term });
    const detail = `was drained ${reason}`;
    this.#options.record({ address: name, type: 'undrain', detail, epoch: term });
  }

  /** Asked again with every judgment, so what can't be done now need not be repeated here. */
  #try(name: string, work: () => Promise<void>): void {
    if (this.#writing.has(name)) return;
    this.#writing.add(name);
    work()
      .catch((error: unknown) => {
        if (codeOf(error) !== 'BAD_REQUEST' && codeOf(error) !== 'FENCED')
          this.#options.log(`${name} is not drained now: ${codeOf(error)}: ${messageOf(error)}`);
      })
      .finally(() => this.#writing.delete(name));
  }

  async #until(name: string, holds: (state: string) => boolean, but: string): Promise<void> {
    const { view } = this.#options;
    const done = await view.until(() => holds(view.dataCenters.stateOf(name)), leaveMsMax);
    if (done) return;
    const text = `after ${leaveMsMax} ms some replicas of ${name} ${but}; see \`starling status\`.`;
    throw new StarlingError('TIMEOUT', text, { dataCenter: name });
  }
}

function rounded(ms: number | null): string {
  return ms === null ? '–' : String(Math.round(ms));
}
