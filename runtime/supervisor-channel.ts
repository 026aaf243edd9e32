import { createConnection } from 'node:net';
import { messageOf } from '../core/base/errors.js';
import {
  parseParentMessage,
  type AttachMessage,
  type ChildMessage,
  type LeftMessage,
  type ProfileMessage,
  type ReportedState,
  type RetireMessage,
  type ServeMessage,
  type StartMessage,
  type StopMessage,
} from '../messages/child-messages.js';
import { JsonLines } from './json-lines.js';
import { startHashOf, supervisionSocket } from './supervision-socket.js';

/**
 * The way from an actor to whoever supervises it. It begins as the IPC channel of its process, which it shares with the other
 * actors there. When that closes the supervisor was killed, and nothing is wrong with the actor: it goes on, looks for a
 * successor at the socket of the state folder, introduces itself, and is heard there from then on. If nobody comes it is
 * `abandoned`.
 */
export interface SupervisorChannelOptions {
  readonly start: StartMessage;
  /** How long to look for a successor; 0: not at all. */
  readonly orphanMs: number;
  /** What it says of itself when it is found. */
  readonly state: () => ReportedState;
  onTold(message: StopMessage | ServeMessage | RetireMessage | ProfileMessage): void;
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

  constructor(options: SupervisorChannelOptions) {
    this.#options = options;
  }

  /** Without a supervisor, nobody misses it. */
  send(message: ChildMessage | LeftMessage): void {
    if (this.#closed) return;
    const { address } = this.#options.start;
    const said = { ...message, address };
    if (process.connected) process.send!(said, undefined, undefined, () => undefined);
    // One that was told to leave by who did not want it says when it has.
    else if (this.#adopted || message.type === 'left') this.#successor?.send(message);
  }

  /** Nothing more is said. Resolves when what was said over a socket has left; the IPC channel is that of the process. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#search);
    await this.#successor?.end();
  }

  /** The IPC channel has closed, or the connection to a successor. */
  orphaned(): void {
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
    // What begins a life is not for who has one.
    if (message === undefined || message.type === 'start' || message.type === 'prepare') return;
    if (message.type !== 'adopted') return this.#options.onTold(message);
    if (this.#adopted) return;
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
    if (wasAdopted) this.orphaned();
  }
}
