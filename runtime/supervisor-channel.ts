import { createConnection } from 'node:net';
import { messageOf } from '../core/base/errors.js';
import {
  parseParentMessage,
  type AttachMessage,
  type ChildMessage,
  type ReportedState,
  type ServeMessage,
  type StartMessage,
  type StopMessage,
} from '../messages/child-messages.js';
import { JsonLines } from './json-lines.js';
import { startHashOf, supervisionSocket } from './supervision-socket.js';

/**
 * The way from an actor to whoever supervises it. It begins as the IPC channel of the process that started it. When that
 * closes the supervisor was killed, and nothing is wrong with the actor: it goes on, looks for a successor at the socket
 * of the state folder, introduces itself, and is heard there from then on. If nobody comes it is `abandoned`.
 */
export interface SupervisorChannelOptions {
  readonly start: StartMessage;
  /** How long to look for a successor; 0: not at all. */
  readonly orphanMs: number;
  /** What it says of itself when it is found. */
  readonly state: () => ReportedState;
  onStop(message: StopMessage): void;
  onServe(message: ServeMessage): void;
  /** The supervisor is gone. */
  onOrphaned(): void;
  /** Another supervisor listens, and knows nothing yet but who it is and its state. */
  onAdopted(): void;
  onAbandoned(reason: string): void;
}

/** Too low: sixteen actors poll a dead address. Too high: it is part of the time a successor knows nothing of them. */
const knockMs = 150;

export class SupervisorChannel {
  readonly #options: SupervisorChannelOptions;
  #successor: JsonLines | undefined;
  #adopted = false;
  #search: NodeJS.Timeout | undefined;
  #searchUntilMs = 0;
  #closed = false;

  /** In the same turn of the event loop as the start message came: the next message may follow at once. */
  constructor(options: SupervisorChannelOptions) {
    this.#options = options;
    process.on('message', (value) => {
      const message = parseParentMessage(value);
      if (message?.type === 'stop') options.onStop(message);
      if (message?.type === 'serve') options.onServe(message);
    });
    process.on('disconnect', () => this.#orphaned());
  }

  /** Without a supervisor, nobody misses it. */
  send(message: ChildMessage): void {
    if (process.connected) process.send!(message, undefined, undefined, () => undefined);
    else if (this.#adopted) this.#successor?.send(message);
  }

  /** Resolves when the last words have left this process. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#search);
    if (process.connected) process.disconnect();
    await this.#successor?.end();
  }

  #orphaned(): void {
    if (this.#closed) return;
    this.#options.onOrphaned();
    this.#searchUntilMs = performance.now() + this.#options.orphanMs;
    this.#search = setInterval(() => this.#look(), knockMs);
    this.#look();
  }

  /** A successor that has let it in and not decided yet is waited for: it may still be starting its servers. */
  #look(): void {
    const { state, orphanMs } = this.#options;
    if (this.#successor !== undefined) return;
    if (state() === 'draining' || state() === 'stopped') return clearInterval(this.#search);
    if (performance.now() < this.#searchUntilMs) return this.#knock();
    clearInterval(this.#search);
    this.#options.onAbandoned(`no supervisor within ${orphanMs} ms`);
  }

  #knock(): void {
    try {
      const socket = createConnection(supervisionSocket(this.#options.start.stateDir));
      const successor = new JsonLines(socket, {
        onObject: (value) => this.#hear(value),
        onClose: () => this.#closedBySuccessor(),
      });
      this.#successor = successor;
      successor.send(this.#introduction());
    } catch (error) {
      // Without a state folder, or with somebody else's in its place, there is nobody to look for.
      clearInterval(this.#search);
      this.#options.onAbandoned(messageOf(error));
    }
  }

  #introduction(): AttachMessage {
    const { start, state } = this.#options;
    const { address, kind, epoch, partitions } = start;
    const startHash = startHashOf(start);
    const { pid } = process;
    return { type: 'attach', address, kind, epoch, pid, state: state(), partitions, startHash };
  }

  #hear(value: unknown): void {
    const message = parseParentMessage(value);
    if (message?.type === 'stop') return this.#options.onStop(message);
    if (message?.type === 'serve') return this.#options.onServe(message);
    if (message?.type !== 'adopted' || this.#adopted) return;
    this.#adopted = true;
    clearInterval(this.#search);
    // It may have changed since the introduction.
    this.send({ type: 'state', state: this.#options.state() });
    this.#options.onAdopted();
  }

  #closedBySuccessor(): void {
    const wasAdopted = this.#adopted;
    this.#successor = undefined;
    this.#adopted = false;
    if (wasAdopted) this.#orphaned();
  }
}
