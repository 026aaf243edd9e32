import { z } from 'zod';
import { attributeTypes } from '../features/attributes.js';
import { nameLengthMax, oneOf, section } from './fields.js';

const nameError = `expected names of attributes of 1 to ${nameLengthMax} characters`;
const types = z
  .record(
    z
      .string()
      .min(1, { error: nameError })
      .max(nameLengthMax, { error: nameError })
      .refine((name) => name !== '__proto__', { error: nameError }),
    oneOf(
      attributeTypes,
      '`text`; `number`; `boolean`; `list`, of texts or numbers; `time`, in seconds, milliseconds or ISO 8601.',
    ),
    { error: "expected a map of types by name: {title: 'text', stock: 'number'}" },
  )
  .default({});

export const attributesSchema = section({
  item: types.describe('Of items.'),
  user: types.describe('Of users.'),
});
