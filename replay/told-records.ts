import type { AttributeReader } from '../messages/attribute-reader.js';
import type { Entity } from '../messages/subjects.js';
import type { RawFeatures } from '../core/features/raw-features.js';
import type { EntityRecord } from './event-files.js';

export interface ToldRecord {
  readonly id: string;
  readonly features: RawFeatures;
}

/** Told of one file. */
const examplesMax = 3;

/**
 * Records of a file as the cluster will keep them, so that what comes back can be compared. What can't be read, and what nothing is
 * declared of, is told and costs nothing else.
 */
export function toldRecords(
  records: readonly EntityRecord[],
  entity: Entity,
  reader: Pick<AttributeReader, 'read'>,
  note: (text: string) => void,
): ToldRecord[] {
  const unknown = new Set<string>();
  const unreadable: string[] = [];
  const told = records.map(({ id, features }) => {
    const read = reader.read(entity, features);
    for (const name of read.unknown) unknown.add(name);
    for (const text of read.unreadable) unreadable.push(`${entity} ${id}: ${text}`);
    const known = Object.entries(read.attributes).filter(([, value]) => value !== null);
    return { id, features: Object.fromEntries(known) };
  });
  if (unknown.size > 0) {
    const names = [...unknown].join(', ');
    note(`${entity}s: nothing is declared of ${names}; kept, and not learned from`);
  }
  if (unreadable.length > 0) {
    const examples = unreadable.slice(0, examplesMax).join('; ');
    note(`${entity}s: ${unreadable.length} values can't be read and are left out: ${examples}`);
  }
  return told;
}
