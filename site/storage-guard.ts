import { statfs } from 'node:fs/promises';
import { codeOf, messageOf } from '../core/base/errors.js';

/** Too small: the gate flutters where much is written and trimmed. Too large: events are refused with room left. */
const marginBytesMax = 256 * 2 ** 20;

/**
 * Stops taking events before the disk is full. A disk that is full to the last byte takes the servers with it
 * (nats-server 2.9.10 then waits for itself for ever), and with them the recommendations, which need no disk. So some
 * space is kept back: below it events are refused with STORAGE_FULL, what was accepted is still learned from, and
 * above it they are taken again.
 */
export class StorageGate {
  readonly #freeBytesMin: number;
  #closed = false;

  /** @param freeBytesMin closed below this; open again somewhat above it, so that it does not flutter at the edge. */
  constructor(freeBytesMin: number) {
    this.#freeBytesMin = freeBytesMin;
  }

  get closed(): boolean {
    return this.#closed;
  }

  observe(freeBytes: number): void {
    const margin = Math.min(this.#freeBytesMin / 4, marginBytesMax);
    this.#closed = freeBytes < this.#freeBytesMin + (this.#closed ? margin : 0);
  }
}

export interface StorageGuardOptions {
  readonly folder: string;
  readonly freeBytesMin: number;
  /** Takes effect when it resolves; called at every look, so it should cost little when there is nothing to change. */
  readonly setIngest: (open: boolean) => Promise<void>;
  readonly log: (line: string) => void;
  /** For tests. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/** Between two looks. Too high: a fast stream fills what is kept back before anybody looks. */
const lookMs = 1_000;

/**
 * Looks at the disk, and has the servers told. They are told again at every look, whatever they were told before: what
 * they know may be from another life of this host, and a stream that was lost and made anew knows nothing of it.
 */
export class StorageGuard {
  readonly #options: StorageGuardOptions;
  readonly #gate: StorageGate;
  #timer: NodeJS.Timeout | undefined;
  /** What all servers have been told; undefined: not yet. */
  #applied: boolean | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: StorageGuardOptions) {
    this.#options = options;
    this.#gate = new StorageGate(options.freeBytesMin);
  }

  /** Whether there was room at the last look. */
  get accepts(): boolean {
    return !this.#gate.closed;
  }

  get refusing(): boolean {
    return this.#applied === false;
  }

  /** The first look has been taken when it resolves. */
  async start(): Promise<void> {
    await this.look();
    this.#timer = setInterval(() => {
      this.#looking ??= this.look().finally(() => (this.#looking = undefined));
    }, lookMs);
  }

  /**
   * Without a word to the servers, which may not be there yet.
   * @returns undefined where the file system can't say; then the servers' own limit is all there is.
   */
  async measure(): Promise<number | undefined> {
    const { folder, freeBytes = freeBytesOf } = this.#options;
    try {
      const free = await freeBytes(folder);
      this.#gate.observe(free);
      return free;
    } catch {
      return undefined; // Said above.
    }
  }

  async look(): Promise<void> {
    const free = await this.measure();
    if (free === undefined) return;
    const { setIngest, log } = this.#options;
    const open = this.accepts;
    const before = this.#applied;
    try {
      await setIngest(open);
      this.#applied = open;
      if (open !== (before ?? true)) log(this.#told(open, free));
    } catch (error) {
      // Where it is what they were told before, a server that is away has heard it, and the next look is soon.
      if (open === before) return;
      const what = `events could not be ${open ? 'accepted' : 'refused'}`;
      log(`${what}: ${codeOf(error)}: ${messageOf(error)}`);
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  #told(open: boolean, free: number): string {
    const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
    if (open) return `${mebibytes(free)} of disk are free again: events are accepted`;
    const kept = mebibytes(this.#options.freeBytesMin);
    return `only ${mebibytes(free)} of disk are free, less than the ${kept} kept back: events are refused until there is more`;
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
