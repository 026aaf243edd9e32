import { clientOn } from '../../client/client.js';
import { sleep } from '../../core/base/clock.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import {
  judgedSince,
  judgedSum,
  judgementOf,
  type JudgedCounts,
  type Judgement,
} from '../../core/model/judged-scores.js';
import { actorsOf } from '../../messages/actor-status.js';
import type { Bus } from '../../runtime/bus/bus.js';

type Judged = Readonly<Record<string, JudgedCounts>>;

export interface OutcomeJudgement extends Judgement {
  readonly outcome: string;
}

/** Of a heartbeat: what was learned before it was sent is in the figures of the next. */
const heartbeats = 2;

/**
 * How good scores were before they were learned, over the last part of an import: trainers count them, so it is what they counted in the
 * end less what they had at its beginning.
 */
export class ImportJudge {
  readonly #bus: Bus;
  readonly #heartbeatMs: number;
  #before: Judged | undefined;

  constructor(bus: Bus, config: Pick<ClusterConfig, 'supervision'>) {
    this.#bus = bus;
    this.#heartbeatMs = config.supervision.heartbeatMs;
  }

  /** Judges from now on; nothing is to be on its way. */
  async begin(): Promise<void> {
    this.#before = await this.#counted();
  }

  /** None where a trainer did not tell, or was started again meanwhile. */
  async end(): Promise<OutcomeJudgement[]> {
    const before = this.#before;
    const now = before && (await this.#counted());
    if (!now) return [];
    return Object.entries(now).flatMap(([outcome, counts]) => {
      const since = judgedSince(counts, before[outcome] ?? {});
      return since ? [{ outcome, ...judgementOf(since) }] : [];
    });
  }

  /** Of all trainers together. */
  async #counted(): Promise<Judged | undefined> {
    await sleep(this.#bus.clock, heartbeats * this.#heartbeatMs);
    try {
      const { actors } = await clientOn(this.#bus).status();
      const told = actorsOf(actors, 'trainer').map(({ stats }) => stats.judged);
      if (told.length === 0 || told.some((each) => each === undefined)) return undefined;
      const all: Record<string, JudgedCounts> = {};
      for (const each of told)
        for (const [outcome, counts] of Object.entries(each!))
          all[outcome] = judgedSum(all[outcome] ?? {}, counts);
      return all;
    } catch {
      // Nobody leads at the moment: the import is no worse for it.
      return undefined;
    }
  }
}
