import { expect } from '@jest/globals';
import type { Executor, Labels } from './executor.js';
import { numbersOf } from './executors.testkit.js';
import type { Graph } from './graph.js';
import type { RowsBatch } from './pooled-batch.js';

export const parametersFor = ({ layout }: Graph, seed: number): Float32Array =>
  numbersOf(layout.size, seed).map((value) => value / 2);

/** Of the largest of those that are wanted. */
export function expectClose(found: Float32Array, wanted: Float32Array, tolerance = 1e-5): void {
  expect(found).toHaveLength(wanted.length);
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
  const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
  expect(worst / largest).toBeLessThan(tolerance);
}

/** The same by both, to 1e-5 of the largest number. */
export function expectSameStep(
  [executor, reference]: readonly [Executor, Executor],
  graph: Graph,
  batch: RowsBatch & Labels,
  seed: number,
): void {
  const parameters = parametersFor(graph, seed);
  const found = executor.trainer(graph).rows(batch, parameters, true);
  const wanted = reference.trainer(graph).rows(batch, parameters, true);
  expect(Math.abs(found.loss - wanted.loss)).toBeLessThan(1e-5 * Math.max(1, wanted.loss));
  expectClose(found.logits, wanted.logits);
  expectClose(found.rowGradient, wanted.rowGradient);
  expectClose(found.rowSquares!, wanted.rowSquares!);
  expectClose(found.denseGradient, wanted.denseGradient);
}

/** d(loss) along a direction, of all rows and parameters together, by a difference. */
export function expectSlope(
  executor: Executor,
  graph: Graph,
  batch: RowsBatch & Labels,
  seed: number,
): void {
  const parameters = parametersFor(graph, seed);
  const trainer = executor.trainer(graph);
  const { rowGradient, denseGradient } = trainer.rows(batch, parameters, false);
  const [ofRows, ofDense] = [rowGradient, denseGradient].map((g) => numbersOf(g.length, seed + 9));
  const weightSum = batch.weights.reduce((sum, weight) => sum + weight, 0);
  const along = (gradient: Float32Array, direction: Float32Array): number =>
    gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
  const slope = along(rowGradient, ofRows!) / weightSum + along(denseGradient, ofDense!);
  const h = 2e-3;
  const lossAt = (step: number): number =>
    trainer.rows(
      { ...batch, rows: batch.rows.map((value, i) => value + step * ofRows![i]!) },
      parameters.map((value, i) => value + step * ofDense![i]!),
      false,
    ).loss;
  const difference = (lossAt(h) - lossAt(-h)) / (2 * h);
  expect(Math.abs(slope - difference)).toBeLessThan(0.01 * Math.max(1, Math.abs(slope)));
}
