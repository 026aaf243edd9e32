// Makes one file of each program, and has V8 keep what it compiles of it (runtime/program.ts says what for).
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.join(root, 'dist', 'programs');

/** By name: the module that it begins with, and what its process is started with, which V8 wants to be alike. */
const programs = {
  actors: {
    entry: 'dist/actors/actor-processes.js',
    flags: ['--min-semi-space-size=8', '--max-semi-space-size=8'],
  },
  starling: { entry: 'dist/cli/main.js', flags: [] },
};

/** What is loaded from where it is installed: it has native parts, or is large and seldom used. */
const external = ['lmdb', 'koffi', 'esbuild', 'cbor-extract', '@duckdb/*', '@tensorflow/*'];

/** Of what is not a part of the program: an address, or a package by its name. The code of a program can't import by itself. */
const importOfOther = /((?:await|return) )import\((?!['"]\.)/g;

/** Outside of comments. */
const leftImport = /^(?!\s*(?:\/\/|\*)).*[^\w.$]import\(/m;

/** Modules find what lies beside them by their own address, and packages by any. */
const addresses = {
  name: 'addresses',
  /** @param {import('esbuild').PluginBuild} setup */
  setup({ onLoad }) {
    onLoad({ filter: /\.m?js$/ }, ({ path: file }) => {
      const text = readFileSync(file, 'utf8');
      const place = path.relative(folder, file);
      const own = place.includes('node_modules') ? 'programUrl' : `urlOf(${JSON.stringify(place)})`;
      const contents = text
        .replaceAll('import.meta.url', own)
        .replaceAll(importOfOther, '$1importModule(');
      return contents === text ? undefined : { contents, loader: 'js' };
    });
    // Half of zod is its messages in fifty languages.
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
      loader: 'js',
    }));
  },
};

/** Around everything else: the file is a function, as a module of CommonJS is. */
const head = [
  '(function (exports, require, module, __filename, __dirname, importModule) {',
  "const programUrl = require('node:url').pathToFileURL(__filename).href;",
  'const urlOf = (place) => new URL(place, programUrl).href;',
].join(' ');

/** @returns {Promise<number>} the exit status */
export async function buildPrograms() {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, { entry, flags }] of Object.entries(programs)) {
    const file = path.join(folder, `${name}.cjs`);
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: [entry],
      outfile: file,
      bundle: true,
      ...{ platform: 'node', target: 'node20', format: 'cjs', external },
      ...{ sourcemap: 'external', sourcesContent: false, metafile: true, logLevel: 'warning' },
      charset: 'ascii',
      banner: { js: head },
      footer: { js: '})' },
      plugins: [addresses],
    });
    if (leftImport.test(readFileSync(file, 'utf8'))) {
      console.error(`${file} has an import() of another form than those that programs.mjs knows`);
      return 1;
    }
    const inputs = Object.keys(metafile.inputs).filter((input) => input.startsWith('dist/'));
    writeFileSync(`${file}.json`, JSON.stringify(inputs));
    const { status } = keepCompiled(file, flags);
    if (status !== 0) return status ?? 1;
  }
  return 0;
}

/** @param {string} file @param {readonly string[]} flags */
function keepCompiled(file, flags) {
  const writer = path.join(root, 'scripts', 'keep-compiled.mjs');
  const args = [...flags, writer, file];
  return spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
