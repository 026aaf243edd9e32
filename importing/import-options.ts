import type { AttributeReader } from '../messages/attribute-reader.js';
import type { ReadContext } from './event-rows.js';
import type { Role } from './field-names.js';
import type { FileMapping, Mapping } from './file-mapping.js';
import type { RowFile } from './row-file.js';

/** What the cluster makes of what is told, where it is known. */
export interface ImportModel {
  readonly reader: AttributeReader;
  readonly readContext: ReadContext;
  readonly contextNames: readonly string[];
  /** Types of events that it takes. */
  readonly types: readonly string[];
  /** Of events that name none. */
  readonly typeDefault: string;
  /** Names that are numbers. */
  readonly numbers: Readonly<Record<'item' | 'user' | 'context', ReadonlySet<string>>>;
  /** Attributes that are features, as `item.price`. */
  readonly features: readonly string[];
  /** Of what is declared, so that another configuration is another import. */
  readonly hash: string;
}

export interface NamedFile {
  readonly path: string;
  /** For a person, where the path says nothing. */
  readonly name?: string | undefined;
  /** Of nobody else: it is removed when it was read. */
  readonly isTemporary?: boolean | undefined;
  /** As the user says. */
  readonly role?: Role | undefined;
}

export interface ImportOptions {
  readonly files: readonly NamedFile[];
  readonly mapping: Mapping;
  readonly model?: ImportModel | undefined;
  /** Of times that name none; UTC if left out. */
  readonly timezone?: string | undefined;
  readonly encoding?: string | undefined;
  /** From what rating on something is liked. */
  readonly threshold?: number | undefined;
  /** Where rows are put in order; on a disk with room for as much as the files hold. */
  readonly folder: string;
  /** So that two processes do not build the same. */
  readonly token: string;
  /** Of events that no column says the time of. */
  readonly nowMs: number;
  /** Hears how many rows of which file are read. */
  readonly progress?: ((file: string, rows: number) => void) | undefined;
}

export interface MappedFile {
  readonly file: RowFile;
  readonly mapping: FileMapping;
  /** Of what is in it. */
  readonly hash: string;
}
