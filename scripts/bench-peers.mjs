// Brings what benchmarks stand beside into .starling/peers: no root, and nothing is installed elsewhere. `node scripts/bench-peers.mjs`
//
//   usr      libcuckoo and Abseil, from the packages of Debian                       bench -- table
//   python   PyTorch, FBGEMM and pyarrow, from PyPI (bench/peers/requirements.txt)   bench -- training, batch-training
//   node-N   other versions of Node.js, from the npm registry                        bench -- training
//
// What is not to be had is named, and benchmarks go without it. 700 MB are downloaded, 2.2 GB lie there afterwards.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCudaStandIns } from './cuda-stand-ins.mjs';

const nodes = ['22.23.5', '24.22.3', '26.12.1'];
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const peers = path.join(root, '.starling/peers');
const missing = [];

mkdirSync(peers, { recursive: true });
attempt('libcuckoo and Abseil', 'libcuckoo-dev and libabsl-dev of Debian', bringTables);
attempt('PyTorch and FBGEMM', 'a python3 with venv, and PyPI', bringPython);
for (const version of nodes)
  attempt(`Node.js ${version}`, 'the npm registry', () => bringNode(version));
process.exitCode = missing.length === 0 ? 0 : 1;

/** @param {string} what @param {string} from @param {() => void} bring */
function attempt(what, from, bring) {
  try {
    bring();
    console.log(`${what}: in ${path.relative(root, peers)}`);
  } catch (error) {
    missing.push(what);
    console.error(
      `${what}: not to be had here, so benchmarks go without (${from}; ${error.message})`,
    );
  }
}

function bringTables() {
  run('apt-get', ['download', 'libcuckoo-dev', 'libabsl-dev']);
  for (const file of readdirSync(peers).filter((name) => name.endsWith('.deb'))) {
    run('dpkg', ['-x', file, '.']);
    rmSync(path.join(peers, file));
  }
}

function bringPython() {
  const python = path.join(peers, 'python/bin/python');
  if (!existsSync(python)) run('python3', ['-m', 'venv', 'python']);
  const requirements = path.join(root, 'bench/peers/requirements.txt');
  run(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', '-r', requirements]);
  const torch = `import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])`;
  makeCudaStandIns(path.join(run(python, ['-c', torch]).trim(), 'lib'));
  run(python, ['-c', 'import pyarrow, torch, fbgemm_gpu; torch.rand(8, 8) @ torch.rand(8, 8)']);
}

/** @param {string} version */
function bringNode(version) {
  const folder = `node-${version.split('.')[0]}`;
  const name = `node-${process.platform}-${process.arch}`;
  mkdirSync(path.join(peers, folder), { recursive: true });
  const options = ['--prefix', folder, '--no-save', '--no-audit', '--no-fund'];
  run('npm', ['install', ...options, `${name}@${version}`]);
  run(path.join(peers, folder, 'node_modules', name, 'bin/node'), ['--version']);
}

/** @param {string} command @param {string[]} args @returns {string} what it says */
function run(command, args) {
  const { status, error, stdout } = spawnSync(command, args, {
    ...{ cwd: peers, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${path.basename(command)} ended with ${status}`);
  return stdout;
}
