import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findLibrary } from '../runtime/tensorflow/library.js';
import { stepFlops, type Shape } from './core-trainer.js';
import { rounded } from './in-turns.js';
import type { CorePeerMeasure, CoreRound } from './peers/core-peer.js';
import { noTorch, Peer, peersFolder, python, readyOnes, sourceOf } from './peers/peer.js';

/**
 * The training core of each version of Node.js that is at hand, beside PyTorch: by itself, and with FBGEMM's fused tables, with Adagrad as ours
 * and with the one sum a row that is its authors' habit. One thread each, a process each, rounds in turn; the same tables, widths and
 * batches of ids drawn beforehand. Processor time, so a core that somebody else has for a while does not count.
 */
const rowCount = 1_024;
const rounds = 9;
const torchKinds = ['eager', 'fbgemm', 'fbgemm-rowwise'];
const corePeer = fileURLToPath(new URL('./peers/core-peer.js', import.meta.url));

type Figures = Record<string, number | string>;

export async function measurePeers(
  figures: Figures,
  shapes: readonly (Shape & { readonly name: string })[],
  options: { readonly quick: boolean },
): Promise<void> {
  for (const { name, ...shape } of shapes) {
    // Some tenths of a second a round.
    const steps = (options.quick ? 0.3 : 1) * (name === 'small' ? 100 : 16);
    const measure = { shape, rowCount, steps: Math.ceil(steps), ids: 100_000 };
    const begun = [...ourPeers(measure), ...torchPeers(measure)];
    try {
      const peers = await readyOnes(begun, (peer, what) => (figures[`peers.${peer}`] = what));
      const told = peers.map((): CoreRound[] => []);
      for (let round = 0; round < (options.quick ? 3 : rounds); round++)
        for (const [i, peer] of peers.entries()) told[i]!.push(await peer.round<CoreRound>());
      report(
        figures,
        `${name}.peers`,
        shape,
        new Map(peers.map((peer, i) => [peer.name, told[i]!])),
      );
    } finally {
      await Promise.all(begun.map((peer) => peer.stop()));
    }
  }
  if (noTorch !== undefined) figures['peers.torch'] = noTorch;
}

function report(
  figures: Figures,
  prefix: string,
  shape: Shape,
  told: ReadonlyMap<string, readonly CoreRound[]>,
): void {
  for (const [name, all] of told) {
    const core = median(all.map(({ coreMs }) => coreMs));
    const step = median(all.map(({ stepMs }) => stepMs));
    figures[`${prefix}.${name}.core.kSamplesPerSecond`] = rounded(rowCount / core);
    figures[`${prefix}.${name}.step.gflops`] = rounded((rowCount * stepFlops(shape)) / step / 1e6);
  }
  for (const [ours, mine] of told)
    for (const [theirs, its] of told)
      if (!torchKinds.includes(ours) && torchKinds.includes(theirs))
        figures[`${prefix}.${ours}.core.ratioTo ${theirs}`] = rounded(
          median(mine.map(({ coreMs }, round) => its[round]!.coreMs / coreMs)),
        );
}

function ourPeers(measure: CorePeerMeasure): Peer[] {
  const own = nameOf(process.version);
  const others = existsSync(peersFolder)
    ? readdirSync(peersFolder).filter((name) => /^node-\d+$/.test(name) && nameOf(name) !== own)
    : [];
  const platform = `node-${process.platform}-${process.arch}`;
  const library = findLibrary();
  const start = (name: string, node: string, ...more: string[]) =>
    new Peer(name, node, ['--no-warnings', corePeer, JSON.stringify(measure), ...more]);
  return [
    start(own, process.execPath),
    ...others.map((folder) =>
      start(nameOf(folder), `${peersFolder}/${folder}/node_modules/${platform}/bin/node`),
    ),
    ...(library ? [start('libtensorflow', process.execPath, library.path)] : []),
  ];
}

function torchPeers({ shape, ids, steps }: CorePeerMeasure): Peer[] {
  if (noTorch !== undefined) return [];
  const args = [shape.slotCount, shape.hidden.join('-'), rowCount, ids, steps].map(String);
  return torchKinds.map(
    (kind) => new Peer(kind, python, [sourceOf('torch_step.py'), kind, ...args]),
  );
}

/** `node22`. */
function nameOf(version: string): string {
  return `node${/\d+/.exec(version)![0]}`;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
