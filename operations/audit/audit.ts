import { sleep } from '../../core/base/clock.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Findings, Law, Verdict } from './laws.js';
import { lawsOf, verdictOf } from './laws.js';
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
  /** The worst of the laws'. */
  readonly verdict: Verdict;
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
  const { clock } = bus;
  const endMs = clock.nowMs() + settleMs;
  const looks: Findings[] = [];
  for (;;) {
    const findings = await reader.look(await status());
    looks.push(findings);
    const laws = lawsOf(looks);
    const verdict = verdictOf(laws);
    const late = clock.nowMs() + pauseMs > endMs && looks.length >= looksMin;
    if (verdict === 'holds' || late) return { ok: verdict === 'holds', verdict, laws, findings };
    await sleep(clock, pauseMs);
  }
}
