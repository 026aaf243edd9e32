import type { ClusterStatus } from '../../client/cluster-status.js';
import type { Bus } from '../../runtime/bus.js';
import type { Findings, Law } from './laws.js';
import { lawsOf } from './laws.js';
import { AuditReader } from './reader.js';

const pauseMs = 500;

export interface Audit {
  readonly ok: boolean;
  readonly laws: readonly Law[];
  readonly findings: Findings;
}

/**
 * Looks at a cluster until its books balance, or `settleMs` are over: on one that is used, something is always on its
 * way, and the figures of joiners come with their heartbeats.
 */
export async function audit(
  bus: Bus,
  status: () => Promise<ClusterStatus>,
  settleMs: number,
): Promise<Audit> {
  const reader = new AuditReader(bus);
  const endMs = performance.now() + settleMs;
  for (;;) {
    const findings = await reader.look(await status());
    const laws = lawsOf(findings);
    const ok = laws.every(({ holds }) => holds);
    if (ok || performance.now() + pauseMs > endMs) return { ok, laws, findings };
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
