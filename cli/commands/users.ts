import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { erasureMarkId, forgottenUntilMs } from '../../core/features/forgotten-users.js';
import { visitorPerson } from '../../core/joining/person-event.js';
import { isKnown } from '../../messages/person.js';
import { askOf, reportOf } from '../../operations/person/person-report.js';
import { withAdmin, withClient } from '../cluster-access.js';
import type { Arguments, Command, Output } from '../command.js';
import { UsageError, clusterOptions, exitCode } from '../command.js';
import { knownOf, printKnown } from '../known-entity.js';
import { documentOf, linesOf } from '../person-lines.js';
import { personLines } from '../person-export.js';

export const users: Command = {
  name: 'users',
  summary: 'shows what is known of a user, exports or erases it, or merges two accounts of one',
  usage: 'get <user> | export <user> | erase <user> | merge <from> <to> [options]',
  text: 'get prints the attributes of a user. export writes all that is stored of a person, a line of JSON for each thing: attributes, history and counts, who he is by other names, open impressions, events that wait, rows of the model that are his alone, and what logs have of him. erase forgets a person, with all accounts that are one and the visitors who became him: what happened by then is forgotten, also what arrives later, and who comes later under that id is somebody new; it answers when nothing of him is in use, and says until when logs still name him. Said again it goes on where it ended. merge: from now on what is told and asked under the name of the first account counts for the second: what is open of it, its history, its counts and what it has seen go over, once, however often it is said. "Accepted" means that the stream has it for good.',
  options: [
    { name: 'out', value: 'FILE', text: 'export writes there instead of standard output' },
    { name: 'visitor', text: 'the id is that of an anonymous visitor' },
    ...clusterOptions,
  ],
  examples: [
    'starling users get 100006',
    'starling users export 100006 --out 100006.ndjson',
    'starling users erase 100006',
    'starling users merge 100006 100007',
  ],
  async run(args, out) {
    const [act, first, second, ...rest] = args.positionals;
    const isOne = first !== undefined && first !== '' && second === undefined;
    if (act === 'get' && isOne) return get(args, out, first);
    if (act === 'export' && isOne) return exported(args, out, personOf(args, first));
    if (act === 'erase' && isOne) return erase(args, out, personOf(args, first));
    if (act === 'merge' && first !== undefined && second !== undefined && rest.length === 0)
      return merge(args, out, first, second);
    throw new UsageError(`users: expected ${users.usage.replace(' [options]', '')}.`);
  },
};

function personOf(args: Arguments, id: string): string {
  return args.has('visitor') ? visitorPerson(id) : id;
}

async function get(args: Arguments, out: Output, user: string): Promise<number> {
  if (await printKnown(args, 'user', user, out)) return exitCode.ok;
  const mark = await withAdmin(args, (bus) => knownOf(bus, 'user', erasureMarkId(user)));
  const untilMs = forgottenUntilMs(mark ?? undefined);
  if (untilMs > -Infinity) out.note(`${user} was erased at ${new Date(untilMs).toISOString()}`);
  return exitCode.failure;
}

async function exported(args: Arguments, out: Output, person: string): Promise<number> {
  const file = args.value('out');
  const stream = file === undefined ? undefined : createWriteStream(file);
  let count = 0;
  const write = (line: object): void => {
    count++;
    const text = JSON.stringify(line, (_name, value: unknown) =>
      ArrayBuffer.isView(value) ? [...(value as Uint8Array)] : value,
    );
    if (stream) stream.write(`${text}\n`);
    else out.line(text);
  };
  try {
    await withAdmin(args, async (bus) => {
      const found = await askOf(bus, person, 'find');
      for (const line of personLines(found)) write(line);
      await reportOf(bus, found, {
        hear: (name, sequence, mention) => {
          write({ ...mention, kind: 'record', stream: name, sequence });
        },
      });
      for (const [dataCenter, why] of Object.entries(found.silent))
        out.note(`${dataCenter} was not asked: ${why}`);
    });
  } finally {
    if (stream) await once(stream.end(), 'finish');
  }
  if (file !== undefined) out.note(`${count} lines in ${file}`);
  return exitCode.ok;
}

async function erase(args: Arguments, out: Output, person: string): Promise<number> {
  await withAdmin(args, async (bus) => {
    const before = await askOf(bus, person, 'erase', ({ text }) => out.note(text));
    const after = await askOf(bus, person, 'find');
    const names = before.found.map(({ name }) => name);
    const report = await reportOf(bus, after, { people: names });
    const wasKnown = isKnown(before);
    const until = new Date(before.erasedUntilMs!).toISOString();
    if (out.json)
      return out.document({ person, wasKnown, ...documentOf(report), names, erasedUntil: until });
    const others = names.filter((name) => name !== person);
    const also = others.length > 0 ? `, with ${others.join(', ')}` : '';
    out.line(
      wasKnown
        ? `${person} is forgotten${also}: all that happened by ${until}`
        : `nothing was kept of ${person}; what arrives of a time before ${until} is forgotten`,
    );
    for (const line of linesOf(report)) out.line(line);
  });
  return exitCode.ok;
}

async function merge(args: Arguments, out: Output, from: string, to: string): Promise<number> {
  if (from === to) throw new UsageError(`users: ${from} can't be merged into itself.`);
  const { accepted } = await withClient(args, (client) => client.ingestMerges([{ from, to }]));
  if (out.json) out.document({ accepted, from, to });
  else out.line(`${from} is ${to} from now on`);
  return exitCode.ok;
}
