import { connectStarling } from '../client/client.js';
import { codeOf, messageOf } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import { locationAt } from './cluster-access.js';
import type { DoctorOptions, Finding } from './doctor-finding.js';
import { storageNotice, storageUsed } from './storage-notice.js';

type Found = Omit<Finding, 'name'>;

/** A cluster that runs answers at once; a doctor that hangs is of no use. */
const askMsMax = 3_000;

/** How full the servers of the cluster are that runs here, or at --nats: it alone knows. */
export async function checkStorage(
  { stateDir, natsUrl }: DoctorOptions,
  config: ClusterConfig | undefined,
): Promise<Found> {
  let status: ClusterStatus;
  try {
    const location =
      natsUrl === undefined ? { stateDir } : locationAt({ url: natsUrl, name: config?.name });
    status = await statusAt(location);
  } catch (error) {
    return unasked(error);
  }
  return judged(status);
}

async function statusAt(location: Parameters<typeof connectStarling>[0]): Promise<ClusterStatus> {
  const client = await connectStarling({
    ...location,
    connectionName: 'starling-doctor',
    ...{ connectTimeoutMs: askMsMax, deadlineMs: askMsMax },
  });
  try {
    return await client.status();
  } finally {
    await client.close();
  }
}

/** That no cluster runs yet is what one asks a doctor before it does. Whether its servers answer is another finding. */
function unasked(error: unknown): Found {
  const code = codeOf(error);
  if (code === 'NOT_RUNNING' || code === 'UNAVAILABLE')
    return { level: 'ok', detail: 'not looked at: no cluster runs that could tell' };
  const remedy =
    'Set STARLING_NATS_USER and STARLING_NATS_PASSWORD if the servers ask for them; else look at `starling status`.';
  return { level: 'warn', detail: `not known: ${code}: ${messageOf(error)}`, remedy };
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
