import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import type { HostProfile, ProcessProfile, ProfileTree } from '../../messages/profiles.js';
import { treeOf } from '../../runtime/profile/profile-tree.js';
import { cpuProfileOf } from './cpuprofile.js';
import { flameSvgOf } from './flame-svg.js';
import { mergeProfiles, sharedKind, totalsOf } from './merge-profiles.js';
import { stageRules } from './stages.js';

/** `a > b` by name and file, and the time of the last one. */
type Stack = readonly [calls: readonly (readonly [name: string, file: string])[], us: number];

function treeOfStacks(stacks: readonly Stack[]): ProfileTree {
  const tree = {
    ...{ names: ['(root)'], fileOf: [0], files: [''] },
    ...{ functionOf: [0], parentOf: [0], selfUs: [0] },
  };
  for (const [calls, us] of stacks) {
    let at = 0;
    for (const [name, file] of calls) {
      tree.files.push(file);
      tree.fileOf.push(tree.files.length - 1);
      tree.names.push(name);
      tree.functionOf.push(tree.names.length - 1);
      tree.parentOf.push(at);
      at = tree.selfUs.push(0) - 1;
    }
    tree.selfUs[at]! += us;
  }
  return tree;
}

const shard: ProcessProfile = {
  ...{ name: 'train.7', pid: 7, kinds: ['ps-shard', 'trainer'], wallMs: 1_000, cpuMs: 100 },
  tree: treeOfStacks([
    [[['(idle)', '']], 800_000],
    [[['(garbage collector)', '']], 20_000],
    [[['onread', 'node:internal/stream_base_commons']], 40_000],
    [
      [
        ['onread', 'node:internal/stream_base_commons'],
        ['#push', 'actors/ps-shard/row-requests.js'],
        ['push', 'core/embedding/partition.js'],
        ['(anonymous)', 'wasm'],
      ],
      100_000,
    ],
    [
      [
        ['step', 'actors/trainer/learner.js'],
        ['forward', 'core/model/training-step.js'],
      ],
      40_000,
    ],
  ]),
};
const ranker: ProcessProfile = {
  ...{ name: 'east.ranker.0', pid: 8, kinds: ['ranker'], wallMs: 900, cpuMs: 30 },
  tree: treeOfStacks([
    [
      [
        ['processTicksAndRejections', 'node:internal/process/task_queues'],
        ['scores', 'core/model/scorer.js'],
      ],
      20_000,
    ],
    [[['read', 'node_modules/cbor-x/decode.js']], 10_000],
  ]),
};
const server: ProcessProfile = {
  ...{ name: 'nats-server train', pid: 9, kinds: ['nats-server'], wallMs: 1_000, cpuMs: 50 },
};
const hosts: HostProfile[] = [
  { host: 'a', processes: [shard, server], missing: [] },
  { host: 'b', processes: [ranker], missing: [] },
];

describe('profiles of several processes', () => {
  const merged = mergeProfiles(hosts);
  const stagesOf = (kind: string) =>
    Object.fromEntries(
      [...(merged.byKind.get(kind) ?? [])].map(([stage, ms]) => [stage, Number(ms.toFixed(6))]),
    );

  test('are charged by processor time, as samples divide it, to kinds and stages', () => {
    expect(merged.cpuMs).toBe(180);
    expect(merged.wallMs).toBe(1_000);
    // 200 ms of samples had 100 ms of a processor.
    expect(stagesOf('ps-shard')).toEqual({ push: 50 });
    expect(stagesOf('trainer')).toEqual({ step: 20 });
    expect(stagesOf(sharedKind)).toEqual({ gc: 10, bus: 20 });
    // The same file as in training; of what answers it is another stage.
    expect(stagesOf('ranker')).toEqual({ score: 20, decode: 10 });
    expect(stagesOf('nats-server')).toEqual({ servers: 50 });
  });

  test('make one graph: processes, stages, calls, and no idle time', () => {
    const totals = totalsOf(merged.root);
    const [trained, rest] = [...merged.root.children.values()];
    expect(trained!.name).toBe('train.7 (ps-shard, trainer)');
    expect(rest!.name).toBe('nats-server train');
    expect([...trained!.children.values()].map(({ name }) => name).sort()).toEqual([
      ...['bus', 'gc', 'push', 'step'],
    ]);
    expect(totals.get(merged.root)).toBeCloseTo(180, 6);
    const push = [...trained!.children.values()].find(({ name }) => name === 'push')!;
    const calls = [];
    for (let at = [...push.children.values()]; at.length > 0; at = [...at[0]!.children.values()])
      calls.push(at[0]!.name);
    expect(calls).toEqual(['onread', '#push', 'push', '(anonymous)']);
  });

  test('are read again from a .cpuprofile with the same times', () => {
    const profile = cpuProfileOf(merged.root);
    const again = treeOf(profile, 'file:///nowhere/');
    const sum = again.selfUs.reduce((total, us) => total + us, 0);
    expect(Math.round(sum / 1000)).toBe(180);
    const wasm = again.functionOf.findIndex(
      (index) => again.files[again.fileOf[index]!] === 'wasm',
    );
    expect(again.selfUs[wasm]).toBe(50_000);
    expect(profile.timeDeltas).toHaveLength(profile.samples!.length);
    expect(profile.endTime - profile.startTime).toBe(180_000);
  });

  test('are drawn as wide as their time, without what is too narrow to be seen', () => {
    const svg = flameSvgOf(merged.root, { title: 'a & b', wallMs: 1_000 });
    expect(svg).toContain('a &#38; b');
    expect(svg).toContain('train.7 (ps-shard, trainer): 100.0 ms, 55.56 %');
    const widths = [...svg.matchAll(/data-n="(step|push)"><title>[^<]*<\/title><rect [^>]*width="([\d.]+)"/g)]; // prettier-ignore
    expect(widths.map(([, name, width]) => [name, Math.round(Number(width))])).toEqual(
      expect.arrayContaining([
        ['push', 444],
        ['step', 178],
      ]),
    );
    // A thousand calls of a microsecond each beside the rest.
    const many = Array.from({ length: 1_000 }, (_, i): Stack => [[[`f${i}`, 'x']], 1]);
    const narrow = { ...shard, tree: treeOfStacks([...many, [[['long', 'x']], 1e7]]) };
    const root = mergeProfiles([{ host: 'a', processes: [narrow], missing: [] }]).root;
    expect(flameSvgOf(root, { title: '', wallMs: 1 }).match(/<g /g)!.length).toBeLessThan(10);
  });
});

describe('the stages', () => {
  test('are of files that exist', () => {
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    const gone = stageRules
      .map(({ file }) => file)
      .filter((file) => file !== '' && !file.startsWith('node'))
      .filter((file) => !existsSync(path.join(root, file)))
      .filter((file) => !existsSync(path.join(root, `${file}.ts`)))
      // The beginning of the names of several.
      .filter((file) => file !== 'actors/shared/feature');
    expect(gone).toEqual([]);
  });
});
