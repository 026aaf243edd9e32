import { assert } from '../base/assert.js';
import type { Backend } from './backend.js';
import type { DenseVersion } from './executor.js';
import { graphOf, type Graph } from './graph.js';
import type { ModelSpec } from './network.js';
import { networkOf } from './networks/networks.js';
import { hasTowers, towerVectors } from './networks/two-tower.js';
import type { PooledBatch, RowsBatch } from './pooled-batch.js';
import { seenSpec, withProjections } from './projection.js';
import { createScorer } from './scorer.js';

/**
 * Vectors of the two towers, as retrieval keeps and compares them: u·v + b, for an item's [v, b] and a user's u, is the score of `two-tower` but for
 * what is the user's alone, and so the order of items is that of their scores (of a head whose scale is above 0). What is kept of pairs has no part in it.
 */
export interface TwoTowers {
  /** f32 [rowCount × (k + 1)]: v and b of each, k being `factorDim`. Slots and numbers of users are not looked at; leave them empty, or 0. */
  items(batch: PooledBatch, parameters: DenseVersion): Float32Array;
  /** The same of rows that are not pooled yet. */
  itemsOfRows(batch: RowsBatch, parameters: DenseVersion): Float32Array;
  /** f32 [rowCount × (k + 1)]: u and 1 of each; its product with an item's is what the item scores. Those of items are not looked at. */
  users(batch: PooledBatch, parameters: DenseVersion): Float32Array;
  usersOfRows(batch: RowsBatch, parameters: DenseVersion): Float32Array;
  dispose(): void;
}

export function twoTowersOf(backend: Backend, spec: ModelSpec): TwoTowers {
  const scorer = createScorer(backend, spec, towersGraph(spec));
  const { factorDim: k } = spec;
  const width = 2 * k + 1;
  const itemsIn = (found: Float32Array): Float32Array =>
    taken(found, width, k + 1, (row, out) => out.set(row.subarray(k)));
  const usersIn = (found: Float32Array): Float32Array =>
    taken(found, width, k + 1, (row, out) => {
      out.set(row.subarray(0, k));
      out[k] = 1;
    });
  return {
    items: (batch, parameters) => itemsIn(scorer.score(batch, parameters)),
    itemsOfRows: (batch, parameters) => itemsIn(scorer.scoreRows(batch, parameters)),
    users: (batch, parameters) => usersIn(scorer.score(batch, parameters)),
    usersOfRows: (batch, parameters) => usersIn(scorer.scoreRows(batch, parameters)),
    dispose: () => scorer.dispose(),
  };
}

/** [n, 2·k + 1]: u, v, b, in the place of logits; its parameters are those of the network. */
export function towersGraph(spec: ModelSpec, use: 'scoring' | 'training' = 'scoring'): Graph {
  assert(spec.network === 'two-tower', `${spec.network} has no vectors of its two sides`);
  assert(hasTowers(seenSpec(spec)), 'a tower of nothing has no vector');
  const network = networkOf(spec);
  const towers = withProjections({
    parameters: () => [],
    forward: (blocks, inputs, given, seen) => towerVectors(blocks, inputs, given, seen),
  });
  const heads = 2 * spec.factorDim + 1;
  const losses = new Array<'squared'>(heads).fill('squared');
  return graphOf(
    { ...spec, heads, losses },
    { parameters: () => network.parameters(spec), forward: (...given) => towers.forward(...given) },
    use,
  );
}

function taken(
  found: Float32Array,
  width: number,
  columns: number,
  take: (row: Float32Array, out: Float32Array) => void,
): Float32Array {
  const rows = found.length / width;
  const out = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++)
    take(
      found.subarray(row * width, (row + 1) * width),
      out.subarray(row * columns, (row + 1) * columns),
    );
  return out;
}
