import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../core/base/errors.js';

/** What scripts/bench-peers.mjs brought. Compiled files lie one folder deeper than the sources. */
export const peersFolder = fileURLToPath(new URL('../../../.starling/peers', import.meta.url));

/** A file that is not compiled. */
export function sourceOf(name: string): string {
  return fileURLToPath(new URL(`../../../bench/peers/${name}`, import.meta.url));
}

export const python = `${peersFolder}/python/bin/python`;

/** What is printed where it is not. */
export const noTorch = existsSync(python)
  ? undefined
  : 'not compared: node scripts/bench-peers.mjs brings PyTorch and FBGEMM';

/**
 * What is measured beside us, in a process of its own that says when it is ready and makes a round when it is told to, so that rounds of several
 * can be in turn and a neighbour on the machine hits all of them. One line of JSON each.
 */
export class Peer {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor(name: string, command: string, args: readonly string[]) {
    this.name = name;
    this.#child = spawn(command, args, { env: plainEnvironment() });
    this.#child.on('error', () => undefined); // It ends without an answer, which is told.
    this.#child.stderr.pipe(process.stderr);
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** @throws Error where it ended before. */
  async answer<T>(): Promise<T> {
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error(`${this.name} ended before it answered`);
    return JSON.parse(answer.value) as T;
  }

  round<T>(): Promise<T> {
    this.#child.stdin.write('\n');
    return this.answer();
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.pid === undefined) return;
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin.end();
    await closed;
  }
}

/** Those that begin, with what they say of themselves; of each other it is told why it is left out. */
export async function readyOnes(
  peers: readonly Peer[],
  told: (name: string, what: string) => void,
): Promise<Peer[]> {
  const ready: Peer[] = [];
  for (const peer of peers) {
    try {
      const { version, kernels } = await peer.answer<{ version: string; kernels?: string }>();
      told(peer.name, kernels === undefined ? version : `${version}, ${kernels}`);
      ready.push(peer);
    } catch (error) {
      told(peer.name, `not compared: ${messageOf(error)}`);
    }
  }
  return ready;
}

/** Without what a machine may tell libraries of linear algebra about its processor: peers are to find out, and be as fast as they can. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('OPENBLAS_'));
  return Object.fromEntries(entries);
}
