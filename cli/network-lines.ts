import type {
  BlockFigures,
  ExecutorFigures,
  NetworkCheck,
  ParameterFigures,
} from '../core/model/network-check.js';
import { table } from './text-table.js';

/** For people: what the network is made of, and what each executor says of it. */
export function networkLines({
  parameters,
  blocks,
  executors,
  problems,
}: NetworkCheck): readonly string[] {
  const count = parameters.reduce((sum, { size }) => sum + size, 0);
  return [
    `${count} parameters`,
    ...table(['parameter', 'shape', 'begins as'], parameters.map(parameterRow)),
    '',
    `${blocks.length} blocks`,
    ...table(['#', 'block', 'shape', 'of'], blocks.map(blockRow)),
    '',
    ...table(
      ['executor', 'gradients', 'losses', 'ms per 1,000 candidates', 'ms per step of 256'],
      executors.map(executorRow),
    ),
    '',
    ...(problems.length === 0 ? ['gradients are right, and all compute the same'] : problems),
  ];
}

function parameterRow({ name, shape, initial, isUnused }: ParameterFigures): string[] {
  const use = isUnused ? '; nothing depends on it' : '';
  return [name, `[${shape.join(', ')}]`, `${initial}${use}`];
}

function blockRow({ block, shape, operands }: BlockFigures, i: number): string[] {
  return [String(i + 1), block, shape, operands.join(', ')];
}

function executorRow(figures: ExecutorFigures): string[] {
  const { name, missing, gradientError = 0, gradientAt, lossError = 0 } = figures;
  if (missing.length > 0) return [name, `lacks ${missing.join(', ')}`, '', '', ''];
  const { scoreMs = 0, stepMs = 0, lossFirst = 0, lossLast = 0 } = figures;
  return [
    name,
    `within ${gradientError.toExponential(0)} (${gradientAt})`,
    `${lossFirst.toFixed(4)} → ${lossLast.toFixed(4)}, within ${lossError.toExponential(0)}`,
    scoreMs.toFixed(2),
    stepMs.toFixed(2),
  ];
}
