import { clientOn } from '../../client/client.js';
import type { Audit } from '../../operations/audit/audit.js';
import type { Verdict } from '../../operations/audit/laws.js';
import { sideText } from '../../operations/audit/laws.js';
import { askOf, reportOf } from '../../operations/person/person-report.js';
import { audit as runAudit } from '../../operations/audit/audit.js';
import { withAdmin } from '../cluster-access.js';
import type { Arguments, Command, Output } from '../command.js';
import { clusterOptions, durationMs, exitCode, expectPositionals } from '../command.js';
import { documentOf as personDocument, linesOf as personLinesOf } from '../person-lines.js';
import { table } from '../text-table.js';

const settleDefault = '10s';

export const audit: Command = {
  name: 'audit',
  summary: 'checks that nothing was lost and nothing counted twice',
  usage: '[options]',
  text: 'Follows every event from its acceptance to the rows that know it: accepted impressions and actions against those that reached a joiner or are dead letters; what reached a joiner against what it has counted; impressions against samples, dropped, late and open ones; batches of samples against what each partition and the network have applied; the rows of standbys and of serving shards with those of their owners, by digest. What the streams have lost to age is in the books that the leader keeps, and counts. A law holds, or is violated, or is still under way: there is a difference, and something on its way that may explain it; the audit looks again until all laws hold, for as long as --settle says. The exit code is 0 where all hold, 1 where one is violated, 4 where none is and some are under way. With --user: where something of a user is, in use, in logs and in snapshots, and until when; the exit code is 1 where something is in use.',
  options: [
    {
      name: 'settle',
      value: 'DURATION',
      text: `look again for so long (default ${settleDefault})`,
    },
    { name: 'user', value: 'USER', text: 'say where this user still is, and until when, instead' },
    ...clusterOptions,
  ],
  async run(args, out) {
    expectPositionals(args, []);
    const user = args.value('user');
    if (user !== undefined) return auditUser(args, out, user);
    const settleMs = durationMs(args.value('settle') ?? settleDefault, 'settle');
    const result = await withAdmin(args, (bus) => {
      const client = clientOn(bus);
      return runAudit(bus, () => client.status(), settleMs);
    });
    if (out.json) out.document(documentOf(result));
    else for (const line of linesOf(result)) out.line(line);
    return codes[result.verdict];
  },
};

async function auditUser(args: Arguments, out: Output, user: string): Promise<number> {
  const report = await withAdmin(args, async (bus) =>
    reportOf(bus, await askOf(bus, user, 'find')),
  );
  if (out.json) out.document({ user, ...personDocument(report) });
  else for (const line of personLinesOf(report)) out.line(line);
  return report.isKnown ? exitCode.failure : exitCode.ok;
}

const codes: Readonly<Record<Verdict, number>> = {
  holds: exitCode.ok,
  'under way': exitCode.underWay,
  violated: exitCode.failure,
};

const words: Readonly<Record<Verdict, string>> = {
  holds: 'ok',
  'under way': 'still under way',
  violated: 'VIOLATED',
};

const conclusions: Readonly<Record<Verdict, string>> = {
  holds: 'nothing is lost, nothing counts twice',
  'under way': 'still under way: what is missing may be what is on its way; ask again',
  violated: 'the books do not balance',
};

export function documentOf({ ok, verdict, laws, findings }: Audit): object {
  return {
    ...{ ok, verdict },
    // `holds` is what there was before verdicts.
    laws: laws.map((law) => ({ ...law, holds: law.verdict === 'holds' })),
    ...{ inFlight: findings.inFlight, books: findings.books },
  };
}

export function linesOf({ verdict, laws, findings }: Audit): string[] {
  const rows = laws.map((law) => [
    law.name,
    sideText(law.left),
    sideText(law.right),
    words[law.verdict],
    law.remark,
  ]);
  const moving = Object.entries(findings.inFlight)
    .filter(([, count]) => count !== 0)
    .map(([name, count]) => `${name} ${count ?? '?'}`);
  return [
    ...table(['law', '', '', '', ''], rows),
    moving.length > 0 ? `on their way: ${moving.join(', ')}` : 'nothing is on its way',
    conclusions[verdict],
  ];
}
