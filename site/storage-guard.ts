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
  /** Takes effect when it resolves; called again until it does. */
  readonly setIngest: (open: boolean) => Promise<void>;
  readonly log: (line: string) => void;
  /** For tests. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/** Between two looks. Too high: a fast stream fills what is kept back before anybody looks. */
const lookMs = 1_000;

export class StorageGuard {
  readonly #options: StorageGuardOptions;
  readonly #gate: StorageGate;
  readonly #timer: NodeJS.Timeout;
  #applied = true;
  #looking: Promise<void> | undefined;

  constructor(options: StorageGuardOptions) {
    this.#options = options;
    this.#gate = new StorageGate(options.freeBytesMin);
    this.#timer = setInterval(() => {
      this.#looking ??= this.look().finally(() => (this.#looking = undefined));
    }, lookMs);
  }

  get refusing(): boolean {
    return !this.#applied;
  }

  async look(): Promise<void> {
    const { folder, freeBytes = freeBytesOf, freeBytesMin, setIngest, log } = this.#options;
    let free: number;
    try {
      free = await freeBytes(folder);
    } catch {
      return; // Some file systems can't say; then the servers' own limit is all there is.
    }
    this.#gate.observe(free);
    const open = !this.#gate.closed;
    if (open === this.#applied) return;
    try {
      await setIngest(open);
      this.#applied = open;
      const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
      log(
        open
          ? `${mebibytes(free)} of disk are free again: events are accepted`
          : `only ${mebibytes(free)} of disk are free, less than the ${mebibytes(freeBytesMin)} kept back: events are refused until there is more`,
      );
    } catch (error) {
      log(
        `events could not be ${open ? 'accepted' : 'refused'}: ${codeOf(error)}: ${messageOf(error)}`,
      );
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
