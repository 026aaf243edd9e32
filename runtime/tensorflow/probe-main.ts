import { text } from 'node:stream/consumers';
import { loadBackend } from '../../core/model/backend.js';
import { graphOf } from '../../core/model/graph.js';
import type { TensorRuntime } from '../../core/model/tensorflow/tensor-graph.js';
import { tensorExecutor } from '../../core/model/tensorflow/tensor-executor.js';
import { systemClock } from '../system.js';
import { measure } from './measure.js';
import type { Probe, ProbeRequest } from './probe.js';
import { openTensorRuntime } from './tensor-runtime.js';

/**
 * A process that tries a library, and may die of it; see probe.ts. What it has found is its last line.
 */
const { library, model } = JSON.parse(await text(process.stdin)) as ProbeRequest;
const startMs = systemClock.nowMs();
const runtime = openTensorRuntime(library);
const devices = devicesOf(runtime);
const loadMs = Math.round(systemClock.nowMs() - startMs);
const found: Probe = { version: runtime.version, devices, loadMs };
const told = model === undefined ? found : { ...found, ...(await against(model)) };
process.stdout.write(`${JSON.stringify(told)}\n`);

/** Multiplies, as a library that loads may still be none that computes. */
function devicesOf(tensors: TensorRuntime): string[] {
  const graph = tensors.createGraph();
  const [a, b] = [graph.placeholder([1, 2]), graph.placeholder([2, 1])];
  const session = graph.session([a, b], [graph.operation('MatMul', a, b)]);
  session.feed(0, Float32Array.of(1, 2), [1, 2]);
  session.feed(1, Float32Array.of(3, 4), [2, 1]);
  session.run();
  const product = new Float32Array(1);
  session.read(0, product);
  if (product[0] !== 11) throw new Error(`1·3 + 2·4 gave ${product[0]}`);
  const names = session.devices();
  session.close();
  return names;
}

/** What `auto` would take without it, and how fast the two are. */
async function against(
  spec: NonNullable<ProbeRequest['model']>,
): Promise<Pick<Probe, 'other' | 'timings' | 'missing'>> {
  const executor = tensorExecutor(runtime);
  const missing = executor.missing(graphOf(spec));
  if (missing.length > 0) return { missing };
  const other = await loadBackend('auto', spec);
  const timings = measure([{ name: 'tensorflow', executor }, other], spec, systemClock);
  return { other: other.name, timings };
}
