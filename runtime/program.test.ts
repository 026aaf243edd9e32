import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const compiled = path.join(import.meta.dirname, 'program.js');

let folder: string;

/** A checkout with one program of one module, made a minute after it. */
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'starling-program-'));
  for (const each of ['dist/runtime', 'dist/programs'])
    mkdirSync(path.join(folder, each), { recursive: true });
  copyFileSync(compiled, path.join(folder, 'dist/runtime/program.js'));
  write('package.json', '{"type":"module"}');
  write('tsconfig.json', '{}');
  write('dist/part.js', 'console.log("modules")');
  write(
    'dist/start.js',
    `import { runProgram } from './runtime/program.js';
     await runProgram('actors', () => import('./part.js'));`,
  );
  writeProgram('console.log("file");');
  write('dist/programs/actors.cjs.json', '["dist/part.js"]');
  const anHourAgo = new Date(Date.now() - 3_600_000);
  utimesSync(path.join(folder, 'dist/part.js'), anHourAgo, anHourAgo);
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(file: string, text: string): void {
  writeFileSync(path.join(folder, file), text);
}

function writeProgram(text: string): void {
  const parameters = 'exports, require, module, __filename, __dirname, importModule';
  write('dist/programs/actors.cjs', `(function (${parameters}) {\n${text}\n})`);
}

function run(): string {
  const args = [path.join(folder, 'dist/start.js')];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return `${stdout}${stderr}`.trim();
}

describe('a program', () => {
  test('runs from its one file', () => {
    expect(run()).toBe('file');
  });

  test('runs from its modules where one of them is newer, or gone, or there is no file', () => {
    const inAnHour = new Date(Date.now() + 3_600_000);
    utimesSync(path.join(folder, 'dist/part.js'), inAnHour, inAnHour);
    expect(run()).toBe('modules');
    write('dist/programs/actors.cjs.json', '["dist/renamed.js"]');
    expect(run()).toBe('modules');
    rmSync(path.join(folder, 'dist/programs'), { recursive: true });
    expect(run()).toBe('modules');
  });

  test('of a package runs from its one file, in whatever order it was unpacked', () => {
    rmSync(path.join(folder, 'tsconfig.json'));
    const inAnHour = new Date(Date.now() + 3_600_000);
    utimesSync(path.join(folder, 'dist/part.js'), inAnHour, inAnHour);
    expect(run()).toBe('file');
  });

  test('is compiled again where what is kept of that is of no use', () => {
    write('dist/programs/actors.cjs.cache', 'what another engine has left');
    expect(run()).toBe('file');
  });

  test('can import, and require what lies in node_modules', () => {
    mkdirSync(path.join(folder, 'node_modules/pack'), { recursive: true });
    write('node_modules/pack/index.js', 'module.exports = "required";');
    write('node_modules/pack/package.json', '{"type":"commonjs"}');
    writeProgram(`importModule('node:os').then(() => console.log(require('pack')));`);
    expect(run()).toBe('required');
  });

  test('tells where an error comes from by the file and line of its source', () => {
    writeProgram(`const fail = () => { throw new TypeError('no good'); };\nfail();`);
    // Line 2 of the program, from its 22nd column on, is line 7, column 5 of the source; see the format's VLQ.
    const mappings = ';AAMI,sBAAsB';
    const map = { version: 3, sources: ['../../part.ts'], names: [], mappings };
    write('dist/programs/actors.cjs.map', JSON.stringify(map));
    expect(run()).toContain(`TypeError: no good\n    at fail (${folder}/part.ts:7:`);
  });
});
