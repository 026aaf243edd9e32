import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './run-command.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-import-cli-'));
  await writeFile(join(folder, 'events.csv'), events);
  await writeFile(join(folder, 'products.csv'), products);
  await writeFile(join(folder, 'broken.csv'), 'timestamp,user,item\n1700000000,u,i\nsoon,u,i\n');
});
afterAll(() => rm(folder, { recursive: true }));

const events = `event_id,timestamp,customer_id,sku,event\n${Array.from({ length: 30 }, (_, i) => `e${i % 28},2026-09-01T10:00:${10 + i}Z,c${i % 5},000${i % 4},${i % 3 === 0 ? 'cart' : 'view'}\n`).join('')}`;
const products = 'sku,title,price\n0000,A,1\n0001,B,2\n0002,C,3\n';
const path = (name: string): string => join(folder, name);

async function run(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommand(
    [...argv, ...(argv[0] === 'import' || argv[0] === 'init' ? ['--cache', path('cache')] : [])],
    { out: (line) => void out.push(line), err: (line) => void err.push(line) },
  );
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('starling import --dry-run', () => {
  test('prints what it understood, and one table in which every row is', async () => {
    const { code, out } = await run(
      'import',
      '--dry-run',
      path('events.csv'),
      path('products.csv'),
    );
    expect(code).toBe(0);
    expect(out).toContain('events.csv: 30 rows of events · text, separated by comma, UTF-8');
    expect(out).toContain(
      'columns: event_id → id, timestamp, customer_id → user, sku → item, event → type',
    );
    expect(out).toMatch(/rows of events +30\n +events +28\n +view +18\n +cart +10\n/);
    expect(out).toMatch(/repeated .* 2\n/);
    expect(out).toMatch(/of items that no file has +7\n/);
  });

  test('types that the file writes otherwise are those that they are said to be', async () => {
    const map = 'type=event,type:view=look,type:cart=look';
    const { out } = await run('import', '--dry-run', '--map', map, path('events.csv'));
    expect(out).toMatch(/ {2}types: view → look, cart → look\n/);
    expect(out).toMatch(/events +28\n +look +28\n/);
  });

  test('as a document', async () => {
    const { out } = await run('import', '--dry-run', '--json', path('events.csv'));
    expect(JSON.parse(out)).toMatchObject({
      counts: { eventRows: 30, events: 28, repeated: 2 },
      files: [{ role: 'events', delimiter: ',' }],
    });
  });

  test('lists rows that can not be read; without --dry-run nothing is imported for them', async () => {
    const dry = await run('import', '--dry-run', path('broken.csv'));
    expect(dry.out).toContain(
      'line 3, column timestamp: expected seconds or milliseconds since 1970',
    );
    const { code, err } = await run('import', path('broken.csv'));
    expect(code).toBe(1);
    expect(err).toMatch(
      /FILE_INVALID: 1 row can't be read, the first: broken.csv line 3: .*Nothing was imported/,
    );
  });

  test.each([
    [
      ['--map', 'usr=customer_id'],
      /--map: expected pairs such as user=customer_id; got "usr=customer_id" \(did you mean user\?\)/,
    ],
    [['--map', 'user=a,user=b'], /columns a and b would both become user/],
    [['--timezone', 'Mars'], /--timezone: expected a name such as Europe\/Berlin/],
    [['--encoding', 'klingon'], /there is no encoding "klingon"/],
    [['--threshold', 'high'], /--threshold: expected a number; got "high"/],
  ])('%j is refused before anything is read', async (argv, message) => {
    const { code, err } = await run('import', '--dry-run', ...argv, path('events.csv'));
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  test('reads what comes from a pipe', async () => {
    const program = fileURLToPath(new URL('./starling.js', import.meta.url));
    const argv = ['import', '--dry-run', '--json', '--cache', path('cache'), '-'];
    const child = spawn(process.execPath, [program, ...argv], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.end(events);
    const parts: string[] = [];
    for await (const part of child.stdout) parts.push(String(part));
    expect(JSON.parse(parts.join(''))).toMatchObject({
      counts: { eventRows: 30 },
      files: [{ name: 'standard input' }],
    });
  });
});

describe('starling init', () => {
  test('writes a configuration that import reads columns from, and never over one that is there', async () => {
    const file = path('mine.config.ts');
    const argv = [
      'init',
      '--name',
      'mine',
      '--out',
      file,
      path('events.csv'),
      path('products.csv'),
    ];
    const { code, out } = await run(...argv);
    expect(code).toBe(0);
    expect(out).toContain(
      'events.csv: 30 events; id = event_id, timestamp = timestamp, user = customer_id',
    );
    expect(out).toContain(`starling up --config ${file}`);
    expect(out).toContain(
      `starling import --config ${file} ${path('events.csv')} ${path('products.csv')}`,
    );
    const written = await readFile(file, 'utf8');
    expect((await run(...argv)).code).toBe(2);
    expect(await readFile(file, 'utf8')).toBe(written);
    expect((await run(...argv, '--force')).code).toBe(0);
    const dry = await run(
      'import',
      '--dry-run',
      '--config',
      file,
      path('events.csv'),
      path('products.csv'),
    );
    expect(dry.out).toContain('features: price');
    expect(dry.out).toMatch(/ events +28\n/);
  });
});
