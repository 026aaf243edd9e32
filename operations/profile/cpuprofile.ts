import type { Profiler } from 'node:inspector';
import { totalsOf, type FlameNode } from './merge-profiles.js';

/**
 * A merged profile in the format of V8 (`.cpuprofile`), which speedscope, Chrome and editors read: one sample for each call that had time of
 * its own, as long as that, the longest first among its siblings. So the time axis is no time of day, but the sum of all processors.
 */
export function cpuProfileOf(root: FlameNode): Profiler.Profile {
  const totals = totalsOf(root);
  const nodes: Profiler.ProfileNode[] = [];
  const samples: number[] = [];
  // A sample lasts until the next one.
  const timeDeltas = [0];
  const open: { readonly node: FlameNode; readonly parent: Profiler.ProfileNode | undefined }[] = [
    { node: root, parent: undefined },
  ];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, parent } = next;
    const id = nodes.length + 1;
    const children: number[] = [];
    const made = {
      ...{ id, children, hitCount: node.selfMs > 0 ? 1 : 0 },
      callFrame: {
        functionName: node.name,
        ...{ scriptId: '0', url: node.file, lineNumber: -1, columnNumber: -1 },
      },
    };
    nodes.push(made);
    parent?.children!.push(id);
    if (node.selfMs > 0) {
      samples.push(id);
      timeDeltas.push(Math.round(1000 * node.selfMs));
    }
    const below = [...node.children.values()].sort((a, b) => totals.get(a)! - totals.get(b)!);
    // The last one is taken first.
    for (const child of below) open.push({ node: child, parent: made });
  }
  samples.push(1);
  const endTime = timeDeltas.reduce((sum, us) => sum + us, 0);
  return { nodes, samples, timeDeltas, startTime: 0, endTime };
}
