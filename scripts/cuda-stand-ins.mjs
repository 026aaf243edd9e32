// The wheel of PyTorch for Linux is linked to CUDA, 2.5 GB of packages that a benchmark on processors never calls. Libraries that have the
// names and the symbols it is linked to, and nothing in them, let it load. What it computes on a processor is the same.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * Puts them where the wheel looks first; on a system where it is linked to none there is nothing to do.
 *
 * @param {string} libraryFolder torch/lib
 * @returns {string[]} their names
 */
export function makeCudaStandIns(libraryFolder) {
  if (process.platform !== 'linux') return [];
  const libraries = readdirSync(libraryFolder)
    .filter((name) => name.includes('.so'))
    .map((name) => path.join(libraryFolder, name));
  const needed = new Set();
  const symbols = new Set();
  /** @type {Map<string, string>} which version of its symbols is asked of each */
  const versions = new Map();
  for (const library of libraries) {
    const headers = tell('objdump', '-p', library);
    for (const [, name] of headers.matchAll(/NEEDED\s+(\S+)/g)) if (isCuda(name)) needed.add(name);
    for (const [, name, version] of headers.matchAll(/required from (\S+):\n(?:\s+\S+){3} (\S+)/g))
      versions.set(name, version);
    for (const [, name] of tell('nm', '-D', '--undefined-only', library).matchAll(/ U (\w+)/g))
      if (/^(cu|nccl|nv|__cuda)/.test(name)) symbols.add(name);
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-peers-'));
  try {
    const source = path.join(folder, 'nothing.c');
    writeFileSync(
      source,
      [...symbols].map((name) => `int ${name}(void) { return 100; }\n`).join(''),
    );
    for (const name of needed) {
      const script = path.join(folder, 'versions');
      const version = versions.get(name);
      writeFileSync(script, `${version ?? ''} { global: *; };\n`);
      const options = [
        '-shared',
        '-fPIC',
        '-w',
        `-Wl,-soname,${name}`,
        `-Wl,--version-script=${script}`,
      ];
      execFileSync('cc', [...options, '-o', path.join(libraryFolder, name), source]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return [...needed];
}

/** @param {string} name */
function isCuda(name) {
  return /^lib(cu|nccl|nv)/.test(name);
}

/** @param {string} command @param {string[]} args */
function tell(command, ...args) {
  return execFileSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
}
