import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface TorchStep {
  readonly version: string;
  readonly stepMs: number;
  readonly coreMs: number;
}

// Compiled files lie one folder deeper than the sources.
const script = ['./peers/torch_step.py', '../../bench/peers/torch_step.py']
  .map((file) => fileURLToPath(new URL(file, import.meta.url)))
  .find(existsSync);

/** The same step in PyTorch, or why there is none. */
export function torchStep(measure: {
  readonly slotCount: number;
  readonly hidden: readonly number[];
  readonly rowCount: number;
  readonly ids: number;
  readonly turns: number;
}): TorchStep | string {
  const { slotCount, hidden, rowCount, ids, turns } = measure;
  if (spawnSync('python3', ['-c', 'import torch']).status !== 0 || script === undefined)
    return 'not compared: python3 has no torch here (pip install torch)';
  const options = [slotCount, hidden.join('-'), rowCount, ids, turns].map(String);
  const { status, stdout, stderr } = spawnSync('python3', [script, ...options], {
    encoding: 'utf8',
  });
  if (status !== 0) return `not compared: ${stderr.trim().split('\n').at(-1) ?? 'it failed'}`;
  return JSON.parse(stdout) as TorchStep;
}
