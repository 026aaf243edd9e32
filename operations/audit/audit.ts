import type { ClusterStatus } from '../../messages/cluster-status.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Findings, Law } from './laws.js';
import { lawsOf } from './laws.js';
import { AuditReader } from './reader.js';

/** Longer than the heartbeats that bring the figures of the joiners. */
const pauseMs = 1_000;
/** With fewer, figures that move can't be compared. */
const looksMin = 3;

/** What an audit needs to know of a cluster. */
export type AuditedStatus = Pick<ClusterStatus, 'actors' | 'dataCenters'>;

export interface Audit {
  /** All laws hold. */
  readonly ok: boolean;
  /** Every copy could be compared with its owner. */
  readonly compared: boolean;
  readonly laws: readonly Law[];
  readonly findings: Findings;
}

/**
 * Looks at a cluster until its books balance, or `settleMs` are over: on one that is used, something is always on its
 * way, and the figures of joiners come with their heartbeats.
 */
export async function audit(
  bus: Bus,
  status: () => Promise<AuditedStatus>,
  settleMs: number,
): Promise<Audit> {
  const reader = new AuditReader(bus);
  const endMs = performance.now() + settleMs;
  const looks: Findings[] = [];
  for (;;) {
    const findings = await reader.look(await status());
    looks.push(findings);
    const laws = lawsOf(looks);
    const ok = laws.every(({ holds }) => holds);
    const compared = findings.copies.every(({ copies, equal }) => copies === equal);
    const late = performance.now() + pauseMs > endMs && looks.length >= looksMin;
    if ((ok && compared) || late) return { ok, compared, laws, findings };
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
