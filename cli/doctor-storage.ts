import type { ClusterConfig } from '../core/config/schema.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import type { DoctorOptions } from './doctor-finding.js';
import { checkRunning, type Found } from './doctor-status.js';
import { storageNotice, storageUsed } from './storage-notice.js';

/** How full the servers of the cluster are that runs here, or at --nats. */
export function checkStorage(
  options: DoctorOptions,
  config: ClusterConfig | undefined,
): Promise<Found> {
  return checkRunning(options, config, judged);
}

export function judged({ dataCenters }: ClusterStatus): Found {
  const notices = dataCenters.flatMap((each) => {
    const notice = storageNotice(each);
    return notice ? [{ ...notice, text: `${each.name}: ${notice.text}` }] : [];
  });
  if (notices.length > 0) {
    const detail = notices.map(({ text }) => text).join('\n');
    const remedy = [...new Set(notices.map((notice) => notice.remedy))].join(' ');
    return { level: 'warn', detail, remedy };
  }
  const known = dataCenters.flatMap(({ name, storage }) =>
    storage ? [`${name}: ${storageUsed(storage)}`] : [],
  );
  return { level: 'ok', detail: known.join(', ') || 'the cluster does not know it' };
}
