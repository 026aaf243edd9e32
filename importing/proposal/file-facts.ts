import { decimalMarkOf } from '../cell-values.js';
import { type EventField } from '../field-names.js';
import type { MappedFile } from '../import-options.js';
import { type ColumnFacts, ColumnFactsCounter } from './column-facts.js';

/** What all values of a file are like. */
export interface FileFacts extends MappedFile {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, ColumnFacts>;
  /** How often an event of a type has a value. */
  readonly valuesByType: ReadonlyMap<string, number>;
}

/** Reads it once, and keeps what can be counted. */
export async function factsOf(mapped: MappedFile): Promise<FileFacts> {
  const { file, mapping } = mapped;
  const mark = decimalMarkOf(file.sample);
  const counters = new Map<string, ColumnFactsCounter>();
  const counterOf = (column: string): ColumnFactsCounter => {
    const known = counters.get(column) ?? new ColumnFactsCounter(column, mark);
    counters.set(column, known);
    return known;
  };
  // Ids and times of events are as many as there are events, and nothing is judged of them.
  const isCounted = (column: string): boolean => {
    const field = [...mapping.fields].find((entry) => entry[1] === column)?.[0];
    return mapping.role !== 'events' || field === undefined || !uncounted.includes(field);
  };
  const valuesByType = new Map<string, number>();
  const seen = new Set<string>();
  let rows = 0;
  for await (const batch of file.batches(() => undefined)) {
    for (const column of batch.columns) seen.add(column);
    const counted = batch.columns.map((name) => (isCounted(name) ? counterOf(name) : undefined));
    const at = (field: EventField): number =>
      batch.columns.indexOf(mapping.fields.get(field) ?? '');
    const [type, value] = [at('type'), at('value')];
    for (const row of batch.rows) {
      for (const [i, counter] of counted.entries()) counter?.add(row[i]);
      if (type >= 0 && value >= 0 && row[value] !== '' && row[value] != null)
        valuesByType.set(String(row[type]), (valuesByType.get(String(row[type])) ?? 0) + 1);
    }
    rows += batch.rows.length;
  }
  const columns = new Map([...counters].map(([column, counter]) => [column, counter.facts]));
  // Keys that objects of JSON might have had.
  const fields = new Map([...mapping.fields].filter(([, column]) => seen.has(column)));
  return { ...mapped, mapping: { ...mapping, fields }, rows, columns, valuesByType };
}

const uncounted: readonly EventField[] = [
  ...(['id', 'timestamp', 'user', 'visitor', 'item', 'order', 'requestId'] as const),
];
