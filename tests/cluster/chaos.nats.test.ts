import { expect, test } from '@jest/globals';
import path from 'node:path';
import { jsonOf, starling, temporaryFolder } from '../support/starling-process.js';

interface Result {
  readonly faults: number;
  readonly rows: readonly { readonly target: string }[];
  readonly load: { readonly requests: number };
  readonly availability: number;
  readonly audit: boolean;
  readonly late: number;
  readonly recovered: boolean;
  readonly orphans: readonly string[];
  readonly unhandled: readonly string[];
}

test('half a minute of kills, pauses and losses on several hosts loses nothing, doubles nothing and leaves nothing behind', async () => {
  const { folder, remove } = temporaryFolder();
  try {
    const finished = await starling(
      ...['chaos', '--minutes', '0.5', '--warm-up', '0.1'],
      ...['--every', '2500', '--seed', '3', '--json'],
      ...['--state', path.join(folder, 'state')],
    );
    const result = jsonOf(finished) as Result;
    const expected = { audit: true, late: 0, recovered: true, orphans: [], unhandled: [] };
    expect(result).toMatchObject(expected);
    expect(result.faults).toBeGreaterThan(7);
    expect(new Set(result.rows.map(({ target }) => target)).size).toBeGreaterThan(4);
    expect(result.load.requests).toBeGreaterThan(250);
    expect(finished.code).toBe(0);
  } finally {
    remove();
  }
}, 400_000);
