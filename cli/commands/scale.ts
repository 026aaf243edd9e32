import { operate } from '../../client/operate.js';
import { scalableKinds } from '../../messages/actor-kinds.js';
import { withAdmin } from '../cluster-access.js';
import type { Command } from '../command.js';
import { clusterOptions, exitCode, expectPositionals, integerOf } from '../command.js';

export const scale: Command = {
  name: 'scale',
  summary: 'changes how many actors of a kind there are',
  usage: '<kind> <count> [options]',
  text: `Starts or ends actors of a kind: ${scalableKinds.join(', ')}. Partitions of ps-shards move while they are used: the new shard copies one, catches up, and takes over; pushes to that partition wait for some tens of milliseconds. Joiners share joining.partitions, which move with a snapshot of their windows; samples of a partition wait meanwhile. Training and serving go on. The number outlives a restart, until the configuration says another one.`,
  options: clusterOptions,
  examples: ['starling scale ps-shard 4', 'starling scale ranker 3', 'starling scale joiner 2'],
  async run(args, out) {
    expectPositionals(args, ['<kind>', '<count>']);
    const [kind, text] = args.positionals as [string, string];
    const count = integerOf(text, 'count', 1);
    await withAdmin(args, (bus) =>
      operate(bus, 'scale', { kind, count }, (state) =>
        out.note(`${state.done}/${state.total} ${state.text}`),
      ),
    );
    if (out.json) out.document({ kind, count });
    else out.line(`${kind}: ${count}`);
    return exitCode.ok;
  },
};
