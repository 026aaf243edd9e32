import { kernelBytes, relaxedKernelBytes } from './kernel-bytes.js';
import type { Kernels } from './kernels.js';

/** `relaxed`: a product and a sum are one instruction, which Node 22 and newer have. Results differ in the last bits. */
export type KernelKind = 'simd' | 'relaxed';

const base64: Readonly<Record<KernelKind, string>> = {
  simd: kernelBytes,
  relaxed: relaxedKernelBytes,
};
const compiled = new Map<KernelKind, WebAssembly.Module>();

let kinds: readonly KernelKind[] = ['relaxed', 'simd'];

/** The best that this engine runs; undefined where it has no SIMD. */
export function kernelKind(): KernelKind | undefined {
  return kinds.find((kind) => WebAssembly.validate(bytesOf(kind)));
}

/** From now on this process computes the same bits on every engine: for who compares runs on several. */
export function computeAlikeEverywhere(): void {
  kinds = ['simd'];
}

/** A module is compiled once per process, and each network has an instance with a memory of its own. */
export function instantiateKernels(kind: KernelKind, memory: WebAssembly.Memory): Kernels {
  let module = compiled.get(kind);
  if (!module) {
    module = new WebAssembly.Module(bytesOf(kind));
    compiled.set(kind, module);
  }
  return new WebAssembly.Instance(module, { env: { memory } }).exports as Kernels;
}

function bytesOf(kind: KernelKind): Uint8Array {
  return Uint8Array.from(atob(base64[kind]), (character) => character.charCodeAt(0));
}
