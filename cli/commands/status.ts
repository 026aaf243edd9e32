import { withClient } from '../cluster-access.js';
import type { Command } from '../command.js';
import { clusterOptions, exitCode, expectPositionals } from '../command.js';
import { statusLines } from '../status-table.js';

export const status: Command = {
  name: 'status',
  summary: 'what runs, and how',
  usage: '[options]',
  text: 'Shows the data centers, their NATS servers and every actor with its state, its epoch (which rises with every start), its restarts and its main figures. The exit code is 0 also when some actors are not ready: the answer is what was asked for.',
  options: clusterOptions,
  async run(args, out) {
    expectPositionals(args, []);
    const answer = await withClient(args, (client) => client.status());
    if (out.json) out.document(answer);
    else for (const line of statusLines(answer, Date.now())) out.line(line);
    return exitCode.ok;
  },
};
