import { createActor, type Actor } from 'xstate';
import type { Clock } from '../core/base/clock.js';
import { messageOf } from '../core/base/errors.js';
import { hearStats, type ActorKind, type HeardOf } from '../messages/actor-kinds.js';
import { actorStatus, type ActorStatus } from '../messages/actor-status.js';
import type {
  ChildMessage,
  ProfiledMessage,
  ReportedState,
  StartMessage,
} from '../messages/child-messages.js';
import type { SupervisionEvent, SupervisionEventType } from '../messages/supervision-events.js';
import type {
  ActorProcess,
  ClaimedProcess,
  ProcessExit,
  ProcessHandlers,
} from './child-process.js';
import type { LeftProcessHandlers } from './adoption/left-process.js';
import {
  childMachine,
  childStateOf,
  type ChildContext,
  type ChildFailure,
  type Report,
} from './child.machine.js';
import type { EpochStore } from './epochs.js';
import { machineClock } from '../runtime/machine-clock.js';
import type { ActorSpec } from '../messages/actor-spec.js';
import type { ChildPolicy } from '../runtime/restart-policy.js';

/** What a child needs from the host that supervises it. */
export interface ChildHost {
  readonly host: string;
  readonly policy: ChildPolicy;
  readonly epochs: EpochStore;
  readonly clock: Clock;
  /** Since 1970, and never jumps. */
  nowMs(): number;
  /** In [0, 1). */
  random(): number;
  startProcess(
    start: Pick<StartMessage, 'epoch' | 'ended'>,
    spec: ActorSpec,
    handlers: ProcessHandlers,
  ): ActorProcess;
  /** The process that an earlier supervisor left at this address, if there is one. */
  claimProcess(spec: ActorSpec, handlers: LeftProcessHandlers): ClaimedProcess | undefined;
  record(event: SupervisionEvent): void;
  /** After every change of the child's state. */
  changed(child: SupervisedChild): void;
  /** Whether the actors of a data center are to answer the public. */
  serves(dataCenter: string): boolean;
  /** Its process says that it has joined the queue groups of public subjects, or left them. */
  servingChanged(child: SupervisedChild): void;
  escalate(child: SupervisedChild, failure: ChildFailure): void;
  /** Its process ended without having been asked to, with all `addresses` in it; what the child does about it is decided. */
  crashed(child: SupervisedChild, addresses: readonly string[]): void;
}

/** The part of the drain time that the actor is told of; the rest is for leaving before the SIGKILL. */
const drainShare = 0.8;

const calledOff = 'was called off before it started';

/** One try to have a process. It is the identity by which news of an earlier process are told apart. */
interface Attempt {
  process: ActorProcess | undefined;
  ended: boolean;
  /** Its process is left from an earlier supervisor, and neither adopted nor sent away: its end makes room for a new one. */
  undecided: boolean;
}

/**
 * One child: the machine that decides, the process it decides about, and the record of both. It turns what the process
 * does into events of the machine and the machine's effects into what happens to the process.
 */
export class SupervisedChild {
  readonly spec: ActorSpec;
  readonly #host: ChildHost;
  readonly #machine: Actor<typeof childMachine>;
  #attempt: Attempt | undefined;
  #epoch = 0;
  #stats: HeardOf<ActorKind> = {};
  #state: ActorStatus['state'] = 'starting';
  #sinceMs: number;
  #lastSignAtMs: number;
  /** First exit since the actor was last ready. */
  #outageAtMs: number | undefined;
  #exitDetail: string | undefined;
  /** Who has asked for a profile of its process. */
  #onProfiled: ((said: ProfiledMessage) => void) | undefined;

  constructor(spec: ActorSpec, host: ChildHost) {
    this.spec = spec;
    this.#host = host;
    this.#sinceMs = host.nowMs();
    this.#lastSignAtMs = this.#sinceMs;
    const machine = childMachine.provide({
      actions: {
        spawn: () => this.#spawn(),
        kill: () => this.#kill(),
        drain: ({ context }) => this.#drain(context.drainMs),
        report: ({ context }, report) => this.#report(report, context),
        escalate: ({ context }) => {
          // Effects run before the machine has its new state, and the parent will ask for the status.
          const failure = this.#failureOf(context);
          queueMicrotask(() => host.escalate(this, failure));
        },
      },
    });
    const clock = machineClock(host.clock);
    this.#machine = createActor(machine, { input: host.policy, clock });
    this.#machine.subscribe((snapshot) => this.#observe(childStateOf(snapshot)));
  }

  get ready(): boolean {
    return this.#state === 'ready';
  }

  get stopped(): boolean {
    return this.#state === 'stopped';
  }

  get pid(): number | null {
    return this.#attempt?.ended === false ? (this.#attempt.process?.pid ?? null) : null;
  }

  start(): void {
    this.#machine.start();
  }

  /**
   * All of its group are going to be stopped, and it when its turn comes: until then it goes on, but whatever ends it, it is
   * not started again.
   */
  retire(): void {
    if (this.stopped) return;
    this.#machine.send({ type: 'RETIRE' });
    const attempt = this.#attempt;
    if (attempt?.ended !== false) return;
    if (attempt.process !== undefined) return attempt.process.retire();
    this.#ended(attempt, noProcess(calledOff));
  }

  /** Drains and ends the process, which is killed after `drainMs`; the child is not restarted. */
  stop(drainMs: number): void {
    if (!this.stopped) this.#machine.send({ type: 'STOP', drainMs });
  }

  /** Drains the process and starts the next one, which is no crash; where there is none, the next one comes anyway. */
  restart(reason: string): void {
    this.#machine.send({ type: 'RESTART', reason });
  }

  /** Drains the process and starts the next one after the cool-down. */
  coolDown(reason: string): void {
    this.#machine.send({ type: 'COOL_DOWN', reason });
  }

  /** SIGKILL before this call returns, and no restart; for a supervisor that has no time left. */
  killNow(): void {
    this.stop(this.#host.policy.drainMs);
    this.#attempt?.process?.kill();
  }

  /** For the process there is now; the host says it to the later ones with their start. */
  setServing(open: boolean): void {
    if (this.#attempt?.ended === false) this.#attempt.process?.serve(open);
  }

  /** Has its process watch itself. `heard` comes once, or not at all where it ends or hangs. Whether it was told. */
  profile(seconds: number, heard: (said: ProfiledMessage) => void): boolean {
    const attempt = this.#attempt;
    this.#onProfiled = heard;
    return attempt?.ended === false && attempt.process?.profile?.(seconds) === true;
  }

  status(): ActorStatus {
    const { address, kind, dataCenter, partitions } = this.spec;
    const { context } = this.#machine.getSnapshot();
    const row = {
      address,
      kind,
      dataCenter,
      host: this.#host.host,
      pid: this.pid,
      state: this.#state,
      epoch: this.#epoch,
      restarts: context.restarts,
      ...(partitions === undefined ? {} : { partitions }),
      sinceMs: this.#sinceMs,
      ...(this.#exitDetail === undefined ? {} : { reason: this.#exitDetail }),
    };
    return actorStatus(row, this.#stats);
  }

  get #retires(): boolean {
    return this.#machine.getSnapshot().context.retires;
  }

  #spawn(): void {
    const attempt: Attempt = { process: undefined, ended: false, undecided: false };
    this.#attempt = attempt;
    this.#lastSignAtMs = this.#host.nowMs();
    const left = this.#host.claimProcess(this.spec, {
      onAdopted: (state) => this.#adopt(attempt, state),
      onMessage: (message) => this.#hear(message),
      onExit: (exit) => this.#leave(attempt, exit),
    });
    if (left === undefined) return this.#begin(attempt);
    attempt.process = left;
    attempt.undecided = true;
    this.#epoch = left.epoch;
  }

  /** Epochs go on: an adopted process keeps the one that it has. */
  #adopt(attempt: Attempt, state: ReportedState): void {
    attempt.undecided = false;
    this.#machine.send({ type: 'ADOPTED' });
    this.#hear({ type: 'state', state });
    // What the supervisor before had said last may not be so any more.
    attempt.process?.serve(this.#host.serves(this.spec.dataCenter));
  }

  /** A process that was left has ended. Unless it was adopted, that is what a new one has waited for. */
  #leave(attempt: Attempt, exit: ProcessExit): void {
    if (!attempt.undecided || this.#retires) return this.#end(attempt, exit);
    this.#record('exit', `${exit.detail}, before it was adopted`);
    attempt.process = undefined;
    attempt.undecided = false;
    this.#begin(attempt);
  }

  #begin(attempt: Attempt): void {
    void this.#host.epochs.next(this.spec.address).then(
      (epoch) => this.#launch(attempt, epoch),
      (error: unknown) => this.#end(attempt, noProcess(`has no epoch: ${messageOf(error)}`)),
    );
  }

  #launch(attempt: Attempt, epoch: number): void {
    if (attempt.ended) return;
    // Whatever process it had is gone by now.
    const ended = this.#epoch;
    this.#epoch = epoch;
    const life = ended > 0 ? { epoch, ended } : { epoch };
    attempt.process = this.#host.startProcess(life, this.spec, {
      onMessage: (message) => this.#hear(message),
      onExit: (exit) => this.#end(attempt, exit),
    });
    this.#record('start', `pid ${attempt.process.pid}, ${attempt.process.log}`);
  }

  /** A process is heard only while it is the current one: its successor starts after its end. */
  #hear(message: ChildMessage): void {
    this.#lastSignAtMs = this.#host.nowMs();
    switch (message.type) {
      case 'heartbeat': {
        const served = this.#stats.serving;
        this.#stats = hearStats(this.spec.kind, message.stats);
        this.#machine.send({ type: 'HEARTBEAT' });
        if (served !== this.#stats.serving) this.#host.servingChanged(this);
        return;
      }
      case 'failed':
        return this.#machine.send({ type: 'FAILED', failure: message });
      case 'profiled':
        this.#onProfiled?.(message);
        this.#onProfiled = undefined;
        return;
      case 'state':
        if (message.state === 'ready') return this.#machine.send({ type: 'READY' });
        if (message.state === 'restoring') return this.#machine.send({ type: 'RESTORING' });
        return this.#machine.send({ type: 'HEARTBEAT' });
    }
  }

  #end(attempt: Attempt, exit: ProcessExit): void {
    if (attempt.ended) return;
    const wasRunning = this.#machine.getSnapshot().matches('running');
    this.#ended(attempt, exit);
    // Of a process of several the end is told once.
    const together = exit.together ?? (exit.shared === undefined ? [this.spec.address] : []);
    if (wasRunning && together.length > 0) this.#host.crashed(this, together);
  }

  #ended(attempt: Attempt, exit: ProcessExit): void {
    attempt.ended = true;
    const atMs = this.#host.nowMs();
    const { failure } = this.#machine.getSnapshot().context;
    const lastWords = failure === null ? '' : `: ${failure.code} ${failure.message}`;
    this.#exitDetail = exit.detail + lastWords;
    this.#outageAtMs ??= atMs;
    this.#record('exit', this.#exitDetail);
    const { shared } = exit;
    const cause = shared === undefined || shared.isCrash ? {} : { because: shared.with };
    this.#machine.send({ type: 'EXITED', atMs, jitter: this.#host.random(), ...cause });
  }

  #kill(): void {
    this.#withProcess((process) => process.kill());
  }

  #drain(drainMs: number): void {
    this.#withProcess((process) => process.stop(drainMs * drainShare));
  }

  /** An attempt that has no process yet is called off instead; it will not start one later. */
  #withProcess(act: (process: ActorProcess) => void): void {
    const attempt = this.#attempt;
    if (attempt === undefined || attempt.ended) return;
    attempt.undecided = false;
    if (attempt.process !== undefined) return act(attempt.process);
    // No crash: it was asked to end, as the machine will say once it has done what it is at.
    this.#ended(attempt, noProcess(calledOff));
  }

  #report(report: Report, context: ChildContext): void {
    const { type } = report;
    if (type !== 'ready') return this.#record(type, this.#detailOf(report, context));
    const outageAtMs = this.#outageAtMs;
    this.#outageAtMs = undefined;
    this.#exitDetail = undefined;
    if (outageAtMs === undefined) return this.#record('ready', '');
    this.#record('ready', 'recovered', this.#host.nowMs() - outageAtMs);
  }

  #detailOf({ type, withGroup, withProcess }: Report, context: ChildContext): string {
    const { policy } = context;
    if (withProcess !== undefined) return `with its process, which ${withProcess} has ended`;
    if (withGroup !== undefined) return `with its group: ${withGroup}`;
    switch (type) {
      case 'adopt':
        return `pid ${this.pid}`;
      case 'suspect':
        if (context.failure !== null) return `said ${context.failure.code}`;
        return `silent for ${Math.round(this.#host.nowMs() - this.#lastSignAtMs)} ms`;
      case 'restart':
        return (
          `in ${Math.round(context.backoffMs)} ms, crash ${context.crashesAtMs.length}` +
          ` of at most ${policy.restartsMax} in ${policy.restartWindowMs / 1000} s`
        );
      case 'failed':
        return `${this.#failureOf(context).message}; next try in ${policy.coolDownMs / 1000} s`;
      default:
        return '';
    }
  }

  #failureOf({ failure, crashesAtMs }: ChildContext): ChildFailure {
    if (failure !== null) return failure;
    const message = `died ${crashesAtMs.length} times, last ${this.#exitDetail ?? 'without a reason'}`;
    return { code: 'INTERNAL', message };
  }

  #record(type: SupervisionEventType, detail: string, recoveryMs?: number): void {
    this.#host.record({
      atMs: this.#host.nowMs(),
      address: this.spec.address,
      type,
      detail,
      epoch: this.#epoch,
      ...(recoveryMs === undefined ? {} : { recoveryMs }),
    });
  }

  #observe(state: ActorStatus['state']): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#sinceMs = this.#host.nowMs();
    this.#host.changed(this);
  }
}

function noProcess(detail: string): ProcessExit {
  return { code: null, signal: null, detail };
}
