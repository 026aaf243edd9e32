import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../../core/base/errors.js';
import { clusterNameExpected, isClusterName } from '../../core/config/cluster-name.js';
import { loadClusterConfig } from '../../core/config/load.js';
import { configText, takenLines } from '../../importing/proposal/config-text.js';
import { proposalFor } from '../../importing/proposal/look-at-files.js';
import type { Proposal } from '../../importing/proposal/propose.js';
import type { Arguments, Command } from '../command.js';
import { UsageError, exitCode } from '../command.js';
import { fileOptions, filePlanOf } from '../import-plan.js';

export const init: Command = {
  name: 'init',
  summary: 'write a configuration from files',
  usage: 'FILE…',
  text: 'Looks at files of events, items and users, and writes NAME.config.ts, with comments: which column is which, what the model looks at, what is predicted. What it guessed is in the file to be changed. It says which commands come next.',
  options: [
    { name: 'name', value: 'NAME', text: 'of the cluster (default: the folder of the files)' },
    { name: 'out', value: 'FILE', text: 'where to write it (default NAME.config.ts here)' },
    { name: 'force', text: 'write over a file that is there' },
    ...fileOptions.filter(({ name }) => !['config', 'timezone', 'threshold'].includes(name)),
  ],
  examples: ['starling init shop/events.csv shop/products.csv shop/customers.csv'],
  async run(args, out) {
    const plan = await filePlanOf(args, undefined);
    const name = nameFrom(args, plan.files[0]!.path);
    const file = args.value('out') ?? `${name}.config.ts`;
    if (!/\.m?[tj]s$/.test(file))
      throw new UsageError(`--out: expected a file that ends in .ts; got "${file}".`);
    if (existsSync(file) && !args.has('force'))
      throw new UsageError(
        `${file} is there already; --force writes over it, --out names another.`,
      );
    const proposal = await proposalFor(plan);
    await writeFile(file, configText(proposal, name));
    // What can't be used is no start.
    await loadClusterConfig(file).catch((cause: unknown) => {
      throw new Error(`${file} was written and can't be used as it is: ${messageOf(cause)}`, {
        cause,
      });
    });
    const next = nextCommands(file, args, proposal);
    if (out.json) out.document({ file, name, columns: columnsIn(proposal), next });
    else {
      for (const line of takenLines(proposal)) out.line(line);
      for (const line of [
        '',
        `wrote ${file}; look at it, then`,
        ...next.map((each) => `  ${each}`),
      ])
        out.line(line);
    }
    return exitCode.ok;
  },
};

/** Folders that are called after what is in them say nothing of the shop. */
const namesOfNothing =
  /^(data|files|csv|input|inputs|export|exports|download|downloads|tmp|temp|home|root|desktop)$/;

function nameFrom(args: Arguments, file: string): string {
  const said = args.value('name');
  if (said !== undefined) {
    if (isClusterName(said)) return said;
    throw new UsageError(`--name: ${clusterNameExpected}; got "${said}".`);
  }
  const folder = path.basename(path.dirname(path.resolve(file))).toLowerCase();
  const plain = folder.replace(/[^a-z0-9]+/g, '-').replace(/^[^a-z]+|-+$/g, '');
  return isClusterName(plain) && !namesOfNothing.test(plain) ? plain : 'shop';
}

function nextCommands(file: string, args: Arguments, { files }: Proposal): string[] {
  const quoted = (text: string): string =>
    /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  const given = args.positionals.filter((each) => each !== '-').map(quoted);
  const roles = ['events', 'items', 'users', 'aliases'].flatMap((role) => {
    const value = args.value(role);
    return value === undefined ? [] : [`--${role} ${quoted(value)}`];
  });
  const named = [...roles, ...given].join(' ');
  const config = `--config ${quoted(file)}`;
  const hasVisitors = files.some(
    ({ mapping }) => mapping.role === 'events' && mapping.fields.has('visitor'),
  );
  const hasAliases = files.some(({ mapping }) => mapping.role === 'aliases');
  const hint =
    hasVisitors && !hasAliases ? ' # and the file of who logged in as whom, if there is one' : '';
  return [
    `starling up ${config}`,
    `starling import --dry-run ${config} ${named}${hint}`,
    `starling import ${config} ${named}`,
  ];
}

function columnsIn({ files }: Proposal): unknown[] {
  return files.map(({ file, mapping, rows }) => ({
    ...{ file: file.name, role: mapping.role, rows },
    fields: Object.fromEntries(mapping.fields),
  }));
}
