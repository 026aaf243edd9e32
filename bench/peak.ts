import asc from 'assemblyscript/asc';

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
export async function peakLoop(fused: boolean): Promise<() => void> {
  const source = sourceOf(fused);
  let bytes: Uint8Array | undefined;
  const options = '--noAssert --runtime stub -O3 --enable simd --outFile peak.wasm';
  const { error } = await asc.main(
    ['peak.ts', ...options.split(' '), ...(fused ? ['--enable', 'relaxed-simd'] : [])],
    {
      readFile: (name) => (name === 'peak.ts' ? source : null),
      writeFile: (name, contents) => {
        if (name === 'peak.wasm') bytes = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error || !bytes) throw new Error('the loop does not compile', { cause: error });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
  const { peak } = instance.exports as {
    peak: (rounds: number, start: number, factor: number) => number;
  };
  return () => peak(rounds, 1, 1e-9);
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
