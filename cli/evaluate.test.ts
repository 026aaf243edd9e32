import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  readPredictions,
  writePredictions,
  type Prediction,
} from '../importing/predictions-file.js';
import { parseArguments, type Output } from './command.js';
import { evaluate } from './commands/evaluate.js';
import { failureOf } from './failure.js';

let folder = '';
const at = (name: string): string => path.join(folder, name);

const prediction = (i: number): Prediction => ({
  request: i < 300 ? `r${Math.floor(i / 3)}` : '',
  ...{ user: `u${i % 20}`, item: `i${i % 50}`, outcome: i % 4 === 0 ? 'purchase' : 'click' },
  ...{ p: ((i * 37) % 100) / 100, label: (i * 37) % 100 > (i * 61) % 100 ? 1 : 0 },
  ...{ version: i < 200 ? 'a' : 'b', weight: 1, atMs: 1.7e12 + i, rival: ((i * 53) % 100) / 100 },
});

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'starling-evaluate-'));
  const rows = Array.from({ length: 400 }, (_unused, i) => prediction(i));
  await writePredictions(at('p.parquet'), rows);
  await writePredictions(at('p.csv.gz'), rows);
  writeFileSync(at('bad.csv'), 'p,label\n0.5,2\n');
  writeFileSync(at('open.csv'), 'score,label\n0.9,1\n0.2,0\n0.4,\n');
  writeFileSync(at('slates.csv'), 'user,item,rank\na,x,1\na,y,2\nb,z,2\nb,x,1\n');
  writeFileSync(at('chosen.csv'), 'user,item\na,x\na,w\nb,z\n');
  writeFileSync(at('items.csv'), 'item\nw\nx\ny\nz\nv\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function runs(json: boolean, ...argv: string[]) {
  const lines: string[] = [];
  const out: Output = {
    json,
    line: (text) => void lines.push(text),
    document: (value) => void lines.push(JSON.stringify(value)),
    note: (text) => void lines.push(`note: ${text}`),
  };
  try {
    return {
      code: await evaluate.run(parseArguments(evaluate, argv), out),
      text: lines.join('\n'),
    };
  } catch (error) {
    const { exitCode, code, message } = failureOf(error);
    return { code: exitCode, text: `${code}: ${message}` };
  }
}

describe('starling evaluate', () => {
  test('prints figures of each outcome with intervals, and of slices', async () => {
    const { code, text } = await runs(false, '--by', 'version', '--draws', '20', at('p.parquet'));
    expect(text).toMatch(/click +rows +rate +AUC +within users +PR-AUC +NDCG/);
    expect(text).toMatch(/purchase +rows/);
    expect(text).toMatch(/version a +150/);
    expect(text).toMatch(/0\.\d{4}…0\.\d{4}/);
    expect(text).toContain('calibration by tenths of the score: ');
    expect(code).toBe(0);
  });

  test('says the same of CSV as of Parquet, and the same each time', async () => {
    const of = async (file: string): Promise<unknown> => {
      const { text } = await runs(true, '--draws', '20', at(file));
      return (JSON.parse(text) as { outcomes: unknown }).outcomes;
    };
    expect(await of('p.csv.gz')).toEqual(await of('p.parquet'));
  });

  test('lets another system be judged on the same rows', async () => {
    const { text } = await runs(false, '--rival-score', 'rival_score', at('p.parquet'));
    expect(text).toContain('duel of 300 rows');
    expect(text).toMatch(/theirs +0\.\d/);
    expect(text).toContain('ours orders better: 95 % of bootstraps that draw users');
  });

  test('leaves rows out of which nothing is known', async () => {
    const { text } = await runs(true, '--draws', '0', at('open.csv'));
    expect(text).toContain('note: 1 rows without a score or a label are left out');
    expect(text).toContain('"auc":1');
  });

  test('judges slates by what was chosen, of the whole catalog', async () => {
    const argv = ['--chosen', at('chosen.csv'), '--items', at('items.csv'), '--at', '2'];
    const { text } = await runs(true, '--slates', at('slates.csv'), ...argv);
    expect(JSON.parse(text)).toMatchObject({ slates: 2, recall: 0.75, coverage: 0.6 });
  });

  test.each([
    [['bad.csv'], 'FILE_INVALID: bad.csv: label: expected 0 or 1; got 2.'],
    [['items.csv'], 'has no column p or score or prediction or probability; it has item'],
    [['none.csv'], 'there is no such file'],
    [['--at', '3', 'open.csv'], '--at needs --slates'],
    [[], 'name one or more files'],
  ])('refuses %j', async (argv, expected) => {
    const files = argv.map((each) => (each.endsWith('.csv') ? at(each) : each));
    const { code, text } = await runs(false, ...files);
    expect(text).toContain(expected);
    expect(code).not.toBe(0);
  });
});

test('what is more than can be held is judged by histograms, of all rows', async () => {
  const { table, histograms, rows } = await readPredictions([at('p.parquet')], {
    ...{ by: [], rowsMax: 100 },
  });
  expect([table, rows]).toEqual([undefined, 400]);
  expect(histograms.get('click')!.rows).toBe(300);
});
