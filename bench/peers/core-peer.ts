import { createInterface } from 'node:readline';
import { initialDense } from '../../core/model/dense-parameters.js';
import { kernelExecutor } from '../../core/model/kernels/kernel-executor.js';
import { kernelKind } from '../../core/model/kernels/kernel-module.js';
import { createTrainingStep } from '../../core/model/training-step.js';
import {
  batchCount,
  coreTrainer,
  modelOf,
  randomBatch,
  type CoreMeasure,
} from '../core-trainer.js';
import { nativeBackend } from '../native-backend.js';

/**
 * Our training core as a process beside others: of this version of Node.js by its kernels, or by libtensorflow. Each line on stdin is a round,
 * answered by milliseconds of processor time a step, threads of the engine included. Arguments: measure, path of a library or nothing.
 */
export interface CorePeerMeasure extends CoreMeasure {
  readonly steps: number;
}

export interface CoreRound {
  /** The whole, from ids to what tables and network have learned. */
  readonly coreMs: number;
  /** Forward and backward of the network alone. */
  readonly stepMs: number;
}

const { steps, ...measure } = JSON.parse(process.argv[2]!) as CorePeerMeasure;
const library = process.argv[3];
const kind = kernelKind();
if (!kind) throw new Error('this engine has no SIMD for WebAssembly');
const backend =
  library === undefined
    ? ({ name: 'kernels', executor: kernelExecutor(kind) } as const)
    : nativeBackend(library);
const spec = modelOf(measure.shape);
const step = createTrainingStep(backend, spec);
const pooled = randomBatch(spec, measure.rowCount);
const values = initialDense(spec, 1);
const calls = [coreTrainer(backend, measure), () => step(pooled, values)] as const;

// As inTurns: code is compiled behind, in pauses. And tables have all their rows: those of others have them from the beginning.
for (let i = 0; i < 3; i++) {
  for (const call of calls) timed(call, Math.max(steps, batchCount));
  await new Promise((resolve) => setTimeout(resolve, 200));
}
tell({ version: process.version, kernels: library === undefined ? kind : 'libtensorflow' });
createInterface({ input: process.stdin }).on('line', () =>
  tell({ coreMs: timed(calls[0]), stepMs: timed(calls[1]) } satisfies CoreRound),
);

function timed(call: () => unknown, count = steps): number {
  const start = process.cpuUsage();
  for (let i = 0; i < count; i++) call();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000 / count;
}

function tell(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
