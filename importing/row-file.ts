import type { Compression } from './file-bytes.js';

/**
 * A value as a file has it. Text formats know texts only; JSON and Parquet say more. A whole number that a double would change,
 * or that is written in another way than it would be printed, comes as the text that stands in the file: ids stay as written.
 */
export type Cell = string | number | boolean | null | undefined | readonly unknown[];

export interface RowBatch {
  /** May grow from batch to batch: rows of JSON have keys of their own. What a row lacks at its end is absent. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Line on which each ends, or the number of the row where there are no lines. From 1. */
  readonly lines: readonly number[];
}

/** A row of which nothing can be used. */
export interface BadRow {
  readonly line: number;
  /** Rows of the same kind are told together. */
  readonly kind: string;
  readonly column?: string | undefined;
  readonly text: string;
}

export type TakeBad = (row: BadRow) => void;

export const formats = ['delimited', 'json', 'parquet'] as const;
export type Format = (typeof formats)[number];

/** What was found out about a file before its rows are read. */
export interface RowFile {
  readonly path: string;
  /** For a person. */
  readonly name: string;
  readonly format: Format;
  readonly compression: Compression;
  readonly encoding?: string | undefined;
  readonly delimiter?: string | undefined;
  /** Those of the first rows. */
  readonly columns: readonly string[];
  /** The first rows, of which kinds of values are guessed. */
  readonly sample: readonly (readonly Cell[])[];
  /** @throws StarlingError FILE_INVALID for what makes the rest unreadable. */
  batches(bad: TakeBad): AsyncGenerator<RowBatch, void, undefined>;
}

/** Too few: the cost of a batch shows. Too many: more of the file is held before the first row is seen. */
export const batchRows = 2048;
/** Of which delimiter, decimal mark and columns are found: in a shop's file, some days. */
export const sampleRowsMax = 5_000;
