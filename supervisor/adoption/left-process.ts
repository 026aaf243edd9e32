import {
  parseChildMessage,
  type AttachMessage,
  type ChildMessage,
  type LeftMessage,
  type ParentMessage,
  type ReportedState,
} from '../../messages/child-messages.js';
import type { ActorKind } from '../../messages/actor-kinds.js';
import type { ClaimedProcess, ProcessHandlers } from '../child-process.js';
import { watchForeign } from '../../runtime/os/foreign-process.js';
import { signalSameProcess } from '../../runtime/os/process-identity.js';
import type { ChildNote } from './child-notes.js';

/**
 * An actor in a process that an earlier supervisor left, maybe with others. It is one like another: it can be stopped, its
 * process killed, it speaks, and ends once. But the process is not our child, so it is watched as a foreign one whenever
 * the actor is not connected.
 *
 * Until it introduces itself nothing is known of it. If it does not in time it hangs, and is killed: its address is
 * wanted for a process that works.
 */
export interface Wanted {
  readonly kind: ActorKind;
  readonly partitions: readonly number[];
  /** Of configuration and access; see `startHashOf`. */
  readonly startHash: string;
}

export interface LeftProcessHandlers extends ProcessHandlers {
  /** It is the one that is wanted, and goes on in this state under this supervisor. */
  onAdopted(state: ReportedState): void;
}

/** What whoever watches over all that was left hears beside. */
export interface LeftActorHandlers extends Omit<LeftProcessHandlers, 'onMessage'> {
  onMessage(message: ChildMessage | LeftMessage): void;
  /** It will be told to leave, as all in its process. */
  onRetire(): void;
  /** It is to leave. Whether the process may end with it. */
  onStop(): boolean;
  /** It is to be killed. Whether the process is. */
  onKill(): boolean;
}

export interface LeftProcessTimes {
  /** Too low: an actor that is busy computing is killed for nothing. Too high: one that hangs is replaced late. */
  readonly attachMsMax: number;
  /** For one that is told to leave. */
  readonly drainMs: number;
}

/** What the process is told, and how it is cut off. */
export interface Connection {
  send(message: ParentMessage): void;
  destroy(): void;
}

/** Beyond its drain time, for the process to end. */
const leaveGraceMs = 1_000;

export class LeftProcess implements ClaimedProcess {
  readonly pid: number;
  readonly epoch: number;
  readonly log = 'left by an earlier supervisor';
  readonly #note: ChildNote;
  /** Undefined: it is to leave. */
  readonly #wanted: Wanted | undefined;
  readonly #handlers: LeftActorHandlers;
  readonly #times: LeftProcessTimes;
  #connection: Connection | undefined;
  /** Over which it was told to leave. */
  #farewell: Connection | undefined;
  #killAtMs: number;
  #drainMs: number | undefined;
  #retires = false;
  #killed = false;
  #ended = false;
  #watching = false;

  constructor(
    note: ChildNote,
    wanted: Wanted | undefined,
    handlers: LeftActorHandlers,
    times: LeftProcessTimes,
  ) {
    this.pid = note.pid;
    this.epoch = note.epoch;
    this.#note = note;
    this.#wanted = wanted;
    this.#handlers = handlers;
    this.#times = times;
    this.#killAtMs = performance.now() + times.attachMsMax;
    // Its end must not be reported before its owner has it.
    queueMicrotask(() => void this.#watch());
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** It has introduced itself over `connection`, for the first time or after that was cut off. */
  attach(introduction: AttachMessage, connection: Connection): void {
    if (this.#drainMs !== undefined) return this.#dismiss(connection, this.#drainMs);
    if (
      this.#ended ||
      this.#wanted === undefined ||
      !isWanted(introduction, this.#wanted, this.#note)
    )
      return this.#dismiss(connection, this.#times.drainMs);
    this.#connection?.destroy();
    this.#connection = connection;
    this.#killAtMs = Infinity;
    connection.send({ type: 'adopted' });
    if (this.#retires) connection.send({ type: 'retire' });
    this.#handlers.onAdopted(introduction.state);
  }

  hear(connection: Connection, value: unknown): void {
    if (connection !== this.#connection && connection !== this.#farewell) return;
    const message = parseChildMessage(value);
    if (message !== undefined) this.#handlers.onMessage(message);
  }

  /** The connection is gone; the process may be too. */
  detach(connection: Connection): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    void this.#watch();
  }

  retire(): void {
    this.#retires = true;
    this.#handlers.onRetire();
    this.#connection?.send({ type: 'retire' });
  }

  stop(drainMs: number): void {
    this.#drainMs = drainMs;
    const endsProcess = this.#handlers.onStop();
    if (this.#connection !== undefined) this.#connection.send({ type: 'stop', drainMs });
    // Else it is told when it comes, since the signal is for all of them.
    else if (endsProcess) signalSameProcess(this.#note, 'SIGTERM');
  }

  serve(open: boolean): void {
    this.#connection?.send({ type: 'serve', open });
  }

  profile(seconds: number): boolean {
    this.#connection?.send({ type: 'profile', seconds });
    return this.#connection !== undefined;
  }

  kill(): void {
    if (this.#ended || !this.#handlers.onKill()) return;
    this.#killed = true;
    signalSameProcess(this.#note, 'SIGKILL');
  }

  #dismiss(connection: Connection, drainMs: number): void {
    this.#handlers.onStop();
    connection.send({ type: 'stop', drainMs });
    this.#farewell = connection;
    this.#killAtMs = performance.now() + drainMs + leaveGraceMs;
  }

  /** While it is not connected: until it is, or has ended. */
  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    const ended = await watchForeign(this.#note, () => {
      // At once: whoever detaches from here on has it watched anew.
      this.#watching = this.#connection === undefined && !this.#ended;
      if (this.#watching && performance.now() > this.#killAtMs) this.kill();
      return this.#watching;
    });
    if (ended) this.#end();
  }

  /** Its process may go on with others: nothing of it is looked at any more. */
  forget(): void {
    this.#ended = true;
    this.#connection?.destroy();
    this.#connection = undefined;
    this.#farewell = undefined;
  }

  #end(): void {
    if (this.#ended) return;
    this.forget();
    const detail = this.#killed
      ? 'killed by SIGKILL'
      : 'ended; how is not known, as it was adopted';
    this.#handlers.onExit({ code: null, signal: this.#killed ? 'SIGKILL' : null, detail });
  }
}

/** The process that was noted, and the actor that would be started in its place. */
function isWanted(introduction: AttachMessage, wanted: Wanted, note: ChildNote): boolean {
  const { pid, epoch, kind, partitions, startHash } = introduction;
  return (
    pid === note.pid &&
    epoch === note.epoch &&
    kind === wanted.kind &&
    startHash === wanted.startHash &&
    partitions.length === wanted.partitions.length &&
    partitions.every((partition, i) => partition === wanted.partitions[i])
  );
}
