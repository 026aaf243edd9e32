import { withClient } from '../cluster-access.js';
import type { Arguments, Command, Output } from '../command.js';
import { UsageError, clusterOptions, exitCode } from '../command.js';
import { printKnown } from '../known-entity.js';

export const users: Command = {
  name: 'users',
  summary: 'shows what is known of a user, or merges two accounts of one',
  usage: 'get <user> | merge <from> <to> [options]',
  text: 'get prints the attributes of a user. merge: from now on what is told and asked under the name of the first account counts for the second: what is open of it, its history, its counts and what it has seen go over, once, however often it is said. "Accepted" means that the stream has it for good.',
  options: clusterOptions,
  examples: ['starling users get 100006', 'starling users merge 100006 100007'],
  async run(args, out) {
    const [act, first, second, ...rest] = args.positionals;
    if (act === 'get' && first !== undefined && second === undefined)
      return (await printKnown(args, 'user', first, out)) ? exitCode.ok : exitCode.failure;
    if (act === 'merge' && first !== undefined && second !== undefined && rest.length === 0)
      return merge(args, out, first, second);
    throw new UsageError('users: expected get <user>, or merge <from> <to>.');
  },
};

async function merge(args: Arguments, out: Output, from: string, to: string): Promise<number> {
  if (from === to) throw new UsageError(`users: ${from} can't be merged into itself.`);
  const { accepted } = await withClient(args, (client) => client.ingestMerges([{ from, to }]));
  if (out.json) out.document({ accepted, from, to });
  else out.line(`${from} is ${to} from now on`);
  return exitCode.ok;
}
