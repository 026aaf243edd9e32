import { isAtLeast, type NatsServerBinary } from './find-server.js';

/** The same as in scripts/nats-server.mjs, which says why; a test compares. */
export const versionRecommended = '2.12.3';

/** Older ones know no `sync_interval: always`, and do not start with it. */
export const versionWithSyncAlways = '2.10.0';

/**
 * What is at risk with a server of this version, as the rest of a sentence about it; undefined: nothing that is known.
 *
 * Streams that were gone after processes had been killed are a fault of 2.10.20 to 2.10.22 (nats-server issue 6888);
 * acknowledged messages lost when servers of a cluster come and go while others fail were seen up to 2.12.1 (issues
 * 7545 and 7567, Jepsen's report on that release), and much of that was mended by 2.12.3. Older releases were not looked
 * at that hard, and have the code that all of it was found in.
 */
export function riskOf(version: string): string | undefined {
  if (!/^\d/.test(version)) return undefined; // A server that does not say.
  if (isAtLeast(version, versionRecommended)) return undefined;
  return (
    `is older than ${versionRecommended}: acknowledged events, or a whole stream, can be lost after a power failure, ` +
    'or when servers of a data center are killed or change'
  );
}

/** How to get a newer one than this. */
export function remedyFor({ from }: NatsServerBinary): string {
  return from === 'NATS_SERVER'
    ? 'Let NATS_SERVER name a newer one.'
    : 'Get a newer one: npm run setup';
}

/** For servers that somebody else runs. */
export const remedyElsewhere = 'Upgrade it (docs/deployment.md#nats-servers-and-their-versions).';
