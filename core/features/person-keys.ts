import type { FeatureSpec } from './feature-spec.js';
import { keyWriterOf } from './values.js';

/** A row that is of one person: the slot, by its id, which is the same in all configurations that have it, and the key. */
export interface PersonKey {
  readonly slot: number;
  readonly low: number;
  readonly high: number;
}

/** Rows of who a person is. What he shares with others, his town or an item, is not his. */
export function personKeysOf({ slots }: Pick<FeatureSpec, 'slots'>, person: string): PersonKey[] {
  const words = new Uint32Array(2 * 255);
  return slots
    .filter(({ entity, source, coding }) => {
      return (
        entity === 'user' && source === 'user' && (coding.kind === 'id' || coding.kind === 'ids')
      );
    })
    .flatMap(({ id: slot, coding }) => {
      const count = keyWriterOf(coding)(person, 'user', words, 0);
      return Array.from({ length: count }, (_key, i) => {
        return { slot, low: words[2 * i]!, high: words[2 * i + 1]! };
      });
    });
}
