import { operate } from '../../client/operate.js';
import type { TakenSnapshot } from '../../cluster/snapshots/taken-snapshot.js';
import { withAdmin } from '../cluster-access.js';
import type { Command } from '../command.js';
import { clusterOptions, exitCode, expectPositionals } from '../command.js';

export const snapshot: Command = {
  name: 'snapshot',
  summary: 'copies all rows, the network, users, items and windows now, while they are used',
  usage: '[options]',
  text: 'Writes a snapshot in every data center, beside those that are taken on schedule (snapshots.everyMs). Training and serving go on. The newest ones are kept (snapshots.keep), and the logs of changes are trimmed behind the oldest of them.',
  options: clusterOptions,
  async run(args, out) {
    expectPositionals(args, []);
    const reply = await withAdmin(args, (bus) =>
      operate(bus, 'snapshot', {}, ({ text }) => out.note(text)),
    );
    const taken = reply.taken as readonly TakenSnapshot[];
    if (out.json) out.document({ taken });
    else for (const each of taken) out.line(describe(each));
    return exitCode.ok;
  },
};

function describe({
  of,
  snapshot: id,
  dataCenter,
  rows,
  bytes,
  seconds,
  trimmed,
}: TakenSnapshot): string {
  const megabytes = (bytes / 1e6).toFixed(1);
  const behind = trimmed > 0 ? `, ${trimmed} records of the log trimmed` : '';
  return `${dataCenter}: ${id}, ${rows.toLocaleString('en-US')} ${of}, ${megabytes} MB in ${seconds.toFixed(1)} s${behind}`;
}
