import { operate } from '../../client/operate.js';
import { withAdmin } from '../cluster-access.js';
import type { Arguments, Command, Output } from '../command.js';
import { clusterOptions, exitCode, expectPositionals } from '../command.js';

export const drain: Command = {
  name: 'drain',
  summary: 'takes a data center out of service',
  usage: '<data center> [options]',
  text: 'Its recommenders and rankers answer what they were given and leave their queue groups, so requests go to the other data centers and none fails. It goes on learning, and stays out, whatever restarts, until `starling undrain`. The last inference data center that serves is not drained. A data center that is slow or stale for long is drained by itself, and taken back by itself; one drained by hand is not.',
  options: clusterOptions,
  examples: ['starling drain east'],
  run: (args, out) => change('drain', args, out),
};

export const undrain: Command = {
  name: 'undrain',
  summary: 'takes a drained data center back into service',
  usage: '<data center> [options]',
  text: 'Its recommenders and rankers join their queue groups again, and answer the requests that come in there.',
  options: clusterOptions,
  examples: ['starling undrain east'],
  run: (args, out) => change('undrain', args, out),
};

async function change(verb: 'drain' | 'undrain', args: Arguments, out: Output): Promise<number> {
  expectPositionals(args, ['<data center>']);
  const [dataCenter] = args.positionals as [string];
  await withAdmin(args, (bus) => operate(bus, verb, { dataCenter }, ({ text }) => out.note(text)));
  const drained = verb === 'drain';
  if (out.json) out.document({ dataCenter, drained });
  else out.line(`${dataCenter}: ${drained ? 'drained' : 'back in service'}`);
  return exitCode.ok;
}
