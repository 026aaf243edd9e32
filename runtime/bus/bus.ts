import type { TimeAndChance } from '../../core/base/random.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import type { Logs } from './logs.js';
import type { Records } from './records.js';
import type { Requests } from './requests.js';
import type { WorkQueues } from './work-queues.js';

/** Requests of a connection, by their ways. */
export interface CallCounts {
  /** To others in the same process. */
  readonly direct: number;
  readonly overServer: number;
}

/**
 * A connection to the message system: all that actors need of it, by use, and no more. There are two kinds. One speaks to
 * NATS (runtime/nats/), and nothing else in the project imports its client, so its successor packages can replace it in one place.
 * The other is a cluster in memory (simulation/). What is written here, both must do (bus-contract.testkit.ts).
 *
 * Its clock is the one that its time limits run by; whoever waits for what it does waits by that clock, too.
 */
export interface Bus extends TimeAndChance, Requests, Logs, WorkQueues, Records {
  /** What everything of the cluster is called that this connection is for. */
  readonly names: ClusterNames;
  /** Everything sent so far has reached the server. */
  flush(): Promise<void>;
  close(): Promise<void>;
  readonly payloadBytesMax: number;
  /** That it is connected to; undefined while there is none, or while it moves to another one. */
  readonly server?: string | undefined;
  /** Of the server it is connected to; undefined where servers have no clusters. */
  readonly dataCenter?: string | undefined;
  /** The data center it belongs to: that of the server it prefers, also while it is connected to another. */
  readonly home?: string | undefined;
  /** It is connected to a server of another data center, since its own is gone. It goes home by itself. */
  readonly away?: boolean;
  /** Hears of every arrival at another server, or at the same one again. */
  onMoved?(listener: () => void): void;
  /** Where it shares a process with others (runtime/neighbours/). */
  readonly calls?: CallCounts | undefined;
}
