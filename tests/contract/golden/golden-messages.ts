import { clusterMessages } from './cluster-messages.js';
import { eventMessages } from './event-messages.js';
import { featureMessages } from './feature-messages.js';
import type { GoldenMessage } from './golden-files.js';
import { modelMessages } from './model-messages.js';
import { publicMessages } from './public-messages.js';
import { servingMessages } from './serving-messages.js';
import { stateRecords } from './state-records.js';

/** Every kind of message and record there is. */
export const goldenMessages: readonly GoldenMessage[] = [
  ...eventMessages,
  ...modelMessages,
  ...servingMessages,
  ...featureMessages,
  ...clusterMessages,
  ...publicMessages,
  ...stateRecords,
];
