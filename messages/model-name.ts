import { mainModel, type ModelIdentity } from '../core/base/model-identity.js';
import { StarlingError } from '../core/base/errors.js';
import type { Fields } from './checks.js';
import { asMessage, text } from './checks.js';

export { mainModel };

/**
 * Models write into the same streams, which know a message by its id: that of `main` is told as it is. A name may come back, a
 * number does not.
 */
export function messageIdOf({ number }: Pick<ModelIdentity, 'number'>, id: string): string {
  return number === 0 ? id : `m${number}.${id}`;
}

/**
 * A message that belongs to a model.
 * @param here the model of who reads it.
 * @throws StarlingError BAD_MESSAGE, UNSUPPORTED_VERSION; SPEC_MISMATCH for a model that is not here.
 */
export function asModelMessage(value: unknown, what: string, here = mainModel): Fields {
  const fields = asMessage(value, what);
  const model = text(fields, 'model', what);
  if (model === here) return fields;
  throw new StarlingError('SPEC_MISMATCH', `${what}: of model "${model}"; here is "${here}".`, {
    model,
    here,
  });
}
