/**
 * Builds if any source is newer than the last build, so that `npm run cluster` never runs yesterday's code and never
 * makes its user wait for a build that would change nothing: comparing times takes some ten milliseconds, asking tsc
 * some seconds.
 *
 * `ensure-built.mjs MODULE ARG…` goes on as that module, in this very process. The scripts of package.json start it with
 * `exec`: npm passes signals on to the process it has started and to no other, so the one that drains a cluster has to be
 * that one, and not the child of a shell or of this script.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildKernels } from './kernels.mjs';
import { buildPrograms } from './programs.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const config = path.join(root, 'tsconfig.json');

/**
 * Written by the last build that succeeded. The compiler's own build info won't do: it is also written by a build with
 * errors and by a mere type check, and left untouched when the output would be the same.
 */
const stamp = path.join(root, 'dist', '.built');

/** What package.json names as `bin`. */
const program = path.join(root, 'dist', 'cli', 'starling.js');

/** @param {string} file */
function modifiedAtMs(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/**
 * @param {string} place  a file or a folder
 * @returns {number} time of the newest TypeScript source or folder in it, as the time of a folder tells that a file was
 *   renamed or removed; 0 if there is none
 */
function newestSourceMs(place) {
  const stats = fs.statSync(place, { throwIfNoEntry: false });
  if (!stats) return 0;
  if (!stats.isDirectory()) return stats.mtimeMs;
  let newestMs = stats.mtimeMs;
  for (const entry of fs.readdirSync(place, { withFileTypes: true })) {
    const child = path.join(place, entry.name);
    if (entry.isDirectory()) newestMs = Math.max(newestMs, newestSourceMs(child));
    else if (entry.name.endsWith('.ts')) newestMs = Math.max(newestMs, modifiedAtMs(child));
  }
  return newestMs;
}

function isFresh() {
  const builtMs = modifiedAtMs(stamp);
  if (builtMs === 0) return false;
  /** @type {{ include: string[] }} */
  const { include } = JSON.parse(fs.readFileSync(config, 'utf8'));
  const inputs = [config, path.join(root, 'package.json')].map(modifiedAtMs);
  const sources = include.map((place) => newestSourceMs(path.join(root, place)));
  return Math.max(...inputs, ...sources) < builtMs;
}

async function build() {
  if (!fs.existsSync(compiler)) {
    console.error('starling: the dependencies are missing; run `npm ci` first');
    return 1;
  }
  console.error('building…');
  const startedAt = new Date();
  const { status } = spawnSync(process.execPath, [compiler, '-p', config], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) return status ?? 1;
  const kernelStatus = buildKernels();
  if (kernelStatus !== 0) return kernelStatus;
  removeLeftOvers();
  const programsStatus = await buildPrograms();
  if (programsStatus !== 0) return programsStatus;
  // The time of the start, not of the end: what was edited meanwhile may not have been read.
  fs.writeFileSync(stamp, '');
  fs.utimesSync(stamp, startedAt, startedAt);
  return 0;
}

/**
 * Of sources that have been renamed or removed: the compiler leaves what it made of them, tests would run it and the
 * package would have it. All that the compiler makes has a declaration beside it.
 */
function removeLeftOvers() {
  const built = path.dirname(stamp);
  const ending = '.d.ts';
  for (const file of fs.readdirSync(built, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith(ending)) continue;
    const name = file.slice(0, -ending.length);
    if (fs.existsSync(path.join(root, `${name}.ts`))) continue;
    for (const each of [ending, '.js', '.js.map'])
      fs.rmSync(path.join(built, `${name}${each}`), { force: true });
  }
}

/** The compiler makes new files without it, and npm sets it only when it links a package, which it does once for a place. */
function makeRunnable() {
  const { mode } = fs.statSync(program);
  if ((mode & 0o111) !== 0o111) fs.chmodSync(program, mode | 0o111);
}

const status = isFresh() ? 0 : await build();
if (status !== 0) process.exit(status);
makeRunnable();
const [, , module, ...args] = process.argv;
if (module !== undefined) {
  const file = path.resolve(root, module);
  process.argv = [process.execPath, file, ...args];
  await import(pathToFileURL(file).href);
}
