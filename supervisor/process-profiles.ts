import type { Clock } from '../core/base/clock.js';
import { StarlingError, messageOf } from '../core/base/errors.js';
import type { ActorStatus } from '../messages/actor-status.js';
import type { ProfiledMessage } from '../messages/child-messages.js';
import { measuredProfile, type HostProfile, type ProcessProfile } from '../messages/profiles.js';
import { within } from '../runtime/time-limit.js';

export type ProcessProfiles = Pick<HostProfile, 'processes' | 'missing'>;

/** An actor of whose process a profile may be asked. */
export interface ProfiledActor {
  readonly pid: number | null;
  status(): Pick<ActorStatus, 'address' | 'kind' | 'dataCenter'>;
  profile(seconds: number, heard: (said: ProfiledMessage) => void): boolean;
}

/** For a busy process to collect what it has seen, beyond the time for which it looked. */
const graceMs = 10_000;

/** Each process once, whoever is in it, by the first of its actors; all of them in the same seconds. */
export async function profileProcesses(
  actors: readonly ProfiledActor[],
  seconds: number,
  clock: Clock,
): Promise<ProcessProfiles> {
  const byPid = new Map<number, ProfiledActor[]>();
  for (const actor of actors)
    if (actor.pid !== null) byPid.set(actor.pid, [...(byPid.get(actor.pid) ?? []), actor]);
  const processes: ProcessProfile[] = [];
  const missing: string[] = [];
  const profile = async (pid: number, members: readonly ProfiledActor[]): Promise<void> => {
    const about = describe(pid, members);
    try {
      processes.push({ ...about, ...(await profileOf(members[0]!, about.name, seconds, clock)) });
    } catch (error) {
      missing.push(`${about.name}: ${messageOf(error)}`);
    }
  };
  await Promise.all([...byPid].map(([pid, members]) => profile(pid, members)));
  return { processes, missing };
}

async function profileOf(actor: ProfiledActor, name: string, seconds: number, clock: Clock) {
  const said = new Promise<ProfiledMessage>((resolve, reject) => {
    if (actor.profile(seconds, resolve)) return;
    reject(new StarlingError('UNAVAILABLE', 'has not begun, or is about to end'));
  });
  const { profile, error } = await within(clock, 1000 * seconds + graceMs, name, said);
  if (profile === undefined) throw new StarlingError('INTERNAL', error ?? 'said nothing');
  return measuredProfile(profile);
}

function describe(
  pid: number,
  members: readonly ProfiledActor[],
): Pick<ProcessProfile, 'name' | 'pid' | 'kinds'> {
  const rows = members.map((each) => each.status());
  const { address, dataCenter } = rows[0]!;
  const name = rows.length === 1 ? address : `${dataCenter}.${pid}`;
  return { name, pid, kinds: [...new Set(rows.map(({ kind }) => kind))].sort() };
}
