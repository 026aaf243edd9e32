import { operate } from '../../client/operate.js';
import { mainModel } from '../../core/base/model-identity.js';
import type { ServingModels } from '../../core/config/settings.js';
import {
  parseModelsReply,
  type ModelBeginning,
  type ModelsReply,
} from '../../messages/model-requests.js';
import { withAdmin } from '../cluster-access.js';
import type { Arguments, Command } from '../command.js';
import { UsageError, clusterOptions, exitCode } from '../command.js';
import { assignmentsOf } from '../config-settings.js';
import { table } from '../text-table.js';

/** What is asked of each, beside its name. */
const acts = {
  list: [],
  start: ['<name>'],
  promote: ['<name>'],
  rollback: [],
  canary: ['<name>', '<share>'],
  stop: ['<name>'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

type Act = keyof typeof acts;

export const model: Command = {
  name: 'model',
  summary: 'starts, chooses and stops models that learn beside each other',
  usage:
    'list | start <name> | promote <name> | rollback | canary <name> <share> | stop <name> [options]',
  text: 'A model beside `main` has trainers, parameter servers, serving shards and rankers of its own, and learns the samples that `main` learns, from where it begins. It answers nobody until it is promoted, or gets a share of the people as a canary; a data center switches once the rows of the model have come up there to what it had learned, and no request falls between the two. `rollback` goes back to what answered before. See docs/models.md.',
  options: [
    {
      name: 'set',
      value: 'PATH=VALUE',
      many: true,
      text: 'start: a value under model of its own, such as model.hidden=[128,64]; several times',
    },
    {
      name: 'from',
      value: 'SNAPSHOT',
      text: 'start: with rows and network of this snapshot, of the cluster or of `starling train`; left out: it begins with nothing',
    },
    {
      name: 'since',
      value: 'TIME',
      text: 'start: learn again what was in SAMPLES from this time on, as fast as can be; left out: what comes from now on',
    },
    ...clusterOptions,
  ],
  examples: [
    'starling model start wide --set model.hidden=[256,128] --since 2026-11-20T00:00:00Z',
    'starling model canary wide 0.05',
    'starling model promote wide',
    'starling model rollback',
  ],
  async run(args, out) {
    const request = requestOf(args);
    const reply = parseModelsReply(
      await withAdmin(args, (bus) => operate(bus, 'model', request, ({ text }) => out.note(text))),
    );
    if (out.json) out.document(reply);
    else for (const line of linesOf(reply)) out.line(line);
    return exitCode.ok;
  },
};

function requestOf(args: Arguments): object {
  const [given = 'list', name, share, ...rest] = args.positionals;
  const act = Object.keys(acts).find((each): each is Act => each === given);
  const count = [name, share, ...rest].filter((each) => each !== undefined).length;
  if (act === undefined || count !== acts[act].length) {
    const all = Object.entries(acts).map(([each, more]) => [each, ...more].join(' '));
    throw new UsageError(`model: expected ${all.join(', ')}.`);
  }
  const strangers = act === 'start' ? [] : ['set', 'from', 'since'];
  for (const option of strangers)
    if (option === 'set' ? args.all(option).length > 0 : args.value(option) !== undefined)
      throw new UsageError(`model: --${option} says how a model is started.`);
  switch (act) {
    case 'list':
    case 'rollback':
      return { act };
    case 'promote':
    case 'stop':
      return { act, name };
    case 'canary':
      return { act, name, share: shareOf(share!) };
    case 'start':
      return {
        ...{ act, name, from: args.value('from') ?? '' },
        set: assignmentsOf(args.all('set')),
        beginning: beginningOf(args.value('since')),
      };
  }
}

function shareOf(text: string): number {
  const share = Number(text);
  if (share >= 0 && share < 1) return share;
  throw new UsageError(`model: expected a share from 0 to below 1; got ${text}.`);
}

function beginningOf(since: string | undefined): ModelBeginning {
  if (since === undefined) return 'now';
  const sinceMs = Date.parse(since);
  if (Number.isFinite(sinceMs)) return { sinceMs };
  throw new UsageError(`--since: expected a time such as 2026-11-20T00:00:00Z; got ${since}.`);
}

function linesOf({ models, serving }: ModelsReply): string[] {
  const rows = models.map(({ name, state, cut, from, set, startedAtMs }) => [
    name,
    state,
    roleOf(name, serving),
    `${cut}`,
    from === '' ? 'nothing' : from,
    Object.entries(set)
      .map(([path, value]) => `${path}=${JSON.stringify(value)}`)
      .join(' '),
    new Date(startedAtMs).toISOString(),
  ]);
  const head = ['model', 'state', 'answers', 'behind sample', 'began with', 'of its own', 'since'];
  const main = [mainModel, 'learning', roleOf(mainModel, serving), '0', 'nothing', '', ''];
  return table(head, [main, ...rows]);
}

function roleOf(name: string, { live, before, canary }: ServingModels): string {
  if (live === name) return 'everybody';
  if (canary?.model === name) return `${100 * canary.share} %`;
  return before === name ? 'did before' : 'nobody';
}
