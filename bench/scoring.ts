import { KeptRows } from '../actors/ranker/kept-rows.js';
import defaults from '../cluster.config.js';
import { blueprintOf } from '../core/blueprint/blueprint.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { encodeContext } from '../core/features/origin.js';
import { createTransform } from '../core/features/transform.js';
import { loadBackend } from '../core/model/backend.js';
import { initialDense } from '../core/model/dense-parameters.js';
import { FidDeduper, poolRows, spreadShared } from '../core/model/row-gather.js';
import { createScorer } from '../core/model/scorer.js';
import type { BenchResult } from './bench-result.js';
import { inTurns, rounded } from './in-turns.js';
import { measureSplit } from './split-scoring.js';

/**
 * From what is known of a user and the candidates to logits, as a ranker does it whose rows are all kept: one process, no messages. Baseline:
 * rows pooled for each candidate in TypeScript, and those that all share copied to each, before the scorer gets them. And the network alone, with what
 * is kept of items between requests (split-scoring.ts).
 */
const candidates = [16, 200, 1_700];

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const blueprint = blueprintOf(parseClusterConfig(defaults));
  const { spec, model, poolings, dim, partitionCount, rowsOf } = blueprint;
  const backend = await loadBackend('auto', model);
  const transform = createTransform(spec);
  const figures: Record<string, number | string> = {
    ...{ node: process.version, backend: backend.name },
    baseline: 'rows pooled and spread before they are scored, in the same run',
  };
  const context = encodeContext(transform, {}, 'shown');
  const user = transform.encodeEntity('user', 'u', { age: 30, gender: 'F', occupation: 'writer' });
  const items = Array.from({ length: Math.max(...candidates) }, (_, i) =>
    transform.encodeEntity('item', `i${i}`, {
      ...{ year: `${1950 + (i % 50)}`, genres: [`g${i % 7}`, `g${i % 5}`, `g${i % 3}`] },
    }),
  );
  const deduper = new FidDeduper();
  const parameters = { version: 1, values: initialDense(model, 1) };
  for (const count of candidates) {
    const { batch, ...shared } = transform.share({ user, items: items.slice(0, count), context });
    const { rowCount, slotCount, dense } = batch;
    const plan = deduper.plan(batch, partitionCount, rowsOf);
    const pooling = { plan, batch, dim, poolings };
    const kept = new KeptRows(dim);
    const eachRow = (
      visit: (slot: number, low: number, high: number, at: number) => void,
    ): void => {
      let row = 0;
      for (let group = 0; group < plan.counts.length; group++)
        for (let n = plan.counts[group]!; n > 0; n--, row++)
          visit(group % slotCount, plan.fids[2 * row]!, plan.fids[2 * row + 1]!, row * dim);
    };
    const rows = Float32Array.from({ length: plan.uniqueCount * dim }, (_, i) => (i % 89) / 100);
    eachRow((slot, low, high, at) => kept.keep(slot, low, high, rows, at));
    const pool = (): Float32Array => {
      const pooled = poolRows(pooling, rows);
      spreadShared(pooled, { slotCount, dim }, shared);
      return pooled;
    };
    const scorers = [createScorer(backend, model), createScorer(backend, model)] as const;
    const before = () => scorers[0].score({ rowCount, pooled: pool(), dense }, parameters);
    const after = () =>
      scorers[1].scoreRows({ rowCount, rows, pooling, dense, shared }, parameters);
    const logits = after();
    if (!before().every((value, i) => value === logits[i]))
      throw new Error('the two ways say different logits');
    const [shareMs, planMs, rowsMs, poolMs, beforeMs, afterMs] = (await inTurns(
      options.quick ? 100 : 1_000,
      [
        () => transform.share({ user, items: items.slice(0, count), context }),
        () => deduper.plan(batch, partitionCount, rowsOf),
        () => eachRow((slot, low, high, at) => kept.read(slot, low, high, rows, at)),
        pool,
        before,
        after,
      ],
    )) as [number, number, number, number, number, number];
    const others = shareMs + planMs + rowsMs;
    Object.assign(
      figures,
      Object.fromEntries(
        Object.entries({
          'assemble.ms': shareMs,
          'plan.ms': planMs,
          'keptRows.ms': rowsMs,
          'pool.ms': poolMs,
          'pooled.ms': beforeMs,
          'scoreRows.ms': afterMs,
          'scoreRows.ratio': beforeMs / afterMs,
          'whole.ratio': (others + beforeMs) / (others + afterMs),
        }).map(([name, value]) => [`candidates${count}.${name}`, rounded(value)]),
      ),
    );
  }
  await measureSplit(figures, backend, blueprint, options.quick ? 100 : 1_000);
  for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value}`);
  return { name: 'scoring', figures };
}
