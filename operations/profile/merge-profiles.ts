import type { HostProfile, ProcessProfile } from '../../messages/profiles.js';
import { placed, type Stage } from './stages.js';

/** A call in the merged profile. Times are of processors, ms. */
export interface FlameNode {
  readonly name: string;
  readonly file: string;
  /** Undefined above the stages. */
  readonly stage: Stage | undefined;
  selfMs: number;
  readonly children: Map<string, FlameNode>;
}

/** What a cluster did in the same seconds. */
export interface MergedProfile {
  /** Cluster, then processes, then stages, then calls. */
  readonly root: FlameNode;
  /** The longest that a process was watched. */
  readonly wallMs: number;
  readonly cpuMs: number;
  /** By kind of actor, and within it by stage. What no one actor of a shared process is charged with is of `shared`. */
  readonly byKind: ReadonlyMap<string, ReadonlyMap<Stage, number>>;
  readonly processes: readonly Pick<
    ProcessProfile,
    'name' | 'pid' | 'kinds' | 'wallMs' | 'cpuMs'
  >[];
}

/**
 * One profile of all processes. Samples say how the time of a process is divided, its processor time how much that is: on a machine where
 * others wait for the processor, too, a sample is a longer time than its process had. Idle time is left out.
 */
export function mergeProfiles(hosts: readonly HostProfile[]): MergedProfile {
  const root = node('cluster', '', undefined);
  const byKind = new Map<string, Map<Stage, number>>();
  const processes = hosts.flatMap((host) => host.processes);
  for (const each of processes) addProcess(root, byKind, each);
  return {
    root,
    wallMs: Math.max(0, ...processes.map(({ wallMs }) => wallMs)),
    cpuMs: processes.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    byKind,
    processes: processes.map(({ name, pid, kinds, wallMs, cpuMs }) => ({
      ...{ name, pid, kinds, wallMs, cpuMs },
    })),
  };
}

/** Of the time that no one actor is charged with, in a process that several share. */
export const sharedKind = 'shared';

function addProcess(
  root: FlameNode,
  byKind: Map<string, Map<Stage, number>>,
  process: ProcessProfile,
): void {
  const { name, kinds, cpuMs, tree } = process;
  const label = kinds.length > 1 ? `${name} (${kinds.join(', ')})` : name;
  const top = childOf(root, label, '', undefined);
  const charge = (kind: string, stage: Stage, ms: number): void => {
    const stages = byKind.get(kind) ?? new Map<Stage, number>();
    byKind.set(kind, stages.set(stage, (stages.get(stage) ?? 0) + ms));
  };
  if (tree === undefined) {
    childOf(top, 'servers', '', 'servers').selfMs += cpuMs;
    charge(kinds[0] ?? name, 'servers', cpuMs);
    return;
  }
  const { stageOf, kindOf } = placed(tree, kinds);
  const busyUs = tree.selfUs.reduce((sum, us, i) => (stageOf[i] === 'idle' ? sum : sum + us), 0);
  const msPerUs = busyUs > 0 ? cpuMs / busyUs : 0;
  tree.selfUs.forEach((us, i) => {
    const stage = stageOf[i]!;
    if (us === 0 || stage === 'idle') return;
    const ms = us * msPerUs;
    charge(kindOf[i] ?? sharedKind, stage, ms);
    let at = childOf(top, stage, '', stage);
    for (const { name: call, file } of stackOf(tree, i)) at = childOf(at, call, file, stage);
    at.selfMs += ms;
  });
}

/** From below the root to the node. */
function stackOf(
  { names, files, fileOf, functionOf, parentOf }: NonNullable<ProcessProfile['tree']>,
  node: number,
): { name: string; file: string }[] {
  const stack: { name: string; file: string }[] = [];
  for (let at = node; at > 0; at = parentOf[at]!) {
    const index = functionOf[at]!;
    stack.push({ name: names[index]!, file: files[fileOf[index]!]! });
  }
  return stack.reverse();
}

function childOf(
  parent: FlameNode,
  name: string,
  file: string,
  stage: Stage | undefined,
): FlameNode {
  const key = `${name}\n${file}`;
  const known = parent.children.get(key);
  if (known !== undefined) return known;
  const made = node(name, file, stage);
  parent.children.set(key, made);
  return made;
}

function node(name: string, file: string, stage: Stage | undefined): FlameNode {
  return { name, file, stage, selfMs: 0, children: new Map() };
}

/** Its own time and that of all that it called, ms. */
export function totalsOf(root: FlameNode): ReadonlyMap<FlameNode, number> {
  const order = [root];
  // The loop goes on with what it appends: each node once, parents first.
  for (const each of order) order.push(...each.children.values());
  const totals = new Map<FlameNode, number>();
  for (const each of order.reverse()) {
    let total = each.selfMs;
    for (const child of each.children.values()) total += totals.get(child)!;
    totals.set(each, total);
  }
  return totals;
}
