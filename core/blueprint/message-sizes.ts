import { createOptimizer } from '../embedding/optimizers/create-optimizer.js';
import { parameterCounts, type Blueprint } from './blueprint.js';

/**
 * How long messages become, by the configuration. NATS refuses what is longer than `max_payload`, so what can be sent in
 * parts is cut by the figures here, and a state of the network by messages/network-parts.ts; its parameters, as serving and trainers are
 * told them, are one message, and a cluster whose servers don't take it must not start (site/message-limit.ts).
 */

/** Of a limit, for what a message has beside its rows: names of fields, lists of batches, a trail, NATS headers. */
const rowsShare = 0.9;

/**
 * Beside the values of the network: the names of its fields, and 16 bytes for each gap in the batches that are in it. Gaps
 * are as many as batches in flight, some hundreds. Too low: a message that was to fit does not.
 */
const networkHeadBytes = 64 * 1024;

/** Of the network as it is served, or of a gradient of it: a value for each parameter. */
export function networkBytes({ model }: Blueprint): number {
  return networkHeadBytes + 4 * parameterCounts({ model }).all;
}

/** Rows with their state that fit into one message of a delta, whichever slots they are of. */
export function deltaRowsWithin({ tables, dim }: Blueprint, bytesMax: number): number {
  const widths = tables.map(({ optimizer }) => dim + createOptimizer(optimizer).stateWidth(dim));
  // Key, newest update and count, then the values.
  const rowBytes = 16 + 4 * Math.max(...widths);
  return rowsWithin(rowBytes, bytesMax);
}

/** Of a sample beside its fids and numbers: ids, times, labels, facts. */
const sampleHeadBytes = 256;

/**
 * Samples that fit into one message, and whose rows fit into one push, if no two have a row in common and all are of one shard. A row that
 * several have takes less, with the squares that go with it then, than one for each of them would.
 */
export function samplesWithin({ spec, dim }: Blueprint, bytesMax: number): number {
  const rows = spec.slots.reduce((sum, { valuesMax }) => sum + valuesMax, 0);
  const sampleBytes = sampleHeadBytes + 8 * rows + 4 * spec.denseWidth;
  return Math.min(rowsWithin(rows * rowBytesOf(dim), bytesMax), rowsWithin(sampleBytes, bytesMax));
}

/** Rows that fit into one lookup and its answer. */
export function lookupRowsWithin({ dim }: Blueprint, bytesMax: number): number {
  return rowsWithin(rowBytesOf(dim), bytesMax);
}

/** Key and values. */
function rowBytesOf(dim: number): number {
  return 8 + 4 * dim;
}

function rowsWithin(rowBytes: number, bytesMax: number): number {
  return Math.max(1, Math.floor((rowsShare * bytesMax) / rowBytes));
}
