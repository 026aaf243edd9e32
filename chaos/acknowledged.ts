import type { Findings, Law } from '../operations/audit/laws.js';
import type { LoadFigures } from './steady-load.js';

/**
 * What people were told against what the cluster has: the audit begins with what is in RAW, so it does not notice an event
 * that was acknowledged and then lost there.
 */
export function acknowledgedLaws(
  { actions, actionsUnsure, impressions }: LoadFigures,
  found: Pick<Findings, 'actions' | 'impressions'>,
): Law[] {
  const surplus = found.actions.accepted - actions;
  return [
    {
      name: 'actions acknowledged',
      left: { text: 'to people', count: actions },
      right: { text: 'in RAW', count: found.actions.accepted },
      verdict: surplus >= 0 && surplus <= actionsUnsure ? 'holds' : 'violated',
      remark: actionsUnsure === 0 ? '' : `${actionsUnsure} were offered without an answer`,
    },
    {
      name: 'impressions acknowledged',
      left: { text: 'by answers that are not degraded', count: impressions },
      right: { text: 'in RAW', count: found.impressions.accepted },
      // Of others they may be there as well, and of those that nobody waited for any more.
      verdict: found.impressions.accepted >= impressions ? 'holds' : 'violated',
      remark: '',
    },
  ];
}
