import { messageOf } from '../../core/base/errors.js';
import { statusMessage, parseClusterStatus } from '../../messages/cluster-status.js';
import { parseHostProfile, type HostProfile } from '../../messages/profiles.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';
import { callLong } from '../../runtime/long-call.js';

export interface Collected {
  readonly hosts: readonly HostProfile[];
  /** What is missing, and why. */
  readonly missing: readonly string[];
}

/** For a host to collect what its processes have seen, and for the way. */
const answerMs = 30_000;

/**
 * Asks every host of the cluster at once, so that all watch the same seconds.
 *
 * @throws StarlingError where no host answers
 */
export async function collectProfiles(bus: Bus, seconds: number): Promise<Collected> {
  const { subject } = bus.names;
  const status = await call(bus, subject.status, statusMessage(), { deadlineMs: 5_000 });
  const names = parseClusterStatus(status).hosts.map(({ name }) => name);
  const options = { deadlineMs: 1000 * seconds + answerMs };
  const answers = await Promise.allSettled(
    names.map(async (host) =>
      parseHostProfile(await callLong(bus, subject.hostProfile(host), { seconds }, options)),
    ),
  );
  const hosts = answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const refused = answers.flatMap((each, i) =>
    each.status === 'rejected' ? [{ host: names[i]!, error: each.reason as unknown }] : [],
  );
  if (hosts.length === 0 && refused.length > 0) throw refused[0]!.error;
  const unheard = refused.map(({ host, error }) => `host ${host}: ${messageOf(error)}`);
  return { hosts, missing: [...unheard, ...hosts.flatMap(({ missing }) => missing)] };
}
