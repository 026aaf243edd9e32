import { pino } from 'pino';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { clientOn } from '../../client/client.js';
import { operate } from '../../client/operate.js';
import { trainingDataCenter } from '../../core/config/data-centers.js';
import { newestConfig } from '../../cluster/config/config-versions.js';
import { loadClusterConfig } from '../../core/config/load.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { RestoreRequest } from '../../messages/operations.js';
import { transfer } from '../../operations/transfer.js';
import { transferEntities } from '../../operations/transfer-entities.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { openSnapshots } from '../../runtime/stores/open-snapshots.js';
import { adminAt, withAdmin } from '../cluster-access.js';
import type { Arguments, Command, Output } from '../command.js';
import { UsageError, clusterOptions, exitCode, expectPositionals } from '../command.js';

/** Of another cluster, what stays there: what was done is told by its joiners, each event once, and by nobody else. */
const notBrought = ['histories and counts'];
const notBroughtText = `not brought: ${notBrought.join(', ')}. They grow in the other cluster with its events.`;

export const restore: Command = {
  name: 'restore',
  summary: 'takes rows and network back to what they were, or into another cluster',
  usage: '--at TIME|SEQUENCE [options] | --snapshot ID | --into DIR [--at SEQUENCE]',
  text: 'Takes all rows and the network back to a moment that the log of changes still covers, while training and serving go on; serving follows within a second. What was learned since stays booked as learned, and is not learned again. With --into, the other cluster, which runs on that state folder, gets the rows and the network of this one instead, and its users and items as they are now; it may have other shards and another number of partitions. It does not get what was kept of people (histories and counts): that grows anew with its events.',
  options: [
    {
      name: 'at',
      value: 'MOMENT',
      text: 'a time such as 2026-11-21T10:00:00Z, or a sequence of the DELTAS stream',
    },
    { name: 'snapshot', value: 'ID', text: 'what this snapshot holds, wherever it came from' },
    { name: 'into', value: 'DIR', text: 'state folder of another running cluster' },
    {
      name: 'config',
      value: 'FILE',
      text: 'with --into: configuration of this cluster, if it keeps no versions of it',
    },
    {
      name: 'into-config',
      value: 'FILE',
      text: 'with --into: that of the other cluster, if it keeps none (default: the same)',
    },
    ...clusterOptions,
  ],
  examples: ['starling restore --at 2026-11-21T10:00:00Z', 'starling restore --into /srv/other'],
  async run(args, out) {
    expectPositionals(args, []);
    const into = args.value('into');
    const reply = await withAdmin(args, (bus) =>
      into === undefined ? restoreHere(bus, args, out) : restoreInto(bus, into, args, out),
    );
    const { changed, removed, sequence, ...brought } = reply;
    if (into !== undefined) out.note(notBroughtText);
    if (out.json)
      out.document({
        ...{ changed, removed, ...(sequence === undefined ? {} : { sequence }) },
        ...(into === undefined ? {} : { ...brought, notBrought }),
      });
    else {
      out.line(`${String(changed)} rows changed, ${String(removed)} went`);
      for (const [what, count] of Object.entries(brought))
        out.line(`${String(count)} ${what} told`);
    }
    return exitCode.ok;
  },
};

function restoreHere(bus: NatsBus, args: Arguments, out: Output) {
  const to = targetOf(args);
  return operate(bus, 'restore', { to }, (state) =>
    out.note(`${state.done}/${state.total} ${state.text}`),
  );
}

async function restoreInto(from: NatsBus, stateDir: string, args: Arguments, out: Output) {
  const file = args.value('config');
  const config = await configOf(from, file);
  const at = args.value('at');
  const sequence = at === undefined ? undefined : sequenceOf(at);
  const bus = await adminAt({ stateDir });
  const log = pino({ level: 'error' }, pino.destination(2));
  try {
    const otherConfig = await configOf(bus, args.value('into-config') ?? file);
    const snapshot = await transfer({
      from: { bus: from, config },
      to: { bus, config: otherConfig },
      shape: blueprintOf(config),
      sequence,
      log,
      progress: out.note,
    });
    try {
      // Rows of another model are refused before anything else is told.
      const restored = await operate(bus, 'restore', { to: { snapshot } }, (state) =>
        out.note(`${state.done}/${state.total} ${state.text}`),
      );
      const { user: users, item: items } = await transferEntities({
        ...{ from: { bus: from, config }, to: clientOn(bus), log },
        progress: out.note,
      });
      return { ...restored, users, items };
    } finally {
      await openSnapshots(bus, otherConfig, trainingDataCenter(otherConfig)).remove(snapshot);
    }
  } finally {
    await bus.close();
  }
}

/** What the cluster runs, with what it knows of versions before: its logs have records of those. Of one that keeps none, the file. */
async function configOf(bus: NatsBus, file: string | undefined): Promise<ClusterConfig> {
  return (await newestConfig(bus))?.config ?? loadClusterConfig(file);
}

function targetOf(args: Arguments): RestoreRequest['to'] {
  const at = args.value('at');
  const snapshot = args.value('snapshot');
  if ((at === undefined) === (snapshot === undefined))
    throw new UsageError('restore needs --at, --snapshot or --into.');
  if (snapshot !== undefined) return { snapshot };
  if (/^\d{1,12}$/.test(at!)) return { sequence: Number(at) };
  const atMs = Date.parse(at!);
  if (Number.isFinite(atMs)) return { atMs };
  throw new UsageError(`--at: expected a time or a sequence; got "${at}".`);
}

function sequenceOf(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new UsageError(`--at: with --into, expected a sequence of DELTAS; got "${text}".`);
}
