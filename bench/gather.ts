import {
  FidDeduper,
  poolRows,
  scatterGradients,
  type RowPooling,
} from '../core/model/row-gather.js';

const slotCount = 7;
const dim = 17;

/** Unique, pool and scatter of one batch; keys as skewed as clicks are. */
export function measureGather(
  figures: Record<string, number | string>,
  rowCount: number,
  milliseconds: number,
): void {
  const cells = rowCount * slotCount;
  const batch = {
    rowCount,
    slotCount,
    denseCount: 0,
    offsets: Uint32Array.from({ length: cells + 1 }, (_, i) => i),
    fids: Uint32Array.from({ length: 2 * cells }, (_, i) =>
      i % 2 === 0 ? Math.floor(10_000 * Math.random() ** 3) : 0,
    ),
    dense: new Float32Array(0),
  };
  const deduper = new FidDeduper();
  const name = `gather.rows${rowCount}`;
  const fidsPerSecond = cells * rate(milliseconds, () => deduper.plan(batch, 64));
  const mapFidsPerSecond = cells * rate(milliseconds, () => planByMap(batch.fids, slotCount));
  figures[`${name}.fidsPerSecond`] = rounded(fidsPerSecond);
  figures[`${name}.baseline.fidsPerSecond`] = rounded(mapFidsPerSecond);
  figures[`${name}.ratio`] = rounded(fidsPerSecond / mapFidsPerSecond);
  const plan = deduper.plan(batch, 64);
  const pooling: RowPooling = {
    plan,
    batch,
    dim,
    poolings: new Array<'sum'>(slotCount).fill('sum'),
  };
  const rows = new Float32Array(plan.uniqueCount * dim);
  figures[`${name}.poolAndScatterPerSecond`] = rounded(
    rate(milliseconds, () => scatterGradients(pooling, poolRows(pooling, rows))),
  );
}

/** The baseline of gathering: one Map per slot, one BigInt per key, and no order by partition yet. */
function planByMap(fids: Uint32Array, slotCount: number): Uint32Array {
  const maps = Array.from({ length: slotCount }, () => new Map<bigint, number>());
  const inverse = new Uint32Array(fids.length / 2);
  for (let i = 0; i < inverse.length; i++) {
    const map = maps[i % slotCount]!;
    const key = (BigInt(fids[2 * i + 1]!) << 32n) | BigInt(fids[2 * i]!);
    let unique = map.get(key);
    if (unique === undefined) map.set(key, (unique = map.size));
    inverse[i] = unique;
  }
  return inverse;
}

/** Calls per second over about `milliseconds`, after a tenth of that to warm up. */
function rate(milliseconds: number, call: () => unknown): number {
  const until = performance.now() + milliseconds / 10;
  while (performance.now() < until) call();
  const start = performance.now();
  let calls = 0;
  let elapsed = 0;
  while (elapsed < milliseconds) {
    call();
    calls++;
    elapsed = performance.now() - start;
  }
  return (calls / elapsed) * 1000;
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
