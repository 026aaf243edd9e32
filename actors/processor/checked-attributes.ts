import { StarlingError } from '../../core/base/errors.js';
import { nearestOf } from '../../core/config/fields.js';
import { preview } from '../../core/features/preview.js';
import type { AttributeReader } from '../../messages/attribute-reader.js';
import type { EntityChange } from '../../messages/public.js';

/** So many different names are told of: whoever makes them up must not fill the memory. */
const namesMax = 100;
/** Of them, in one line. */
const shownMax = 20;

/**
 * What is told of items and users, made ready to be kept. Nothing is lost because of a neighbour: a value that can't be read costs its
 * own name, and one that nothing is declared of is kept as it is. Both are told in the status.
 */
export class CheckedAttributes {
  readonly counts = { unreadable: 0, unreadableExample: '', unknownAttributes: '' };
  readonly #reader: Pick<AttributeReader, 'read' | 'known'>;
  readonly #unknown = new Set<string>();

  constructor(reader: Pick<AttributeReader, 'read' | 'known'>) {
    this.#reader = reader;
  }

  /** @throws StarlingError BAD_EVENT where the attributes name another entity. */
  check(change: EntityChange): EntityChange {
    const { entity, id } = change;
    const stated = Object.hasOwn(change.attributes, entity) ? change.attributes[entity] : undefined;
    if (stated !== undefined && stated !== null && idIn(stated) !== id) {
      const text = `${entity}: the attributes name ${preview(stated)}, the event ${preview(id)}`;
      throw new StarlingError('BAD_EVENT', text, { field: entity });
    }
    const { attributes, unreadable, unknown } = this.#reader.read(entity, change.attributes);
    if (unreadable.length > 0) {
      this.counts.unreadable += unreadable.length;
      this.counts.unreadableExample = `${entity} ${preview(id)}: ${unreadable.at(-1)}`;
    }
    for (const name of unknown) this.#note(entity, name);
    return { ...change, attributes };
  }

  /** Once for each name. */
  #note(entity: EntityChange['entity'], name: string): void {
    const full = `${entity}.${name}`;
    if (this.#unknown.size >= namesMax || this.#unknown.has(full)) return;
    this.#unknown.add(full);
    const named = [...this.#unknown].slice(0, shownMax).map((each) => this.#withHint(each));
    const more = this.#unknown.size - named.length;
    this.counts.unknownAttributes = `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  }

  #withHint(full: string): string {
    const [entity, name] = [full.slice(0, 4) as EntityChange['entity'], full.slice(5)];
    const nearest = nearestOf(name, this.#reader.known(entity));
    return nearest === undefined ? full : `${full} (declared: ${nearest})`;
  }
}

function idIn(stated: unknown): string {
  return typeof stated === 'string' || typeof stated === 'number' ? `${stated}` : '';
}
