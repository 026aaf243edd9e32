import { parseArgs } from 'node:util';
import { Mutator } from '../../core/base/mutate.testkit.js';
import { fuzzSnapshot } from '../../core/embedding/snapshot/snapshot-fuzz.testkit.js';
import { fuzzParameters } from '../../messages/parameters-fuzz.testkit.js';

/**
 * `npm run fuzz [-- --inputs N --seed N]`: damaged inputs, a million by default, half into the snapshot reader and half
 * into the decoders of delta messages. A finding is printed with the seed and the number of the input, exit code 1; the
 * same seed gives the same inputs. The suites run the same code on fewer.
 */
const fuzzers = { snapshot: fuzzSnapshot, parameters: fuzzParameters } as const;
const sampleEvery = 1000;

interface Outcome {
  readonly counts: Record<string, number>;
  readonly slowestMs: number;
  readonly seconds: number;
  readonly memoryPeakMb: number;
}

function fuzz(name: keyof typeof fuzzers, inputs: number, seed: number): Outcome {
  const mutator = new Mutator(seed);
  const counts: Record<string, number> = {};
  const began = performance.now();
  let slowestMs = 0;
  let memoryPeakMb = 0;
  for (let i = 0; i < inputs; i++) {
    const before = performance.now();
    try {
      const outcome = fuzzers[name](mutator);
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    } catch (cause) {
      throw new Error(`${name}: input ${i} of seed ${seed} is a finding`, { cause });
    }
    slowestMs = Math.max(slowestMs, performance.now() - before);
    if (i % sampleEvery === 0) {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      memoryPeakMb = Math.max(memoryPeakMb, (heapUsed + arrayBuffers) / 2 ** 20);
    }
  }
  return { counts, slowestMs, memoryPeakMb, seconds: (performance.now() - began) / 1000 };
}

const { values } = parseArgs({
  options: { inputs: { type: 'string', default: '1000000' }, seed: { type: 'string' } },
});
const inputs = Number(values.inputs);
const seed = values.seed === undefined ? Date.now() >>> 0 : Number(values.seed);
const print = (line: string) => process.stdout.write(`${line}\n`);

print(`seed ${seed}, ${inputs.toLocaleString('en-US')} inputs`);
for (const name of ['snapshot', 'parameters'] as const) {
  const { counts, slowestMs, memoryPeakMb, seconds } = fuzz(name, Math.ceil(inputs / 2), seed);
  print(`${name}: ${seconds.toFixed(1)} s, slowest input ${slowestMs.toFixed(1)} ms`);
  print(`  heap and buffers at most ${memoryPeakMb.toFixed(0)} MiB`);
  for (const [outcome, count] of Object.entries(counts)) {
    print(`  ${outcome.padEnd(20)} ${count.toLocaleString('en-US').padStart(9)}`);
  }
}
print(`resident memory at most ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
