import { DuckDBInstance } from '@duckdb/node-api';
import type { Blueprint } from '../core/blueprint/blueprint.js';
import { parseClusterConfig, type ClusterConfig } from '../core/config/schema.js';
import { createTransform } from '../core/features/transform.js';
import { SampleFileWriter, type SampleIndex } from '../training/sample-file.js';

/**
 * Rows whose label is known, in a Parquet file: an id in each of five columns, 100,000 of each, then `label`. Ids are whole numbers from 0, which
 * is the best that can happen to a program whose tables are arrays.
 */
const columns = ['user', 'item', 'a', 'b', 'c'] as const;
export const ids = 100_000;
export const blockRows = 1_024;

export function configOf(): ClusterConfig {
  const ids = { entity: 'item', kind: 'ids', valuesMax: 1 } as const;
  return parseClusterConfig({
    features: {
      user: { entity: 'user', kind: 'id' },
      item: { entity: 'item', kind: 'id' },
      ...{ a: ids, b: ids, c: ids },
    },
    // Else where a row comes from is a sixth slot.
    organic: { negatives: 0 },
    model: { network: 'mlp', factorDim: 16, hidden: [64, 32] },
    training: { batchRowsMax: blockRows },
  });
}

export async function writeParquet(file: string, rows: number): Promise<void> {
  await inDuckDB(async (connection) => {
    const drawn = columns.map((name, i) => `(hash(6 * i + ${i}) % ${ids})::integer as ${name}`);
    const label = `(hash(6 * i + 5) % 5 = 0)::tinyint as label`;
    const select = `select ${[...drawn, label].join(', ')} from range(${rows}) as t(i)`;
    await connection.run(`copy (${select}) to '${file}' (format parquet)`);
  });
}

/** As blocks of samples, in the order of the file: what each entity is encoded to, row by row, then written once for all epochs and threads. */
export async function samplesIn(
  parquet: string,
  file: string,
  { spec, model, slotCount }: Blueprint,
): Promise<SampleIndex> {
  const { denseCount, heads } = model;
  const writer = new SampleFileWriter(file, { slotCount, denseCount, heads });
  const transform = createTransform(spec);
  const context = transform.encodeEntity('context', '', {});
  const contexts = new Array<typeof context>(blockRows).fill(context);
  let users: (typeof context)[] = [];
  let items: (typeof context)[] = [];
  let labels: number[] = [];
  const cut = (): void => {
    const rowCount = labels.length;
    if (rowCount === 0) return;
    writer.add({
      examples: transform.assemble(users, items, contexts.slice(0, rowCount)),
      labels: Float32Array.from(labels),
      weights: new Float32Array(rowCount).fill(1),
      shown: new Uint8Array(rowCount),
      ...{ said: new Float32Array(0), atSeconds: 0 },
    });
    [users, items, labels] = [[], [], []];
  };
  await inDuckDB(async (connection) => {
    const result = await connection.stream(`select ${columns.join(', ')}, label from '${parquet}'`);
    for await (const chunk of result) {
      const [user, item, a, b, c, label] = chunk.getColumns() as number[][];
      for (let row = 0; row < label!.length; row++) {
        users.push(transform.encodeEntity('user', String(user![row]), {}));
        const told = { a: a![row], b: b![row], c: c![row] };
        items.push(transform.encodeEntity('item', String(item![row]), told));
        if (labels.push(label![row]!) === blockRows) cut();
      }
    }
  });
  cut();
  return writer.close();
}

type Connection = Awaited<ReturnType<DuckDBInstance['connect']>>;

async function inDuckDB(work: (connection: Connection) => Promise<void>): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await work(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
