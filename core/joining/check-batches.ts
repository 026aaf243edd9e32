import { StarlingError } from '../base/errors.js';
import type { ActionBatch, ImpressionBatch } from './types.js';

/** Throws BAD_MESSAGE if the columns disagree, SPEC_MISMATCH if the examples have another shape than the join. */
export function checkImpressions(
  batch: ImpressionBatch,
  slotCount: number,
  denseCount: number,
): void {
  const { examples } = batch;
  const rowCount = batch.requestIds.length;
  checkShape(examples.slotCount, examples.denseCount, slotCount, denseCount);
  const columns = [batch.users, batch.items, batch.atMs, batch.scores];
  const cellCount = rowCount * slotCount;
  const isWhole =
    examples.rowCount === rowCount &&
    columns.every((column) => column.length === rowCount) &&
    examples.offsets.length === cellCount + 1 &&
    examples.fids.length >= 2 * examples.offsets[cellCount]! &&
    examples.dense.length === rowCount * denseCount;
  if (!isWhole)
    throw new StarlingError('BAD_MESSAGE', `impressions: columns are not all of ${rowCount} rows`);
}

/** Throws SPEC_MISMATCH if rows of another shape than the join's turn up. */
export function checkShape(
  slots: number,
  dense: number,
  slotCount: number,
  denseCount: number,
): void {
  if (slots === slotCount && dense === denseCount) return;
  throw new StarlingError(
    'SPEC_MISMATCH',
    `impressions have ${slots} slots and ${dense} dense features, the join has ${slotCount} and ${denseCount}`,
  );
}

/** Throws BAD_MESSAGE if the columns disagree, SPEC_MISMATCH if the examples have another shape than the join. */
export function checkActions(batch: ActionBatch, slotCount: number, denseCount: number): void {
  const rowCount = batch.requestIds.length;
  const { moment } = batch;
  if (moment)
    checkShape(moment.examples.slotCount, moment.examples.denseCount, slotCount, denseCount);
  const columns = [batch.items, batch.atMs, batch.labels, batch.acceptedAtMs];
  const isWhole =
    !moment ||
    (moment.ends.length === rowCount &&
      moment.items.length === moment.examples.rowCount &&
      (!moment.weights || moment.weights.length === moment.items.length) &&
      (moment.ends.at(-1) ?? 0) === moment.items.length &&
      moment.ends.every((end, i) => i === 0 || end >= moment.ends[i - 1]!));
  if (isWhole && columns.every((column) => column.length === rowCount)) return;
  throw new StarlingError('BAD_MESSAGE', `actions: columns are not all of ${rowCount} rows`);
}
