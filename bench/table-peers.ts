import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Peer, peersFolder, sourceOf } from './peers/peer.js';

/**
 * The C++ maps that the table stands beside, each in a process of its own that makes a round when it is told to. What
 * scripts/bench-peers.mjs has brought is taken from .starling/peers, else from where the compiler looks by itself.
 */
const source = sourceOf('table-peers.cpp');
const peers = path.join(peersFolder, 'usr');

/** One of its maps: filled, it says the bytes it takes per row; a round says rows found and copied per second of CPU time, over all probes. */
export class TablePeer {
  readonly #peer: Peer;

  constructor(program: string, name: string, rowCount: number, probeCount: number) {
    this.#peer = new Peer(name, program, [name, String(rowCount), String(probeCount)]);
  }

  get name(): string {
    return this.#peer.name;
  }

  async ready(): Promise<number> {
    return (await this.#peer.answer<{ bytesPerRow: number }>()).bytesPerRow;
  }

  async round(): Promise<number> {
    return (await this.#peer.round<{ perSecond: number }>()).perSecond;
  }

  stop(): Promise<void> {
    return this.#peer.stop();
  }
}

export interface PeerProgram {
  /** Which of the maps it was compiled with. */
  readonly names: readonly string[];
  start(name: string, rowCount: number, probeCount: number): TablePeer;
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
  if (names.length < 4)
    console.log('libcuckoo or Abseil is missing: node scripts/bench-peers.mjs brings them');
  return {
    names,
    start: (name, rowCount, probeCount) => new TablePeer(program, name, rowCount, probeCount),
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
