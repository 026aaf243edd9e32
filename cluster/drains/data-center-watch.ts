import { createActor, type Actor } from 'xstate';
import type { Clock } from '../../core/base/clock.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { DrainCause } from '../../messages/drains.js';
import type { ActorStatus } from '../../messages/actor-status.js';
import { machineClock } from '../../runtime/machine-clock.js';
import type { DataCenterHealth, Judgment } from './data-center-health.js';
import { HealthWatch, haveLeft, judgmentOf } from './data-center-health.js';
import type { DataCenterState } from './data-center.machine.js';
import {
  dataCenterMachine,
  dataCenterStateOf,
  lacksKind,
  readinessOf,
} from './data-center.machine.js';
import type { DrainView } from './drain-policy.js';
import type { DrainStore } from './drain-store.js';

/** Too low: an ordinary restart is reported as an outage of the data center. */
const downAfterMs = 3_000;

/** What a data center asks of the leader. */
export interface DrainWishes {
  drain(dataCenter: string, by: DrainCause): void;
  undrain(dataCenter: string): void;
}

interface Known {
  readonly machine: Actor<typeof dataCenterMachine>;
  health: DataCenterHealth;
  judgment: Judgment;
}

/** How each data center is: a machine for each, told of its actors, of drains, and by the leader of its health. */
export class DataCenters {
  readonly #config: ClusterConfig;
  readonly #drains: DrainStore;
  readonly #clock: Clock;
  readonly #known: ReadonlyMap<string, Known>;
  readonly #watch = new HealthWatch();
  /** Of the leader; nobody else grants any. */
  wishes: DrainWishes | undefined;

  constructor(config: ClusterConfig, drains: DrainStore, clock: Clock) {
    this.#config = config;
    this.#drains = drains;
    this.#clock = clock;
    const { drainAfterMs, rejoinAfterMs } = config.supervision;
    const input = { downAfterMs, drainAfterMs, rejoinAfterMs };
    this.#known = new Map(
      config.dataCenters.map(({ name }) => {
        const machine = createActor(
          dataCenterMachine.provide({
            actions: {
              drain: (_, { by }) => this.wishes?.drain(name, by),
              undrain: () => this.wishes?.undrain(name),
            },
          }),
          { input, clock: machineClock(clock) },
        );
        const health = { p99Ms: null, freshnessMs: null };
        return [name, { machine: machine.start(), health, judgment: 'passable' as const }];
      }),
    );
    for (const [name, { drained, by }] of drains.entries) if (drained) this.#drain(name, by);
    drains.onChange((name, { drained, by }) => {
      if (drained) this.#drain(name, by);
      else this.#known.get(name)?.machine.send({ type: 'UNDRAIN', atMs: clock.nowMs() });
    });
  }

  stop(): void {
    for (const { machine } of this.#known.values()) machine.stop();
  }

  stateOf(name: string): DataCenterState {
    return dataCenterStateOf(this.#known.get(name)!.machine.getSnapshot());
  }

  /** Tells each data center which of its actors are ready, and whether they have left. */
  observe(actors: readonly ActorStatus[]): void {
    for (const [name, { machine }] of this.#known) {
      const own = actors.filter(({ dataCenter }) => dataCenter === name);
      const children = own.map(({ kind, state }) => ({ kind, ready: state === 'ready' }));
      machine.send({ type: 'READINESS', readiness: readinessOf(children) });
      if (this.#drains.isDrained(name) && haveLeft(own)) machine.send({ type: 'LEFT' });
    }
  }

  /** Tells each data center how well it serves; it may ask to be drained or taken back then. */
  judge(actors: readonly ActorStatus[]): void {
    const atMs = this.#clock.nowMs();
    const { p99BudgetMs, freshnessBudgetMs } = this.#config.serving;
    // A model beside `main` may be far behind, and serve nobody yet.
    const needed = actors.filter(({ model }) => model === undefined);
    for (const [name, health] of this.#watch.observe(needed, atMs)) {
      const known = this.#known.get(name);
      if (!known) continue;
      known.health = health;
      known.judgment = judgmentOf(health, { p99BudgetMs, freshnessBudgetMs });
      known.machine.send({ type: 'HEALTH', judgment: known.judgment, atMs });
    }
  }

  /** What is looked at before one of them is drained. */
  views(): DrainView[] {
    return this.#config.dataCenters.map(({ name, role }) => {
      const { machine, health, judgment } = this.#known.get(name)!;
      const able = !lacksKind(machine.getSnapshot().context.readiness);
      return { name, role, drained: this.#drains.isDrained(name), able, health, judgment };
    });
  }

  #drain(name: string, by: DrainCause): void {
    this.#known.get(name)?.machine.send({ type: 'DRAIN', by, atMs: this.#clock.nowMs() });
  }
}
