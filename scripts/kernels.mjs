// Compiles what is written in AssemblyScript into modules beside the compiled code, so that core reads no file: the kernels of
// the embedding table, and those of the network, the latter twice, without and with relaxed SIMD, which not every engine has.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const compiler = path.join(root, 'node_modules/assemblyscript/bin/asc.js');
const fast = '-O3 --noAssert --runtime stub --enable simd --importMemory --initialMemory 1';

/** Of each file of bytes the constants in it, by the options that its source is compiled with. */
const modules = [
  {
    source: 'core/embedding/kernels/assembly/kernels.ts',
    target: 'core/embedding/kernels/kernel-bytes.js',
    // The memory is the arena's: shared, so that it grows without moving, and of 4 GiB at most.
    constants: {
      kernelBytes: `${fast} --enable threads --sharedMemory --maximumMemory 65536`,
    },
  },
  {
    source: 'core/model/kernels/assembly/kernels.ts',
    target: 'core/model/kernels/kernel-bytes.js',
    constants: {
      kernelBytes: `${fast} --maximumMemory 65536`,
      relaxedKernelBytes: `${fast} --maximumMemory 65536 --enable relaxed-simd`,
    },
  },
];

/** @returns {number} the exit status */
export function buildKernels() {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-kernels-'));
  try {
    const wasm = path.join(folder, 'kernels.wasm');
    for (const { source, target, constants } of modules) {
      const lines = [];
      for (const [name, options] of Object.entries(constants)) {
        const args = [compiler, source, '-o', wasm, ...options.split(' ')];
        const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
        if (status !== 0) return status ?? 1;
        lines.push(`export const ${name} = '${readFileSync(wasm).toString('base64')}';\n`);
      }
      const file = path.join(root, 'dist', target);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, lines.join(''));
    }
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
