/** What clients of a cluster sent in some seconds: what its servers and clients have to do, whoever computes what. */
export interface Traced {
  /** Since the recording began. */
  readonly atMs: number;
  readonly subject: string;
  /** Headers too. */
  readonly bytes: number;
  /** Where an answer or an acknowledgement is to come. */
  readonly reply?: string;
  /** Of what servers answer themselves, where it is a question that can be asked again. */
  readonly text?: string;
  /** It had an id by which it is stored once. */
  readonly hasId?: boolean;
}

export interface TracedConsumer {
  readonly stream: string;
  readonly filter?: string;
  /** Of a queue of work: asked for, and each message acknowledged. */
  readonly durable?: string;
}

export interface Trace {
  readonly seconds: number;
  readonly samples: number;
  readonly messages: readonly Traced[];
  readonly consumers: readonly TracedConsumer[];
  /** Subjects of each stream. */
  readonly streams: Readonly<Record<string, readonly string[]>>;
}

/** `append`: a stream stores and acknowledges it. `api`: the server answers. `request`: a client does. `notice`: nobody. */
export type ActionKind = 'append' | 'api' | 'request' | 'notice';

/** One thing that a bare client does. All else that was seen follows from it: acknowledgements, answers, deliveries. */
export interface Action {
  readonly atMs: number;
  readonly kind: ActionKind;
  readonly subject: string;
  readonly bytes: number;
  readonly text?: string;
  readonly hasId?: boolean;
  /** Of an answer by a client. */
  readonly answerBytes?: number;
}

/** Follows from something else, or is of the servers among themselves, or would change what consumers there are. */
const consequences =
  /^(_INBOX|_R_|_GR_|\$JS\.(ACK|FC|EVENT|S|M)\b|\$JS\.API\.CONSUMER\.|\$SRV|\$SYS)/;

export function actionsOf({ messages, streams }: Trace): Action[] {
  const answers = new Map<string, number>();
  for (const { subject, bytes } of messages)
    if (/^_(INBOX|R_)/.test(subject)) answers.set(subject, bytes);
  const stored = Object.values(streams).flat();
  return messages.flatMap((message): Action[] => {
    const { atMs, subject, bytes, reply, text, hasId } = message;
    // What a stream delivers has the subject that it was stored under.
    if (consequences.test(subject) || reply?.startsWith('$JS.ACK.')) return [];
    const base = { atMs, subject, bytes };
    if (subject.startsWith('$JS.API.'))
      return reply === undefined || text === undefined ? [] : [{ ...base, kind: 'api', text }];
    if (stored.some((pattern) => matches(pattern, subject)))
      return [{ ...base, kind: 'append', ...(hasId === true ? { hasId } : {}) }];
    if (reply === undefined) return [{ ...base, kind: 'notice' }];
    return [{ ...base, kind: 'request', answerBytes: answers.get(reply) ?? 0 }];
  });
}

/** As servers do: `*` is a token, `>` is the rest. */
export function matches(pattern: string, subject: string): boolean {
  const [wanted, found] = [pattern.split('.'), subject.split('.')];
  for (const [i, token] of wanted.entries()) {
    if (token === '>') return found.length > i;
    if (found[i] === undefined || (token !== '*' && token !== found[i])) return false;
  }
  return wanted.length === found.length;
}

export interface Places {
  readonly training: string;
  /** Data centers that answer. */
  readonly inference: readonly string[];
}

/** What names its data center is there; requests of people, and what they need, are where people are; all else trains. */
const ofPeople = /^[^.]+\.(rank|recommend|feature-store|lookup)\b/;

/** @param turn counts up: what may be in any of several is in each in turn. */
export function placeOf(subject: string, turn: number, { training, inference }: Places): string {
  const named = [training, ...inference].find((name) => subject.split('.').includes(name));
  if (named !== undefined) return named;
  return ofPeople.test(subject) ? inference[turn % inference.length]! : training;
}

/** Of a stream: `DELTAS_EAST` is in east. */
export function placeOfStream(stream: string, { training, inference }: Places): string {
  return inference.find((name) => stream.endsWith(`_${name.toUpperCase()}`)) ?? training;
}

/** A line for each kind and beginning of a subject: how many a second, and how long. */
export function summaryOf(actions: readonly Action[], seconds: number): string[] {
  const groups = new Map<string, { count: number; bytes: number; answerBytes: number }>();
  for (const { kind, subject, bytes, answerBytes = 0 } of actions) {
    const tokens = subject.split('.').slice(subject.startsWith('$') ? 0 : 1);
    const name = `${kind} ${tokens.slice(0, subject.startsWith('$JS') ? 4 : 2).join('.')}`;
    const group = groups.get(name) ?? { count: 0, bytes: 0, answerBytes: 0 };
    group.count++;
    group.bytes += bytes;
    group.answerBytes += answerBytes;
    groups.set(name, group);
  }
  return [...groups]
    .sort(([, a], [, b]) => b.count - a.count)
    .map(([name, { count, bytes, answerBytes }]) => {
      const answer = answerBytes > 0 ? `, answered by ${Math.round(answerBytes / count)}` : '';
      return `${name}: ${(count / seconds).toFixed(1)}/s of ${Math.round(bytes / count)} bytes${answer}`;
    });
}
