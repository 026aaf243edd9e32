import { StarlingError } from '../core/base/errors.js';
import type { Fields } from './checks.js';
import { asMessage, text } from './checks.js';

/**
 * The model that a row, a gradient, a network or an answer belongs to. There is one today; whatever belongs to a model names
 * it, so that a second one beside it is no other protocol.
 */
export const mainModel = 'main';

/**
 * A message that belongs to a model.
 * @throws StarlingError BAD_MESSAGE, UNSUPPORTED_VERSION; SPEC_MISMATCH for a model that is not here.
 */
export function asModelMessage(value: unknown, what: string): Fields {
  const fields = asMessage(value, what);
  const model = text(fields, 'model', what);
  if (model === mainModel) return fields;
  throw new StarlingError(
    'SPEC_MISMATCH',
    `${what}: of model "${model}"; here is "${mainModel}".`,
    {
      model,
      here: mainModel,
    },
  );
}
