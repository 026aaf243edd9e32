import type { ImportCounts } from './import-source.js';
import type { Problem } from './problems.js';
import type { Role } from './field-names.js';

/** What was understood of the files, for a person and for `--json`. */
export interface ImportReport {
  readonly files: readonly FileReport[];
  readonly counts: ImportCounts;
  /** Of events; absent where there are none. */
  readonly firstMs?: number;
  readonly lastMs?: number;
  /** Features of items and users that are known only as of today, as no file says when they became so. */
  readonly asOfToday: readonly string[];
}

export interface FileReport {
  readonly name: string;
  readonly role: Role;
  readonly format: string;
  readonly compression?: string;
  readonly encoding?: string;
  readonly delimiter?: string;
  /** Of numbers in text. */
  readonly decimalMark?: string;
  readonly rows: number;
  /** In the order of the file. */
  readonly columns: readonly { readonly column: string; readonly becomes: string }[];
  /** How times are written, and of which zone those are that name none. */
  readonly times?: string;
  /** Of events: rows behind an earlier one. */
  readonly behind?: number;
  readonly timeless: number;
  readonly notes: readonly string[];
  /** Rows that can't be used. */
  readonly refused: readonly Problem[];
  /** Fields that can't be read, which cost themselves alone. */
  readonly unreadable: readonly Problem[];
  /** How often which spelling of "none" stands in which column. */
  readonly missing: Readonly<Record<string, number>>;
}
