import type { Profiler } from 'node:inspector';
import { profileNodesMax, type ProfileTree } from '../../messages/profiles.js';
import { ProgramSources } from './program-sources.js';

/** Where the compiled package is: paths in profiles are told from there, and none of the machine. */
const packageUrl = new URL('../../', import.meta.url).href;

/**
 * A profile of V8 as a tree of bounded size. The time between a sample and the next one is that of the function which the first one has
 * found, whatever else the processor did meanwhile.
 *
 * @param root URL of the package, with a slash at its end.
 */
export function treeOf(profile: Profiler.Profile, root = packageUrl): ProfileTree {
  const functions = new FunctionTable(root);
  const functionOf: number[] = [];
  const parentOf: number[] = [];
  const selfUs: number[] = [];
  const nodeOf = new Map<number, number>();
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const visit = (first: Profiler.ProfileNode): void => {
    // By hand: recursion of the program that is looked at may be as deep as its stack.
    const open = [{ node: first, parent: 0 }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { node, parent } = next;
      const index = functionOf.push(functions.indexOf(node.callFrame)) - 1;
      parentOf.push(parent);
      selfUs.push(0);
      nodeOf.set(node.id, index);
      for (const id of node.children ?? []) open.push({ node: byId.get(id)!, parent: index });
    }
  };
  visit(profile.nodes[0]!);
  const { samples = [], timeDeltas = [], endTime, startTime } = profile;
  let atUs = startTime;
  samples.forEach((id, i) => {
    atUs += timeDeltas[i] ?? 0;
    const us = i + 1 < samples.length ? timeDeltas[i + 1]! : endTime - atUs;
    // Samples of another thread's clock may come a moment before the one they follow.
    selfUs[nodeOf.get(id)!]! += Math.max(0, us);
  });
  return pruned({ ...functions.columns, functionOf, parentOf, selfUs }, profileNodesMax);
}

/** Functions of a tree, each once. */
class FunctionTable {
  readonly #root: string;
  readonly #sources = new ProgramSources();
  readonly #indexes = new Map<string, number>();
  readonly #fileIndexes = new Map<string, number>();
  readonly columns = { names: [] as string[], fileOf: [] as number[], files: [] as string[] };

  constructor(root: string) {
    this.#root = root;
  }

  indexOf(frame: Profiler.ProfileNode['callFrame']): number {
    const { functionName } = frame;
    const { names, fileOf, files } = this.columns;
    const file = fileIn(this.#sources.moduleOf(frame, this.#root), this.#root);
    const key = `${functionName}\n${file}`;
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    let fileIndex = this.#fileIndexes.get(file);
    if (fileIndex === undefined) this.#fileIndexes.set(file, (fileIndex = files.push(file) - 1));
    fileOf.push(fileIndex);
    const index = names.push(functionName === '' ? '(anonymous)' : functionName) - 1;
    this.#indexes.set(key, index);
    return index;
  }
}

const modules = '/node_modules/';

function fileIn(url: string, root: string): string {
  if (url.startsWith('wasm:')) return 'wasm';
  const module = url.lastIndexOf(modules);
  if (module >= 0) return url.slice(module + 1);
  if (url.startsWith(root)) return url.slice(root.length);
  // A file of the user's: its name says enough, and where it lies is nobody's business.
  return url.startsWith('file:') || url.startsWith('/') ? url.slice(url.lastIndexOf('/') + 1) : url;
}

/**
 * At most so many nodes: those with the most time, theirs and that of what they call. What is left out goes into the next caller that is
 * not, so that all sums stay.
 */
export function pruned(tree: ProfileTree, nodesMax: number): ProfileTree {
  const { functionOf, parentOf, selfUs } = tree;
  const totalUs = [...selfUs];
  for (let node = totalUs.length - 1; node > 0; node--) totalUs[parentOf[node]!]! += totalUs[node]!;
  // A parent has at least the time of its child, and stands before it: none stays without its parent.
  const kept = totalUs
    .map((_unused, node) => node)
    .sort((a, b) => totalUs[b]! - totalUs[a]! || a - b)
    .slice(0, Math.max(1, nodesMax))
    .filter((node) => node === 0 || totalUs[node]! > 0)
    .sort((a, b) => a - b);
  const indexOf = new Map(kept.map((node, index) => [node, index]));
  const functions = new Map<number, number>();
  const result = {
    functionOf: kept.map((node) => numbered(functions, functionOf[node]!)),
    parentOf: kept.map((node) => (node === 0 ? 0 : indexOf.get(parentOf[node]!)!)),
    selfUs: kept.map(() => 0),
  };
  for (let node = selfUs.length - 1; node >= 0; node--) {
    let at = node;
    while (!indexOf.has(at)) at = parentOf[at]!;
    result.selfUs[indexOf.get(at)!]! += selfUs[node]!;
  }
  const files = new Map<number, number>();
  const used = [...functions.keys()];
  return {
    ...result,
    names: used.map((each) => tree.names[each]!),
    fileOf: used.map((each) => numbered(files, tree.fileOf[each]!)),
    files: [...files.keys()].map((file) => tree.files[file]!),
  };
}

/** Numbers in the order in which keys are met. */
function numbered(numbers: Map<number, number>, key: number): number {
  let number = numbers.get(key);
  if (number === undefined) numbers.set(key, (number = numbers.size));
  return number;
}
