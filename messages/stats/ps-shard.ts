import { endpoint } from './endpoint-figures.js';
import { byPartition, byteCounter, counter, gauge, measure, partitions } from './figures.js';

export const psShardFigures = {
  partitions: partitions('Partitions it owns.'),
  copies: partitions('Partitions it keeps a copy of.'),
  rows: gauge('count', 'Rows of the partitions it owns.', 'rows'),
  copiedRows: gauge('count', 'Rows of its copies.'),
  recoveredDeltas: counter('Records of the log read to recover.'),
  resyncs: counter('Gaps in the log that were mended from a snapshot.'),
  rowsEvicted: counter('Rows that expired or made room.'),
  rowBytes: gauge('bytes', 'Memory of the rows it owns.'),
  rowsPulled: counter('Rows read by trainers.'),
  rowsPushed: counter('Rows updated by trainers.'),
  leaseLapses: counter('Times its lease ran out.'),
  appliedThrough: measure(
    'sequence',
    'All batches of SAMPLES up to here are in each partition it owns; null: it owns none.',
    'batches applied',
  ),
  batchesApplied: byPartition('Batches in the rows of each partition it owns.'),
  pull: endpoint('Pulls of rows.'),
  push: endpoint('Pushes of gradients.'),
  deltaFlushes: counter('Records written to DELTAS.'),
  deltaRows: counter('Rows written to DELTAS.'),
  deltaBytes: byteCounter('Bytes written to DELTAS.'),
  flushP50Ms: measure('ms', 'Median time until a record was durable; null: there was none.'),
  flushP99Ms: measure('ms', '99th percentile of that time; null: there was none.'),
};
