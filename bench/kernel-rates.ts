import { numbersOf } from '../core/model/executors.testkit.js';
import { instantiateKernels, type KernelKind } from '../core/model/kernels/kernel-module.js';
import { LinearMemory } from '../core/model/kernels/linear-memory.js';
import { inTurns, rounded } from './in-turns.js';
import { peakFlops } from './peak.js';

/** A layer: rows × inputs · inputs × outputs. */
const [rows, inputs, outputs] = [128, 256, 128];
/** Histories of so many events, with two heads of 16. */
const [examples, events, heads, columns] = [20, 50, 2, 32];

/** What single kernels do, beside products and sums in registers alone: the product of a layer, and attention forward and backward. */
export async function measureKernels(
  figures: Record<string, number | string>,
  kind: KernelKind,
  peak: () => void,
  turns: number,
): Promise<void> {
  const memory = new LinearMemory();
  const kernels = instantiateKernels(kind, memory.memory);
  let seed = 0;
  const filled = (floats: number): number => {
    const address = memory.allocate(floats);
    memory.floats.set(numbersOf(floats, ++seed), address / 4);
    return address;
  };
  const [left, panels, product] = [rows * inputs, inputs * outputs, rows * outputs].map(filled);
  const total = examples * events;
  const [q, k, v, d, y, dq, dk, dv] = Array.from({ length: 8 }, () => filled(total * columns));
  const scratch = filled((2 * (columns / heads) + 8) * (events + 4));
  const starts = memory.allocate(examples + 1);
  for (let i = 0; i <= examples; i++) memory.words[starts / 4 + i] = i * events;
  const all = [starts, examples, total, columns, heads, false, scratch] as const;
  const head = [q!, columns, k!, columns, v!, columns] as const;
  const calls = {
    product: () =>
      kernels.product(
        ...([left!, inputs, panels!, rows, inputs, outputs, 0, false, false] as const),
        ...([product!, outputs] as const),
      ),
    attention: () => kernels.attention(...head, ...all, y!, columns),
    attentionBack: () =>
      kernels.attentionBack(
        ...([d!, columns, ...head, ...all] as const),
        ...([false, dq!, columns, false, dk!, columns, false, dv!, columns] as const),
      ),
  };
  const pairs = examples * events ** 2 * columns;
  const flops = {
    product: 2 * rows * inputs * outputs,
    attention: 4 * pairs,
    attentionBack: 10 * pairs,
  };
  const [peakMs, ...ms] = await inTurns(turns, [peak, ...Object.values(calls).map(repeated)]);
  Object.values(flops).forEach((each, i) => {
    const name = `kernels.${Object.keys(calls)[i]!}`;
    const gflops = (repeats * each) / ms[i]! / 1e6;
    figures[`${name}.gflops`] = rounded(gflops);
    figures[`${name}.ofPeak`] = rounded((gflops * peakMs! * 1e6) / peakFlops);
  });
}

/** Processor time is told by the microsecond. */
const repeats = 10;

const repeated = (call: () => void) => (): void => {
  for (let i = 0; i < repeats; i++) call();
};
