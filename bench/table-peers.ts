import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * The C++ maps that the table stands beside, each in a process of its own that makes a round when it is told to. What
 * scripts/table-peers.mjs has brought is taken from .starling/peers, else from where the compiler looks by itself.
 */
const source = fileURLToPath(new URL('../../bench/peers/table-peers.cpp', import.meta.url));
const peers = fileURLToPath(new URL('../../.starling/peers/usr', import.meta.url));

export class Peer {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor(program: string, name: string, rowCount: number, probeCount: number) {
    this.name = name;
    this.#child = spawn(program, [name, String(rowCount), String(probeCount)]);
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Filled; bytes it takes per row. */
  async ready(): Promise<number> {
    return (await this.#answer<{ bytesPerRow: number }>()).bytesPerRow;
  }

  /** Rows found and copied per second of CPU time, over all probes. */
  async round(): Promise<number> {
    this.#child.stdin.write('\n');
    return (await this.#answer<{ perSecond: number }>()).perSecond;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin.end();
    await closed;
  }

  async #answer<T>(): Promise<T> {
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error(`${this.name} ended before it answered`);
    return JSON.parse(answer.value) as T;
  }
}

export interface PeerProgram {
  /** Which of the maps it was compiled with. */
  readonly names: readonly string[];
  start(name: string, rowCount: number, probeCount: number): Peer;
  remove(): void;
}

/** Undefined, with a printed reason, where there is no compiler. */
export function compilePeers(): PeerProgram | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-bench-'));
  const program = path.join(folder, 'table-peers');
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const args = [
      '-O3',
      '-march=native',
      '-std=c++20',
      `-I${peers}/include`,
      source,
      '-o',
      program,
    ];
    execFileSync('c++', [...args, ...libraries()], { stdio: 'pipe' });
  } catch (error) {
    remove();
    console.log(`no C++ peers: ${(error as Error).message.split('\n')[0]}`);
    return undefined;
  }
  const names = JSON.parse(execFileSync(program, ['kinds']).toString()) as string[];
  if (names.length < 3)
    console.log('libcuckoo or Abseil is missing: node scripts/table-peers.mjs brings them');
  return {
    names,
    start: (name, rowCount, probeCount) => new Peer(program, name, rowCount, probeCount),
    remove,
  };
}

/** Abseil's, which refer to each other. */
function libraries(): string[] {
  const lib = path.join(peers, 'lib');
  if (!existsSync(lib)) return [];
  const found = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((file) => /libabsl_.*\.a$/.test(file) && !/test|mock|flags/.test(file))
    .map((file) => path.join(lib, file));
  return ['-Wl,--start-group', ...found, '-Wl,--end-group', '-pthread'];
}
