import { hostname } from 'node:os';
import { createActor, type Actor } from 'xstate';
import { StarlingError } from '../core/base/errors.js';
import type {
  ActorKind,
  ActorStatus,
  NatsAccess,
  SupervisionEvent,
} from '../messages/supervision.js';
import { startActorProcess, type StartProcess } from './actor-process.js';
import type { ChildFailure } from './child.machine.js';
import {
  dataCenterMachine,
  dataCenterStateOf,
  readinessOf,
  type DataCenterState,
} from './data-center.machine.js';
import type { EpochStore } from './epochs.js';
import type { ActorSpec } from './placement.js';
import { childPolicy, type ChildPolicy } from './restart-policy.js';
import { SupervisedChild, type ChildHost } from './supervised-child.js';

/**
 * Starts and watches the actors placed on this host, one process each, one for one: a child that dies is restarted
 * alone. A child that keeps dying is reported to the parent through `onEscalate`, the others go on, and it is tried
 * again after a cool-down, since its cause (a full disk) may pass.
 *
 * All children are started at once. Every actor waits by itself for what it needs, which it must be able to do anyway
 * when that restarts; so the start order of the tiers only decides who gets the processor first.
 */
export interface HostSupervisorOptions {
  /** Compiled module that becomes the actor named in its start message. */
  readonly entry: string;
  readonly execArgv?: readonly string[];
  readonly stateDir: string;
  /** The resolved configuration, plain JSON; passed on to every actor. */
  readonly config: unknown;
  /** Servers of a data center, and the credentials of a kind: no actor learns those of another. */
  readonly natsOf: (dataCenter: string, kind: ActorKind) => NatsAccess;
  readonly epochs: EpochStore;
  /** Takes every event of every child, in order. Must not throw and must not wait. */
  readonly record: (event: SupervisionEvent) => void;
  /** A child failed for good. It keeps the state `failed` and is tried again after its cool-down. */
  readonly onEscalate?: (escalation: Escalation) => void;
  /** After every change of an actor's state. */
  readonly onChange?: () => void;
  readonly policy?: Partial<ChildPolicy>;
  /** How long a kind may be without a ready actor before its data center is called down. */
  readonly downAfterMs?: number;
  /** How long the kernel may take to end a killed process. Longer means that it is stuck in a system call. */
  readonly killedMsMax?: number;
  readonly host?: string;
  readonly nowMs?: () => number;
  /** In [0, 1). */
  readonly random?: () => number;
  readonly startProcess?: StartProcess;
}

export interface Escalation {
  readonly status: ActorStatus;
  readonly failure: ChildFailure;
}

/** Too low: an ordinary restart is reported as an outage of the data center. */
const downAfterMsDefault = 3_000;

const killedMsMaxDefault = 5_000;

export interface DataCenterStatus {
  readonly name: string;
  readonly state: DataCenterState;
  readonly readyCount: number;
  readonly actorCount: number;
}

export class HostSupervisor {
  readonly #childHost: ChildHost;
  readonly #policy: ChildPolicy;
  readonly #downAfterMs: number;
  readonly #killedMsMax: number;
  readonly #children = new Map<string, SupervisedChild>();
  readonly #dataCenters = new Map<string, Actor<typeof dataCenterMachine>>();
  readonly #watchers = new Set<() => void>();

  /** @throws CONFIG_INVALID for a policy that makes no sense. */
  constructor(options: HostSupervisorOptions) {
    this.#policy = childPolicy(options.policy);
    this.#downAfterMs = options.downAfterMs ?? downAfterMsDefault;
    this.#killedMsMax = options.killedMsMax ?? killedMsMaxDefault;
    this.#childHost = this.#hostOf(options);
  }

  /**
   * Starts the actors, lower tiers first, without waiting for any.
   *
   * @throws CONFIG_INVALID if an address is already supervised.
   */
  start(specs: readonly ActorSpec[]): void {
    for (const { address } of specs) {
      if (this.#children.has(address)) {
        throw new StarlingError('CONFIG_INVALID', `${address} is already supervised`, { address });
      }
    }
    const children = [...specs]
      .sort((a, b) => a.tier - b.tier)
      .map((spec) => new SupervisedChild(spec, this.#childHost));
    for (const child of children) this.#children.set(child.spec.address, child);
    for (const child of children) child.start();
    for (const { dataCenter } of specs) this.#judge(dataCenter);
  }

  /** The status of every child, in start order. */
  snapshot(): ActorStatus[] {
    return [...this.#children.values()].map((child) => child.status());
  }

  dataCenters(): DataCenterStatus[] {
    return [...this.#dataCenters].map(([name, machine]) => {
      const snapshot = machine.getSnapshot();
      const { readyCount, actorCount } = snapshot.context.readiness;
      return { name, state: dataCenterStateOf(snapshot), readyCount, actorCount };
    });
  }

  /** @throws TIMEOUT, with the state of every actor that is not ready, after `timeoutMs`. */
  async waitUntilReady(timeoutMs: number): Promise<void> {
    const children = [...this.#children.values()];
    const ready = await this.#until(() => children.every((child) => child.ready), timeoutMs);
    if (ready) return;
    const late = children.filter((child) => !child.ready).map((child) => child.status());
    throw new StarlingError(
      'TIMEOUT',
      `after ${timeoutMs} ms ${late.length} of ${children.length} actors are not ready: ${late.map(describe).join(', ')}`,
      { addresses: late.map(({ address }) => address) },
    );
  }

  /**
   * Drains all children, higher tiers first, so that nobody loses a service it still needs. A tier gets an even share of
   * the time that is left, so a hanging one can't use up the time of the state-holding tier below it.
   *
   * @param drainMs for all tiers together; what is still alive then is killed by its pid.
   * @throws TIMEOUT if a killed process does not end.
   */
  async stopAll(drainMs: number = this.#policy.drainMs): Promise<void> {
    const deadlineMs = this.#childHost.nowMs() + drainMs;
    const tiers = [...new Set([...this.#children.values()].map(({ spec }) => spec.tier))];
    tiers.sort((a, b) => b - a);
    for (const [position, tier] of tiers.entries()) {
      const leftMs = Math.max(deadlineMs - this.#childHost.nowMs(), 1);
      await this.#stopTier(tier, leftMs / (tiers.length - position));
    }
    for (const machine of this.#dataCenters.values()) machine.stop();
  }

  /** Drains and ends actors that are not wanted any more, and forgets them. @throws TIMEOUT as `stopAll`. */
  async remove(addresses: readonly string[], drainMs = this.#policy.drainMs): Promise<void> {
    const children = addresses.flatMap((address) => this.#children.get(address) ?? []);
    await this.#stopChildren(children, drainMs);
    for (const { spec } of children) this.#children.delete(spec.address);
    for (const { spec } of children) this.#judge(spec.dataCenter);
  }

  /** SIGKILL to every process before this call returns, and no restarts; for a second Ctrl-C. */
  killAll(): void {
    for (const child of this.#children.values()) child.killNow();
  }

  #stopTier(tier: number, drainMs: number): Promise<void> {
    const children = [...this.#children.values()].filter(({ spec }) => spec.tier === tier);
    return this.#stopChildren(children, drainMs);
  }

  async #stopChildren(children: readonly SupervisedChild[], drainMs: number): Promise<void> {
    for (const child of children) child.stop(drainMs);
    const stopped = () => children.every((child) => child.stopped);
    if (await this.#until(stopped, drainMs + this.#killedMsMax)) return;
    const alive = children.filter((child) => !child.stopped).map((child) => child.status());
    throw new StarlingError(
      'TIMEOUT',
      `killed, but still there: ${alive.map(({ address, pid }) => `${address} (pid ${pid})`).join(', ')}`,
      { pids: alive.map(({ pid }) => pid) },
    );
  }

  #hostOf(options: HostSupervisorOptions): ChildHost {
    const { entry, execArgv = [], stateDir, config, natsOf } = options;
    const startProcess = options.startProcess ?? startActorProcess;
    return {
      host: options.host ?? hostname(),
      policy: this.#policy,
      epochs: options.epochs,
      nowMs: options.nowMs ?? steadyNowMs,
      random: options.random ?? Math.random,
      record: options.record,
      changed: (child) => {
        this.#judge(child.spec.dataCenter);
        for (const watcher of this.#watchers) watcher();
        options.onChange?.();
      },
      escalate: (child, failure) => options.onEscalate?.({ status: child.status(), failure }),
      startProcess: ({ epoch }, spec, handlers) => {
        const { address, kind, dataCenter, index, partitions = [] } = spec;
        const nats = natsOf(dataCenter, kind);
        const identity = { address, kind, dataCenter, index, epoch, partitions } as const;
        const start = { type: 'start', ...identity, config, nats, stateDir } as const;
        return startProcess({ entry, execArgv, start }, handlers);
      },
    };
  }

  /** Tells the machine of a data center how many of its actors are ready. */
  #judge(name: string): void {
    let machine = this.#dataCenters.get(name);
    if (machine === undefined) {
      machine = createActor(dataCenterMachine, { input: { downAfterMs: this.#downAfterMs } });
      this.#dataCenters.set(name, machine.start());
    }
    const children = [...this.#children.values()]
      .filter(({ spec }) => spec.dataCenter === name)
      .map(({ spec, ready }) => ({ kind: spec.kind, ready }));
    machine.send({ type: 'READINESS', readiness: readinessOf(children) });
  }

  /** Whether `condition` came true within `timeoutMs`; looked at after every change of a child. */
  #until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (result: boolean): void => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        resolve(result);
      };
      const watcher = (): void => {
        if (condition()) settle(true);
      };
      const timer = setTimeout(() => settle(false), timeoutMs);
      this.#watchers.add(watcher);
      watcher();
    });
  }
}

function describe({ address, state, reason }: ActorStatus): string {
  return reason === undefined ? `${address} (${state})` : `${address} (${state}: ${reason})`;
}

/** Milliseconds since 1970 that never jump: a clock that is set must not look like a silence or a storm of crashes. */
function steadyNowMs(): number {
  return performance.timeOrigin + performance.now();
}
