import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ProfileTree } from '../../messages/profiles.js';
import { profileProcess } from '../os/profile-process.js';
import { pruned, treeOf } from './profile-tree.js';

const root = 'file:///opt/starling/dist/';

const call = (id: number, functionName: string, url: string, children: number[] = []) => ({
  ...{ id, children, hitCount: 0 },
  callFrame: { functionName, scriptId: '1', url, lineNumber: 3, columnNumber: 1 },
});

const sum = (list: readonly number[]): number => list.reduce((total, each) => total + each, 0);

/** Any tree whose parents come first, of functions in one file each. */
const trees: fc.Arbitrary<ProfileTree> = fc
  .array(fc.record({ parent: fc.nat(), functionOf: fc.nat(9), selfUs: fc.nat(50) }), {
    minLength: 1,
    maxLength: 60,
  })
  .map((nodes) => ({
    names: Array.from({ length: 10 }, (_, i) => `f${i}`),
    fileOf: Array.from({ length: 10 }, (_, i) => i % 3),
    files: ['a', 'b', 'c'],
    functionOf: nodes.map((node) => node.functionOf),
    parentOf: nodes.map(({ parent }, i) => (i === 0 ? 0 : parent % i)),
    selfUs: nodes.map((node) => node.selfUs),
  }));

describe('a profile of V8 as a tree', () => {
  test('gives a sample the time until the next one, and tells files from the package', () => {
    const tree = treeOf(
      {
        nodes: [
          call(1, '(root)', '', [2, 4]),
          call(2, 'pull', `${root}core/embedding/rows.js`, [3]),
          call(3, '', 'wasm://wasm/8f3a'),
          call(4, 'parse', 'file:///opt/starling/node_modules/nats/lib/parser.js', [5]),
          call(5, 'mine', 'file:///srv/anna/secret/rule.js'),
        ],
        ...{ startTime: 1_000, endTime: 1_100 },
        samples: [2, 3, 4, 5],
        timeDeltas: [10, 20, 30, 5],
      },
      root,
    );
    const found = tree.functionOf.map((index, node) => [
      tree.names[index],
      tree.files[tree.fileOf[index]!],
      tree.selfUs[node],
    ]);
    expect(found).toHaveLength(5);
    expect(found).toEqual(
      expect.arrayContaining([
        ['pull', 'core/embedding/rows.js', 20],
        ['(anonymous)', 'wasm', 30],
        ['parse', 'node_modules/nats/lib/parser.js', 5],
        ['mine', 'rule.js', 35],
      ]),
    );
    expect(JSON.stringify(tree)).not.toContain('secret');
  });

  test('of this process has what it was busy with', async () => {
    const busy = setInterval(function spinning() {
      const endMs = performance.now() + 8;
      while (performance.now() < endMs);
    }, 10);
    const { tree, wallMs, cpuMs } = await profileProcess(0.4);
    clearInterval(busy);
    expect(tree.names).toContain('spinning');
    expect(wallMs).toBeGreaterThanOrEqual(395);
    expect(cpuMs).toBeGreaterThan(0);
    expect(tree.files.every((file) => !file.startsWith('/') && !file.startsWith('file:'))).toBe(
      true,
    );
  });
});

describe('a tree that is pruned', () => {
  test('has at most so many nodes, parents first, and all of the time', () => {
    fc.assert(
      fc.property(trees, fc.integer({ min: 1, max: 70 }), (tree, nodesMax) => {
        const small = pruned(tree, nodesMax);
        const { functionOf, parentOf, selfUs, names, fileOf, files } = small;
        expect(functionOf.length).toBeLessThanOrEqual(nodesMax);
        expect(sum(selfUs)).toBe(sum(tree.selfUs));
        expect(parentOf.every((parent, node) => parent < node || node === 0)).toBe(true);
        expect(functionOf.every((index) => names[index] !== undefined)).toBe(true);
        expect(fileOf.every((index) => files[index] !== undefined)).toBe(true);
      }),
    );
  });

  test('keeps the longest ways', () => {
    const tree: ProfileTree = {
      ...{ names: ['root', 'long', 'deep', 'short'], fileOf: [0, 0, 0, 0], files: ['x'] },
      ...{ functionOf: [0, 1, 2, 3], parentOf: [0, 0, 1, 0], selfUs: [0, 1, 90, 5] },
    };
    const small = pruned(tree, 3);
    expect(small.functionOf.map((index) => small.names[index])).toEqual(['root', 'long', 'deep']);
    expect(small.selfUs).toEqual([5, 1, 90]);
  });
});
