import { encode } from '../../messages/codec.js';
import type { HostedServer } from '../../messages/hosts.js';
import {
  hostProfileMessage,
  parseProfileRequest,
  profileNodesMax,
  profileSeconds,
  type HostProfile,
  type MeasuredProfile,
  type ProcessProfile,
} from '../../messages/profiles.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { telling } from '../../runtime/long-work.js';
import { pruned } from '../../runtime/profile/profile-tree.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import type { ProcessProfiles } from '../../supervisor/process-profiles.js';

/** How a process is watched, by the operating system. */
export interface OwnProfiler {
  /** Of this process. */
  readonly pid: number;
  /** This process. */
  self(seconds: number): Promise<MeasuredProfile>;
  /** Processor time so far of any, ms. */
  processMs(pid: number): number;
}

export interface ProfileOptions {
  readonly bus: Bus;
  readonly host: string;
  readonly profiler: OwnProfiler;
  /** The processes of actors. */
  readonly actors: (seconds: number) => Promise<ProcessProfiles>;
  readonly servers: () => readonly HostedServer[];
}

/** Of what a message may have: the rest is for its other fields. */
const treeShare = 0.9;

/** Answers what each process of this host does in the next seconds: its actors, its supervisor, its servers. One at a time. */
export function serveProfile(options: ProfileOptions): ServedEndpoint {
  const { bus, host } = options;
  return new ServedEndpoint(bus, {
    subject: bus.names.subject.hostProfile(host),
    inFlightMax: 1,
    deadlineMs: 1000 * profileSeconds.max + 30_000,
    handle: (value) => {
      const request = parseProfileRequest(value);
      return telling(bus, request, async () => {
        const profile = await profileHost(options, request.seconds);
        return hostProfileMessage(fitted(profile, bus.payloadBytesMax * treeShare));
      });
    },
  });
}

async function profileHost(options: ProfileOptions, seconds: number): Promise<HostProfile> {
  const { host, profiler, actors, servers } = options;
  const measured = servers().flatMap(({ dataCenter, pid: server }) =>
    server === null ? [] : [{ dataCenter, pid: server, beforeMs: profiler.processMs(server) }],
  );
  const [own, found] = await Promise.all([profiler.self(seconds), actors(seconds)]);
  const processes: ProcessProfile[] = [
    { name: `host ${host}`, pid: profiler.pid, kinds: ['supervisor'], ...own },
    ...found.processes,
    ...measured.map(({ dataCenter, pid: server, beforeMs }) => ({
      name: `nats-server ${dataCenter}`,
      pid: server,
      kinds: ['nats-server'],
      wallMs: own.wallMs,
      // One that ended meanwhile has no time any more.
      cpuMs: Math.max(0, profiler.processMs(server) - beforeMs),
    })),
  ];
  return { host, processes, missing: found.missing };
}

/** With as many nodes as fit into a message. */
function fitted(profile: HostProfile, bytesMax: number): HostProfile {
  let fitting = profile;
  for (let nodes = profileNodesMax; encode(fitting).length > bytesMax && nodes > 1;) {
    nodes = Math.floor(nodes / 2);
    const processes = profile.processes.map((each) =>
      each.tree === undefined ? each : { ...each, tree: pruned(each.tree, nodes) },
    );
    fitting = { ...profile, processes };
  }
  return fitting;
}
