import { connectStarling } from '../client/client.js';
import { codeOf, messageOf } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import { locationAt } from './cluster-access.js';
import type { DoctorOptions, Finding } from './doctor-finding.js';

export type Found = Omit<Finding, 'name'>;

/** A cluster that runs answers at once; a doctor that hangs is of no use. */
const askMsMax = 3_000;

/** What is to be said of the cluster that runs here, or at --nats: it alone knows. */
export async function checkRunning(
  { stateDir, natsUrl }: DoctorOptions,
  config: ClusterConfig | undefined,
  judge: (status: ClusterStatus) => Found,
): Promise<Found> {
  let status: ClusterStatus;
  try {
    const location =
      natsUrl === undefined ? { stateDir } : locationAt({ url: natsUrl, name: config?.name });
    status = await statusAt(location);
  } catch (error) {
    return unasked(error);
  }
  return judge(status);
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
