import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What a core does at most by four numbers at a time: products and sums of what is in registers, without a load. As many
 * chains as hide that each waits for itself, and as there are registers for beside what is multiplied by, and a product.
 */
const chains = 13;
/** Of one call. */
const rounds = 100_000;
/** Of one call: a product and a sum for each of four numbers. */
export const peakFlops = rounds * chains * 8;

/** @param fused a product and a sum as one instruction, where the engine has it. */
export function peakLoop(fused: boolean): () => void {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(compiled(fused)), {});
  const { peak } = instance.exports as {
    peak: (rounds: number, start: number, factor: number) => number;
  };
  return () => peak(rounds, 1, 1e-9);
}

/** By the compiler of the kernels, as a program: its types would be everybody's. */
function compiled(fused: boolean): Uint8Array {
  const compiler = createRequire(import.meta.url).resolve('assemblyscript/bin/asc.js');
  const folder = mkdtempSync(join(tmpdir(), 'starling-peak-'));
  try {
    const [source, target] = [join(folder, 'peak.ts'), join(folder, 'peak.wasm')];
    writeFileSync(source, sourceOf(fused));
    const options = '-O3 --noAssert --runtime stub --enable simd'.split(' ');
    if (fused) options.push('--enable', 'relaxed-simd');
    const args = [compiler, 'peak.ts', '-o', target, ...options];
    const { status } = spawnSync(process.execPath, args, { cwd: folder, stdio: 'inherit' });
    if (status !== 0) throw new Error(`the loop does not compile: exit status ${status}`);
    return readFileSync(target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function sourceOf(fused: boolean): string {
  const names = Array.from({ length: chains }, (_, i) => `a${i}`);
  const step = (name: string): string =>
    fused
      ? `${name} = f32x4.relaxed_madd(${name}, m, ${name});`
      : `${name} = f32x4.add(f32x4.mul(${name}, m), ${name});`;
  return `
    export function peak(rounds: u32, start: f32, factor: f32): f32 {
      ${names.map((name, i) => `let ${name} = f32x4.splat(start + ${i});`).join('\n')}
      const m = f32x4.splat(factor);
      for (let round: u32 = 0; round < rounds; round++) {
        ${names.map(step).join('\n')}
      }
      return f32x4.extract_lane(${names.reduce((sum, name) => `f32x4.add(${sum}, ${name})`)}, 0);
    }`;
}
