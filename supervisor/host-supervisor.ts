import { hostname } from 'node:os';
import type { Clock } from '../core/base/clock.js';
import { StarlingError } from '../core/base/errors.js';
import type { TimeAndChance } from '../core/base/random.js';
import type { ActorStatus } from '../messages/actor-status.js';
import { hostNameOf } from '../messages/host-name.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import type { Launcher } from './actor-launcher.js';
import { ChildGroup } from './child-group.js';
import type { ChildFailure } from './child.machine.js';
import type { EpochStore } from './epochs.js';
import { startOrder, type GroupPolicy } from './group.machine.js';
import type { ActorSpec } from '../messages/actor-spec.js';
import { childPolicy, type ChildPolicy } from '../runtime/restart-policy.js';
import { profileProcesses, type ProcessProfiles } from './process-profiles.js';
import { SupervisedChild, type ChildHost } from './supervised-child.js';
import { Watchers } from './readiness-watchers.js';

/**
 * Starts and watches the actors placed on this host, which may share processes. A child that dies is restarted; those of its
 * data center that share its fate, by the strategy of the group, are restarted with it. A child or a group that keeps
 * dying is reported to the parent through `onEscalate`, the others go on, and it is tried again after a cool-down,
 * since its cause (a full disk) may pass.
 *
 * All children are started at once. Every actor waits by itself for what it needs, which it must be able to do anyway
 * when that restarts; so the start order of the tiers only decides who gets the processor first.
 */
export interface HostSupervisorOptions extends TimeAndChance {
  readonly launcher: Launcher;
  readonly epochs: EpochStore;
  /** Takes every event of every child, in order. Must not throw and must not wait. */
  readonly record: (event: SupervisionEvent) => void;
  /** A child or a group failed for good. It keeps the state `failed` and is tried again after its cool-down. */
  readonly onEscalate?: (escalation: Escalation) => void;
  /** After every change of an actor's state. */
  readonly onChange?: () => void;
  readonly policy?: Partial<ChildPolicy>;
  /** What a crash means for the other actors of the data center; the window and the cool-down are those of `policy`. */
  readonly group?: Partial<Pick<GroupPolicy, 'strategy' | 'restartsMax'>>;
  /** How long the kernel may take to end a killed process. Longer means that it is stuck in a system call. */
  readonly killedMsMax?: number;
  readonly host?: string;
}

export type Escalation =
  | { readonly scope: 'child'; readonly status: ActorStatus; readonly failure: ChildFailure }
  | { readonly scope: 'group'; readonly dataCenter: string; readonly failure: ChildFailure };

/** Too low: some faults at once stop a whole data center. Too high: actors that end each other burn CPU for longer. */
const groupRestartsMaxDefault = 100;

const killedMsMaxDefault = 5_000;

export class HostSupervisor {
  readonly #childHost: ChildHost;
  readonly #options: HostSupervisorOptions;
  readonly #policy: ChildPolicy;
  readonly #killedMsMax: number;
  readonly #children = new Map<string, SupervisedChild>();
  /** By data center, and apart from it by model. */
  readonly #groups = new Map<string, ChildGroup>();
  /** Their actors stay out of the queue groups of public subjects, those that are started later, too. */
  readonly #drained = new Set<string>();
  readonly #watchers: Watchers;

  /** @throws CONFIG_INVALID for a policy that makes no sense. */
  constructor(options: HostSupervisorOptions) {
    this.#options = options;
    this.#policy = childPolicy(options.policy);
    this.#killedMsMax = options.killedMsMax ?? killedMsMaxDefault;
    this.#watchers = new Watchers(options.clock);
    this.#childHost = this.#hostOf(options);
  }

  /**
   * Starts the actors, lower tiers first, without waiting for any. With the first call, processes of an earlier
   * supervisor that are not among them are told to leave.
   *
   * @throws CONFIG_INVALID if an address is already supervised.
   */
  start(specs: readonly ActorSpec[]): void {
    for (const { address } of specs) {
      if (this.#children.has(address)) {
        throw new StarlingError('CONFIG_INVALID', `${address} is already supervised`, { address });
      }
    }
    const children = startOrder(specs).map((spec) => new SupervisedChild(spec, this.#childHost));
    for (const child of children) this.#children.set(child.spec.address, child);
    for (const name of new Set(specs.map(groupName)))
      this.#groupOf(name).add(children.filter(({ spec }) => groupName(spec) === name));
    for (const child of children) child.start();
    this.#options.launcher.dismissOthers();
  }

  /**
   * Takes the actors of a data center here out of the queue groups of public subjects, or back. It is kept for actors
   * that are started later. Who wants to know when all have left looks at `haveLeft` of the snapshot.
   */
  setServing(dataCenter: string, open: boolean): void {
    if (open) this.#drained.delete(dataCenter);
    else this.#drained.add(dataCenter);
    for (const child of this.#children.values())
      if (child.spec.dataCenter === dataCenter) child.setServing(open);
  }

  /** The status of every child, in start order. */
  snapshot(): ActorStatus[] {
    return [...this.#children.values()].map((child) => child.status());
  }

  /** What each process here does in the next `seconds`. */
  profile(seconds: number): Promise<ProcessProfiles> {
    return profileProcesses([...this.#children.values()], seconds, this.#options.clock);
  }

  /** @throws TIMEOUT, with the state of every actor that is not ready, after `timeoutMs`. */
  async waitUntilReady(timeoutMs: number): Promise<void> {
    await this.#watchers.untilReady(() => this.snapshot(), this.#children.size, timeoutMs);
  }

  /**
   * Drains all children, higher tiers first, so that nobody loses a service it still needs. The data centers stop side by
   * side, since each must be able to do without the others anyway.
   *
   * @param drainMs for all tiers together; what is still alive then is killed by its pid.
   * @throws TIMEOUT if a killed process does not end.
   */
  async stopAll(drainMs: number = this.#policy.drainMs): Promise<void> {
    for (const group of this.#groups.values()) group.stop(drainMs);
    await this.#untilStopped([...this.#children.values()], drainMs);
  }

  /** Drains and ends actors that are not wanted any more, and forgets them. @throws TIMEOUT as `stopAll`. */
  async remove(addresses: readonly string[], drainMs = this.#policy.drainMs): Promise<void> {
    const children = addresses.flatMap((address) => this.#children.get(address) ?? []);
    for (const child of children) child.stop(drainMs);
    await this.#untilStopped(children, drainMs);
    for (const { spec } of children) {
      this.#children.delete(spec.address);
      this.#leaveGroup(spec);
    }
  }

  /** SIGKILL to every process before this call returns, and no restarts; for a second Ctrl-C. */
  killAll(): void {
    for (const group of this.#groups.values()) group.stop(this.#policy.drainMs);
    for (const child of this.#children.values()) child.killNow();
  }

  /** Waits until children that were asked to stop within `drainMs` did, or have been killed. */
  async #untilStopped(children: readonly SupervisedChild[], drainMs: number): Promise<void> {
    const stopped = () => children.every((child) => child.stopped);
    if (await this.#watchers.until(stopped, drainMs + this.#killedMsMax)) return;
    const alive = children.filter((child) => !child.stopped).map((child) => child.status());
    throw new StarlingError(
      'TIMEOUT',
      `killed, but still there: ${alive.map(({ address, pid }) => `${address} (pid ${pid})`).join(', ')}`,
      { pids: alive.map(({ pid }) => pid) },
    );
  }

  #hostOf(options: HostSupervisorOptions): ChildHost {
    const { launcher, clock, random } = options;
    return {
      host: options.host ?? hostNameOf(hostname()),
      policy: this.#policy,
      epochs: options.epochs,
      clock,
      nowMs: steadySince1970(clock),
      random: () => random.next(),
      record: options.record,
      changed: (child) => {
        if (child.stopped) this.#groupOf(groupName(child.spec)).stopped(child.spec.address);
        this.#watchers.changed();
        options.onChange?.();
      },
      serves: (dataCenter) => !this.#drained.has(dataCenter),
      servingChanged: () => {
        this.#watchers.changed();
        options.onChange?.();
      },
      escalate: (child, failure) =>
        options.onEscalate?.({ scope: 'child', status: child.status(), failure }),
      crashed: ({ spec }, addresses) =>
        this.#groupOf(groupName(spec)).crashed(spec.address, addresses),
      startProcess: (life, spec, handlers) => {
        const serving = !this.#drained.has(spec.dataCenter);
        return launcher.start(spec, { ...life, serving }, handlers);
      },
      claimProcess: (spec, handlers) => launcher.claim(spec, handlers),
    };
  }

  /** A group that nobody belongs to any more is forgotten, with its crashes: who comes next begins anew. */
  #leaveGroup(spec: ActorSpec): void {
    const name = groupName(spec);
    const group = this.#groupOf(name);
    group.remove([spec.address]);
    if (!group.isEmpty) return;
    group.close();
    this.#groups.delete(name);
  }

  #groupOf(name: string): ChildGroup {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const { restartWindowMs, coolDownMs } = this.#policy;
    const { strategy = 'one-for-one', restartsMax = groupRestartsMaxDefault } =
      this.#options.group ?? {};
    const group = new ChildGroup(name, {
      policy: { strategy, restartsMax, restartWindowMs, coolDownMs },
      clock: this.#options.clock,
      nowMs: () => this.#childHost.nowMs(),
      record: this.#options.record,
      escalate: (failure) =>
        this.#options.onEscalate?.({ scope: 'group', dataCenter: name, failure }),
    });
    this.#groups.set(name, group);
    return group;
  }
}

/** Milliseconds since 1970 that never jump: a clock that is set must not look like a silence or a storm of crashes. */
function steadySince1970(clock: Clock): () => number {
  const sinceMs = clock.wallMs() - clock.nowMs();
  return () => sinceMs + clock.nowMs();
}

/** Those of one share each other's fate: a model beside `main` is nothing to the others. */
function groupName({ dataCenter, model }: ActorSpec): string {
  return model ? `${dataCenter}, model ${model.identity.name}` : dataCenter;
}
