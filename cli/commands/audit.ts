import { clientOn } from '../../client/client.js';
import type { Audit } from '../../operations/audit/audit.js';
import { sideText } from '../../operations/audit/laws.js';
import { audit as runAudit } from '../../operations/audit/audit.js';
import { withAdmin } from '../cluster-access.js';
import type { Command } from '../command.js';
import { clusterOptions, durationMs, exitCode, expectPositionals } from '../command.js';
import { table } from '../text-table.js';

const settleDefault = '10s';

export const audit: Command = {
  name: 'audit',
  summary: 'checks that nothing was lost and nothing counted twice',
  usage: '[options]',
  text: 'Follows every event from its acceptance to the rows that know it: accepted impressions and actions against those that reached a joiner or are dead letters; joined impressions against samples, dropped, late and open ones; batches of samples against what each partition and the network have applied; the rows of standbys and of serving shards with those of their owners, by digest. The exit code is 1 where anything differs. On a cluster that is used something is always on its way; the audit looks again until the books balance, for as long as --settle says.',
  options: [
    {
      name: 'settle',
      value: 'DURATION',
      text: `look again for so long (default ${settleDefault})`,
    },
    ...clusterOptions,
  ],
  async run(args, out) {
    expectPositionals(args, []);
    const settleMs = durationMs(args.value('settle') ?? settleDefault, 'settle');
    const result = await withAdmin(args, (bus) => {
      const client = clientOn(bus);
      return runAudit(bus, () => client.status(), settleMs);
    });
    if (out.json)
      out.document({ ok: result.ok, laws: result.laws, inFlight: result.findings.inFlight });
    else for (const line of linesOf(result)) out.line(line);
    return result.ok ? exitCode.ok : exitCode.failure;
  },
};

function linesOf({ ok, laws, findings }: Audit): string[] {
  const rows = laws.map(({ name, left, right, holds, remark }) => [
    name,
    sideText(left),
    sideText(right),
    holds ? 'ok' : 'DIFFERS',
    remark,
  ]);
  const moving = Object.entries(findings.inFlight)
    .filter(([, count]) => count !== 0)
    .map(([name, count]) => `${name} ${count ?? '?'}`);
  return [
    ...table(['law', '', '', '', ''], rows),
    moving.length > 0 ? `on their way: ${moving.join(', ')}` : 'nothing is on its way',
    ok ? 'nothing is lost, nothing counts twice' : 'the books do not balance',
  ];
}
