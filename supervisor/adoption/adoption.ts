import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { parseAttachMessage, type AttachMessage } from '../../messages/child-messages.js';
import { JsonLines } from '../../runtime/json-lines.js';
import { supervisionSocket } from '../../runtime/supervision-socket.js';
import { ProcessMembers } from '../process-members.js';
import { identityOf } from '../../runtime/os/process-identity.js';
import type { ProcessNotes } from '../../runtime/os/process-notes.js';
import { openChildNotes, type ChildNote } from './child-notes.js';
import {
  LeftProcess,
  type LeftProcessHandlers,
  type LeftProcessTimes,
  type Wanted,
} from './left-process.js';

/**
 * What a supervisor leaves to its successor, and what that finds: notes of the processes that run, and a socket at which
 * those that outlived their supervisor introduce themselves.
 *
 * It listens from the moment the state folder is ours. Who introduces himself before it is known which actors are wanted
 * is let in and waits for the answer, so that actors outlast a start that takes longer than they would have searched.
 */
export interface AdoptionOptions extends Partial<LeftProcessTimes> {
  /** Its lock is held: nobody else listens there. */
  readonly stateDir: string;
  readonly log?: (line: string) => void;
}

const attachMsMaxDefault = 5_000;
const drainMsDefault = 5_000;

interface Introduced {
  readonly introduction: AttachMessage;
  readonly lines: JsonLines;
}

export class Adoption {
  readonly #notes: ProcessNotes<ChildNote>;
  readonly #times: LeftProcessTimes;
  readonly #log: (line: string) => void;
  readonly #server: Server;
  readonly #connections = new Set<JsonLines>();
  /** By address: what lived when this supervisor began, until it has ended. */
  readonly #left = new Map<string, LeftProcess>();
  /** By pid: who shares a process. */
  readonly #members = new Map<number, ProcessMembers>();
  /** Addresses whose processes nobody has asked for yet. */
  readonly #unclaimed: Set<string>;
  /** By address: the newest epoch that this supervisor has started and whose end it has not seen. */
  readonly #started = new Map<string, number>();
  #waiting: Introduced[] = [];
  #decided = false;

  private constructor(notes: ProcessNotes<ChildNote>, options: AdoptionOptions) {
    this.#notes = notes;
    this.#unclaimed = new Set(notes.all.keys());
    this.#log = options.log ?? (() => undefined);
    const { attachMsMax = attachMsMaxDefault, drainMs = drainMsDefault } = options;
    this.#times = { attachMsMax, drainMs };
    this.#server = createServer((socket) => this.#admit(socket));
  }

  /** @throws STATE_INVALID if the notes are damaged */
  static async open(options: AdoptionOptions): Promise<Adoption> {
    const notes = await openChildNotes(options.stateDir, options.log ?? (() => undefined));
    const adoption = new Adoption(notes, options);
    await adoption.#listen(options.stateDir);
    return adoption;
  }

  /**
   * A process was started for this life of `address`. Resolves when a successor would find it, or when it has ended.
   *
   * @throws STORAGE_FULL
   */
  async note(address: string, epoch: number, pid: number): Promise<void> {
    this.#started.set(address, epoch);
    const identity = await identityOf(pid);
    // One that was called off meanwhile would be waited for by a successor, and its neighbours killed with it.
    if (this.#started.get(address) === epoch)
      await this.#notes.add(address, { ...identity, epoch });
  }

  /** This life of `address` has ended. */
  forget(address: string, epoch: number): void {
    if (this.#started.get(address) === epoch) this.#started.delete(address);
    // A later life of the address may be in the same process.
    const note = this.#notes.all.get(address);
    if (note?.epoch === epoch) this.#notes.remove(address, note.pid);
  }

  /**
   * The process of this address that was left; undefined if there is none. No other may be started before its end. One
   * that is asked for late has been told to leave.
   */
  claim(address: string, wanted: Wanted, handlers: LeftProcessHandlers): LeftProcess | undefined {
    const note = this.#notes.all.get(address);
    if (!this.#unclaimed.delete(address) || note === undefined) return undefined;
    return this.#keep(address, note, this.#decided ? undefined : wanted, handlers);
  }

  /** Whether an earlier supervisor left any actor that nobody has asked for yet. */
  get hasUnclaimed(): boolean {
    return this.#unclaimed.size > 0;
  }

  /** Whether that process was left and lives, as far as is known. */
  hasLeft(pid: number): boolean {
    return this.#members.has(pid);
  }

  /** All that are wanted have been claimed: whoever else is there, or comes, is told to leave. */
  dismissOthers(): void {
    if (this.#decided) return;
    this.#decided = true;
    const ignored = { onAdopted: () => undefined, onMessage: () => undefined };
    for (const address of this.#unclaimed) {
      this.#keep(address, this.#notes.all.get(address)!, undefined, {
        ...ignored,
        onExit: ({ detail }) => this.#log(`${address} was left and is not wanted: ${detail}`),
      });
    }
    for (const each of this.#waiting.splice(0)) this.#answer(each);
  }

  /** Nobody is let in any more, and who is connected has no supervisor again. */
  async close(): Promise<void> {
    for (const lines of this.#connections) lines.destroy();
    if (this.#server.listening)
      await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#notes.settled();
  }

  #keep(
    address: string,
    note: ChildNote,
    wanted: Wanted | undefined,
    handlers: LeftProcessHandlers,
  ): LeftProcess {
    const members = this.#membersOf(note.pid);
    const left = new LeftProcess(
      note,
      wanted,
      {
        onAdopted: (state) => handlers.onAdopted(state),
        onMessage: (message) => {
          members.heard(address, message);
          if (message.type !== 'left') handlers.onMessage(message);
        },
        onRetire: () => members.retired(address),
        onStop: () => {
          members.asked(address);
          return !members.goesOn;
        },
        onKill: () => members.killed(address),
        // The first one to see it sees it for all.
        onExit: (exit) => members.ended(exit),
      },
      this.#times,
    );
    members.add(address, (exit) => {
      left.forget();
      if (this.#left.get(address) === left) this.#left.delete(address);
      if (members.size === 0) this.#members.delete(note.pid);
      this.forget(address, note.epoch);
      handlers.onExit(exit);
    });
    this.#left.set(address, left);
    return left;
  }

  /** Of a process that was left, as far as they were asked for. */
  #membersOf(pid: number): ProcessMembers {
    const known = this.#members.get(pid) ?? new ProcessMembers();
    this.#members.set(pid, known);
    return known;
  }

  /** Without it nothing is adopted, which costs a start from scratch and no more: no reason not to start. */
  async #listen(stateDir: string): Promise<void> {
    try {
      const address = supervisionSocket(stateDir);
      // What a killed supervisor left there; a pipe of Windows leaves nothing.
      if (process.platform !== 'win32') await rm(address, { force: true });
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen(address, resolve);
      });
    } catch (error) {
      this.#log(
        `actors of an earlier run can't be taken over: ${codeOf(error)}: ${messageOf(error)}`,
      );
    }
    this.#server.on('error', (error) => this.#log(`supervision socket: ${messageOf(error)}`));
  }

  #admit(socket: Socket): void {
    let introduced: Introduced | undefined;
    const lines = new JsonLines(socket, {
      onObject: (value) => {
        if (introduced !== undefined) {
          this.#left.get(introduced.introduction.address)?.hear(lines, value);
          return;
        }
        const introduction = parseAttachMessage(value);
        if (introduction === undefined) return lines.destroy();
        introduced = { introduction, lines };
        if (this.#decided) this.#answer(introduced);
        else this.#waiting.push(introduced);
      },
      onClose: () => {
        this.#connections.delete(lines);
        this.#waiting = this.#waiting.filter((each) => each !== introduced);
        if (introduced) this.#left.get(introduced.introduction.address)?.detach(lines);
      },
    });
    this.#connections.add(lines);
  }

  /** Nobody has noted a process that is not in `left`, or it is not the one that was noted: it has to go. */
  #answer({ introduction, lines }: Introduced): void {
    const left = this.#left.get(introduction.address);
    if (left !== undefined && left.pid === introduction.pid) left.attach(introduction, lines);
    else lines.send({ type: 'stop', drainMs: this.#times.drainMs });
  }
}
