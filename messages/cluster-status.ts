import { asMessage, describe } from './checks.js';
import { protocolVersion } from './codec.js';
import { StarlingError } from '../core/base/errors.js';
import type { ActorStatus } from './actor-status.js';
import type { SupervisionEvent } from './supervision-events.js';

/** A machine that runs actors. */
export interface HostSummary {
  readonly name: string;
  /** Data centers whose actors it may run. */
  readonly dataCenters: readonly string[];
  readonly capacity: number;
  /** How many it runs. */
  readonly actors: number;
}

/** What runs, and how: the answer of `starling.status`. */
export interface ClusterStatus {
  readonly name: string;
  /** Host that leads; empty while none does. */
  readonly leader: string;
  /** Counts the leaders there have been. */
  readonly term: number;
  readonly hosts: readonly HostSummary[];
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  /** Every actor is ready. */
  readonly ready: boolean;
  readonly dataCenters: readonly {
    readonly name: string;
    readonly role: string;
    readonly state: string;
  }[];
  readonly natsServers: readonly {
    readonly dataCenter: string;
    /** Null where the cluster did not start the server, or it is down. */
    readonly pid: number | null;
    readonly url: string;
  }[];
  readonly actors: readonly ActorStatus[];
  /** The latest supervision events, oldest first. */
  readonly events: readonly SupervisionEvent[];
  /** What executes the model in the trainers. */
  readonly backend?: string;
  readonly natsServer?: { readonly version: string };
}

export function statusMessage() {
  return { v: protocolVersion };
}

export function statusReply(status: ClusterStatus) {
  return { v: protocolVersion, ...status };
}

/** Checks the parts that callers walk through; what stands in them comes from the supervisor of the same release. */
export function parseClusterStatus(value: unknown): ClusterStatus {
  const fields = asMessage(value, 'status');
  for (const list of ['dataCenters', 'natsServers', 'actors', 'events']) {
    if (!Array.isArray(fields[list])) {
      const text = `status.${list}: expected a list, got ${describe(fields[list])}.`;
      throw new StarlingError('BAD_MESSAGE', text, { field: list });
    }
  }
  return fields as unknown as ClusterStatus;
}
