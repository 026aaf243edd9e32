import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { jsonOf, starling, temporaryFolder } from '../support/starling-process.js';

interface Result {
  readonly faults: number;
  readonly rows: readonly { readonly target: string; readonly links: number }[];
  readonly configuration: { readonly rolloutsMs: readonly number[] };
  readonly load: { readonly requests: number };
  readonly availability: number;
  readonly audit: boolean;
  readonly late: number;
  readonly recovered: boolean;
  readonly orphans: readonly string[];
  readonly unhandled: readonly string[];
}

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

test('half a minute of kills, pauses, losses and cut networks on several hosts loses nothing, doubles nothing and leaves nothing behind', async () => {
  const { folder, remove } = temporaryFolder();
  // Without root or such a kernel, all but the networks.
  const networks = canHaveNetworks();
  try {
    const finished = await starling(
      ...['chaos', '--minutes', '0.5', '--warm-up', '0.1'],
      ...(networks ? ['--network'] : []),
      ...['--every', '2500', '--seed', '3', '--json'],
      ...['--state', path.join(folder, 'state')],
    );
    const result = jsonOf(finished) as Result;
    const expected = { audit: true, late: 0, recovered: true, orphans: [], unhandled: [] };
    expect(result).toMatchObject(expected);
    expect(result.faults).toBeGreaterThan(7);
    expect(new Set(result.rows.map(({ target }) => target)).size).toBeGreaterThan(4);
    if (networks) expect(result.rows.reduce((sum, { links }) => sum + links, 0)).toBeGreaterThan(0);
    // Another configuration, and that of before again.
    expect(result.configuration.rolloutsMs).toHaveLength(2);
    expect(result.load.requests).toBeGreaterThan(250);
    expect(finished.code).toBe(0);
  } finally {
    remove();
  }
}, 400_000);
