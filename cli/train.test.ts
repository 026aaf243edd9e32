import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseArguments, type Output } from './command.js';
import { readPredictions } from '../importing/predictions-file.js';
import { train } from './commands/train.js';
import { failureOf } from './failure.js';

let folder = '';
const at = (name: string): string => path.join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'starling-train-'));
  const rows = Array.from({ length: 400 }, (_unused, i) =>
    [new Date(1.7e12 + 60_000 * i).toISOString(), `u${i % 7}`, `i${(i * i) % 11}`, 'click'].join(),
  );
  writeFileSync(at('day-1.csv'), ['time,user,item,type', ...rows.slice(0, 200)].join('\n'));
  writeFileSync(at('day-2.csv'), ['time,user,item,type', ...rows.slice(200)].join('\n'));
  writeFileSync(
    at('shop.config.json'),
    JSON.stringify({
      features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
      events: { click: {} },
    }),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function runs(...argv: string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const out: Output = {
    json: false,
    line: (text) => void lines.push(text),
    document: (value) => void lines.push(JSON.stringify(value)),
    note: () => undefined,
  };
  const given = ['--config', at('shop.config.json'), '--cache', at('cache'), ...argv];
  try {
    return { code: await train.run(parseArguments(train, given), out), lines };
  } catch (error) {
    const { exitCode, code, message } = failureOf(error);
    return { code: exitCode, lines: [`${code}: ${message}`] };
  }
}

describe('starling train', () => {
  test('learns from files that patterns name, and says how well the rest is predicted', async () => {
    const { code, lines } = await runs(
      ...['--files', at('day-*.csv'), '--holdout', '25%', '--threads', '2', '--seed', '3'],
      ...[
        '--set',
        'model.factorDim=4',
        '--set',
        'model.hidden=[4]',
        '--out',
        at('model'),
        '--predictions',
        at('held.parquet'),
      ],
    );
    expect(lines.join('\n')).toMatch(/^400 events, [\d,]+ samples learned in 1 epoch by 2 threads/);
    expect(lines.join('\n')).toMatch(/holdout: [\d,]+ samples from 2023-11-15T03:13:20.000Z on/);
    expect(code).toBe(0);
    const result = JSON.parse(readFileSync(at('model/training.json'), 'utf8')) as object;
    expect(existsSync(at('held.parquet'))).toBe(true);
    const { rows } = await readPredictions([at('held.parquet')], { by: ['version'] });
    expect(rows).toBeGreaterThan(100);
    expect(result).toMatchObject({ threads: 2, seed: 3, files: ['day-1.csv', 'day-2.csv'] });
  });

  test('tells what files say, and trains nothing, with --dry-run', async () => {
    const { code, lines } = await runs('--dry-run', at('day-1.csv'));
    expect(code).toBe(0);
    expect(lines.join('\n')).toContain('day-1.csv: 200 rows of events');
  });

  test.each([
    [['--holdout', '10%', '--holdout-from', '2026-01-01'], 'say the same in two ways'],
    [['--holdout', '110%'], '--holdout: expected a share such as 10%'],
    [['--holdout-from', 'May'], '--holdout-from: expected a date such as'],
    [['--predictions', 'p.csv'], '--predictions are those of a holdout'],
    [['--threads', '100'], '--threads: 8 partitions are shared by 8 threads at most'],
    [['--epochs', '0'], '--epochs: expected an integer of at least 1'],
    [['--set', 'model'], '--set: expected a path and a value'],
  ])('refuses %j', async (argv, expected) => {
    const { code, lines } = await runs(...argv, at('day-1.csv'));
    expect(lines.join('\n')).toContain(expected);
    expect(code).toBe(2);
  });
});
