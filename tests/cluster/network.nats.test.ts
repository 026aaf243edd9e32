import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { jsonOf, starling, temporaryFolder } from '../support/starling-process.js';

/** Networks of their own take root, and a kernel that has bridges and pairs of virtual links. */
function canHaveNetworks(): boolean {
  const space = `starling-probe-${process.pid}`;
  const link = `slq-${process.pid}`;
  const run = (...args: string[]): boolean => spawnSync('ip', args).status === 0;
  const can =
    run('netns', 'add', space) &&
    run('link', 'add', link, 'type', 'bridge') &&
    run('-n', space, 'link', 'add', 'name', 'one', 'type', 'veth', 'peer', 'name', 'two');
  run('netns', 'del', space);
  run('link', 'del', link);
  return can;
}

const networked = canHaveNetworks() ? test : test.skip;

networked(
  'hosts that are cut off from each other lose nothing and double nothing (needs root and ip netns)',
  async () => {
    const { folder, remove } = temporaryFolder();
    try {
      const finished = await starling(
        ...['chaos', '--network', '--minutes', '0.4', '--warm-up', '0.1'],
        ...['--every', '3500', '--seed', '28', '--json'],
        ...['--state', path.join(folder, 'state')],
      );
      const result = jsonOf(finished) as {
        readonly rows: readonly { readonly links: number }[];
      };
      expect(result).toMatchObject({ audit: true, recovered: true, orphans: [], unhandled: [] });
      expect(result.rows.reduce((sum, { links }) => sum + links, 0)).toBeGreaterThan(0);
      expect(finished.code).toBe(0);
    } finally {
      remove();
    }
  },
  400_000,
);
