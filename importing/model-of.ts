import { createHash } from 'node:crypto';
import type { ClusterConfig } from '../core/config/schema.js';
import { type FeatureSpec, featureSpecOf } from '../core/features/feature-spec.js';
import {
  type AttributeTypes,
  attributeTypesOf,
  contextTypesOf,
  isFeatureOf,
} from '../core/features/attributes.js';
import { toldContext } from '../core/features/origin.js';
import { AttributeReader } from '../messages/attribute-reader.js';
import type { Cell } from './row-file.js';
import type { ImportModel } from './import-options.js';

/** As the processor has it; see actors/processor/event-actions.ts. */
const typeDefault = 'click';

/** What a cluster of this configuration makes of what it is told, so that a mistake is known before anything is sent. */
export function modelOf(config: ClusterConfig): ImportModel {
  const { features, attributes, events } = config;
  const spec = featureSpecOf(features);
  const isFeature = isFeatureOf(features);
  const sources = [...spec.slots, ...spec.dense];
  const context = new AttributeReader(asItems(spec), { user: {}, item: {} });
  return {
    reader: new AttributeReader(spec, attributes),
    readContext: (told: Readonly<Record<string, Cell>>) => {
      const { attributes: read, unreadable } = context.read('item', told);
      const known = Object.entries(read).filter(([, value]) => value !== null);
      return { context: Object.fromEntries(known), unreadable };
    },
    contextNames: toldContext(spec),
    types: Object.keys(events),
    typeDefault,
    numbers: {
      item: numbersOf(attributeTypesOf(features, attributes, 'item')),
      user: numbersOf(attributeTypesOf(features, attributes, 'user')),
      context: numbersOf(contextTypesOf(features)),
    },
    features: (['item', 'user'] as const).flatMap((entity) =>
      [...new Set(sources.map(({ source }) => source))]
        .filter((source) => source !== entity && isFeature(entity, source))
        .map((source) => `${entity}.${source}`),
    ),
    hash: createHash('sha256')
      .update(JSON.stringify([features, attributes, Object.keys(events)]))
      .digest('hex'),
  };
}

function numbersOf(types: AttributeTypes): ReadonlySet<string> {
  const names = Object.entries(types).filter(([, type]) => type === 'number');
  return new Set(names.map(([name]) => name));
}

/** A value of the moment is read as one of an item is. */
function asItems({ slots, dense, ...rest }: FeatureSpec): FeatureSpec {
  return {
    ...rest,
    slots: slots
      .filter(({ entity }) => entity === 'context')
      .map((slot) => ({ ...slot, entity: 'item' })),
    dense: dense
      .filter(({ entity }) => entity === 'context')
      .map((column) => ({ ...column, entity: 'item' })),
  };
}
