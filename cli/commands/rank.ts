import { withClient } from '../cluster-access.js';
import type { Command } from '../command.js';
import {
  UsageError,
  clusterOptions,
  exitCode,
  expectPositionals,
  userMeant,
  listOf,
  objectOf,
} from '../command.js';

export const rank: Command = {
  name: 'rank',
  summary: 'scores of given items for a user',
  usage: '--user ID | --visitor ID --candidates IDS [options]',
  text: 'Scores given items for a user, best first. Nothing is logged.',
  options: [
    { name: 'user', value: 'ID', text: 'for whom' },
    { name: 'visitor', value: 'ID', text: 'who is not known by name' },
    { name: 'candidates', value: 'IDS', text: 'the items: a,b,c' },
    { name: 'context', value: 'JSON', text: 'context features, such as {"hour":20}' },
    ...clusterOptions,
  ],
  examples: ['starling rank --user 42 --candidates 50,56,100'],
  async run(args, out) {
    expectPositionals(args, [], 0, userMeant);
    const user = args.value('user');
    const candidates = listOf(args.value('candidates') ?? '');
    const visitor = args.value('visitor');
    if (user === undefined && visitor === undefined)
      throw new UsageError('rank needs --user or --visitor.');
    if (candidates.length === 0) throw new UsageError('rank needs --candidates.');
    const text = args.value('context');
    const context = text === undefined ? {} : objectOf(text, 'context');
    const answer = await withClient(args, (client) =>
      client.rank({ user, visitor, candidates, context }),
    );
    if (out.json) {
      out.document({ ...answer, candidates });
      return exitCode.ok;
    }
    const width = Math.max(...candidates.map(({ length }) => length));
    const rows = candidates.map((item, i) => ({ item, score: answer.scores[i]! }));
    rows.sort((a, b) => b.score - a.score);
    for (const { item, score } of rows) out.line(`${item.padEnd(width)}  ${score.toFixed(4)}`);
    const note = answer.degraded ? ', degraded: some rows were not in reach' : '';
    out.line(`answered in ${answer.dataCenter} with dense version ${answer.modelVersion}${note}`);
    for (const warning of answer.warnings) out.line(`warning: ${warning}`);
    return exitCode.ok;
  },
};
