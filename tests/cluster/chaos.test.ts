import { expect, test } from '@jest/globals';
import path from 'node:path';
import { starling, temporaryFolder } from '../support/starling-process.js';

interface Result {
  readonly rows: readonly { readonly kills: number; readonly pauses: number }[];
  readonly load: { readonly requests: number };
  readonly availability: number;
  readonly audit: boolean;
  readonly orphans: readonly number[];
  readonly recovered: boolean;
}

test('half a minute of kills and pauses loses nothing, doubles nothing and leaves nothing behind', async () => {
  const { folder, remove } = temporaryFolder();
  try {
    const { code, output } = await starling(
      ...['chaos', '--minutes', '0.5', '--seed', '3', '--json'],
      ...['--state', path.join(folder, 'state')],
    );
    const result = JSON.parse(output.slice(output.indexOf('\n{'))) as Result;
    expect(result).toMatchObject({ audit: true, orphans: [], recovered: true });
    const faults = result.rows.reduce((sum, { kills, pauses }) => sum + kills + pauses, 0);
    expect(faults).toBeGreaterThan(10);
    expect(result.load.requests).toBeGreaterThan(100);
    expect(code).toBe(0);
  } finally {
    remove();
  }
}, 300_000);
