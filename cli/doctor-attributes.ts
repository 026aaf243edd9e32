import type { ClusterConfig } from '../core/config/schema.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import { attributeLines } from './attribute-lines.js';
import type { DoctorOptions } from './doctor-finding.js';
import { checkRunning, type Found } from './doctor-status.js';

/** What the cluster was told of items and users that nothing is declared of, or that it could not read. */
export function checkAttributes(
  options: DoctorOptions,
  config: ClusterConfig | undefined,
): Promise<Found> {
  return checkRunning(options, config, judgedAttributes);
}

export function judgedAttributes(status: Pick<ClusterStatus, 'actors'>): Found {
  const lines = attributeLines(status).map((line) => line.replace(/^attributes: /, ''));
  if (lines.length === 0) return { level: 'ok', detail: 'all that was told is declared' };
  const remedy =
    'Declare them in attributes of the configuration, to filter on them and to have them checked; correct values that are no such values; set, hide or delete items that a patch made by mistake.';
  return { level: 'warn', detail: lines.join('\n'), remedy };
}
