import { clientOn } from '../../client/client.js';
import { ingestAs } from '../../client/ingest-as.js';
import { checkedEvent } from '../../client/ingest.js';
import { codeOf, isErrorCode, messageOf } from '../../core/base/errors.js';
import {
  groupsOf,
  lettersOf,
  samplesAgain,
  toldAgain,
  type FoundLetter,
  type LetterGroup,
} from '../../operations/dead-letters.js';
import type { EventType } from '../../messages/subjects.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { withAdmin } from '../cluster-access.js';
import type { Command, Output } from '../command.js';
import { UsageError, clusterOptions, exitCode, expectPositionals } from '../command.js';

export const deadLetters: Command = {
  name: 'dead-letters',
  summary: 'what could not be used, and why',
  usage: '[--reason CODE] [--retry] [options]',
  text: 'Lists what was accepted and could not be processed, by reason, with how often, since when, and an example. --retry tells the events again that could be read: after a feature or a type of events was declared, say. They keep their ids, so that none counts twice, and the letters stay where they are. What is still wrong is left out, and told. Samples that a trainer refused are given to the trainers once more, each once.',
  options: [
    { name: 'reason', value: 'CODE', text: 'only these, such as BAD_EVENT' },
    { name: 'retry', text: 'tell them again' },
    ...clusterOptions,
  ],
  examples: ['starling dead-letters', 'starling dead-letters --reason UNKNOWN_FEATURE --retry'],
  async run(args, out) {
    expectPositionals(args, []);
    const reason = args.value('reason');
    if (reason !== undefined && !isErrorCode(reason))
      throw new UsageError(`there is no reason "${reason}"; see docs/errors.md.`);
    return withAdmin(args, async (bus) => {
      const all = await lettersOf(bus);
      const letters = all.filter(({ code }) => reason === undefined || code === reason);
      const retried = args.has('retry') ? await retry(bus, letters) : undefined;
      if (out.json) out.document({ groups: groupsOf(letters).map(documentOf), retried });
      else tell(out, groupsOf(letters), retried);
      return exitCode.ok;
    });
  },
};

interface Retried {
  readonly accepted: number;
  readonly stillWrong: number;
  /** Of the first that is. */
  readonly why: string | undefined;
}

async function retry(bus: Bus, letters: readonly FoundLetter[]): Promise<Retried> {
  const client = clientOn(bus);
  let [accepted, stillWrong] = [0, 0];
  let why: string | undefined;
  for (const [type, events] of toldAgain(letters)) {
    const good = events.filter((event) => {
      const wrong = wrongIn(type, event);
      if (wrong === undefined) return true;
      stillWrong++;
      why ??= wrong;
      return false;
    });
    if (good.length > 0) accepted += (await ingestAs(client, type, good)).accepted;
  }
  accepted += await samplesAgain(bus, letters);
  return { accepted, stillWrong, why };
}

function wrongIn(type: EventType, event: unknown): string | undefined {
  try {
    checkedEvent(type, event);
    return undefined;
  } catch (error) {
    return `${codeOf(error)}: ${messageOf(error)}`;
  }
}

function documentOf({ code, events, firstAtMs, lastAtMs, example }: LetterGroup): object {
  const { message, origin, address, content, position } = example;
  const shown = ArrayBuffer.isView(content) ? `${content.byteLength} bytes` : content;
  return {
    ...{ code, events, firstAtMs, lastAtMs },
    example: { message, origin, address, position, content: shown },
  };
}

/** Longer examples are cut. */
const exampleLengthMax = 160;

function tell(out: Output, groups: readonly LetterGroup[], retried: Retried | undefined): void {
  if (groups.length === 0) out.line('no dead letters');
  for (const { code, events, firstAtMs, lastAtMs, example } of groups) {
    const { message, address, position, content } = example;
    const span =
      firstAtMs === lastAtMs ? when(lastAtMs) : `${when(firstAtMs)} to ${when(lastAtMs)}`;
    out.line(`${events.toLocaleString('en-US')} × ${code}, ${span}`);
    out.line(`  ${message}`);
    const place = position === undefined ? address : `${address}, ${position}`;
    out.line(`  such as ${cut(textOf(content))} (${place})`);
  }
  if (!retried) return;
  const { accepted, stillWrong, why } = retried;
  out.line(`${accepted} told again${stillWrong > 0 ? `, ${stillWrong} still wrong: ${why}` : ''}`);
}

function textOf(content: unknown): string {
  return ArrayBuffer.isView(content) ? `${content.byteLength} bytes` : JSON.stringify(content);
}

function cut(text: string): string {
  return text.length <= exampleLengthMax ? text : `${text.slice(0, exampleLengthMax)}…`;
}

function when(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
