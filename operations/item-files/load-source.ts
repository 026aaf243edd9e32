import { pino } from 'pino';
import { ingest } from '../../client/ingest.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import type { ImportSource } from '../../importing/import-source.js';
import { AttributeReader } from '../../messages/attribute-reader.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { loadItems, type ItemFileMode, type ItemLoadResult } from './load-items.js';
import { presentItems } from './present-items.js';

/** Of a part, however busy the cluster is with those before it. */
const sendMsMax = 60_000;

export interface SourceLoad {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  readonly source: Pick<ImportSource, 'items'>;
  readonly mode: ItemFileMode;
  /** Of the items that are there, the largest share that may be absent from the files. */
  readonly absentMax: number;
  readonly dryRun?: boolean;
}

/** Brings the items of a running cluster to what files say. @throws StarlingError ITEMS_ABSENT */
export async function loadSource(load: SourceLoad): Promise<ItemLoadResult> {
  const { bus, config, source, mode, absentMax, dryRun = false } = load;
  const log = pino({ level: 'error' }, pino.destination(2));
  return loadItems({
    ...{ mode, absentMax, dryRun },
    present: await presentItems({ bus, config, log }),
    reader: new AttributeReader(featureSpecOf(config.features), config.attributes),
    rows: () => source.items(0),
    send: (items) => ingest(bus, 'items', items, { deadlineMs: sendMsMax }),
    nowMs: bus.clock.wallMs(),
  });
}
