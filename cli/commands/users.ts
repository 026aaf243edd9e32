import { withClient } from '../cluster-access.js';
import type { Command } from '../command.js';
import { UsageError, clusterOptions, exitCode } from '../command.js';

export const users: Command = {
  name: 'users',
  summary: 'merges two accounts of one user',
  usage: 'merge <from> <to> [options]',
  text: 'From now on what is told and asked under the name of the first account counts for the second: what is open of it, its history, its counts and what it has seen go over, once, however often it is said. "Accepted" means that the stream has it for good.',
  options: clusterOptions,
  examples: ['starling users merge 100006 100007'],
  async run(args, out) {
    const [act, from, to, ...rest] = args.positionals;
    if (act !== 'merge' || from === undefined || to === undefined || rest.length > 0)
      throw new UsageError('users: expected merge <from> <to>.');
    if (from === to) throw new UsageError(`users: ${from} can't be merged into itself.`);
    const { accepted } = await withClient(args, (client) => client.ingestMerges([{ from, to }]));
    if (out.json) out.document({ accepted, from, to });
    else out.line(`${from} is ${to} from now on`);
    return exitCode.ok;
  },
};
