/**
 * JSON that people write: with the byte order mark that some editors put in front, which is no part of it, and with
 * mistakes, which are told by line and column. The engine's own messages name a place in some cases and versions only.
 */

/**
 * The text of a file in UTF-8, without its byte order mark.
 *
 * @throws SyntaxError naming the encoding where the bytes are UTF-16, as some editors save it, or no UTF-8.
 */
export function textOfUtf8(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isUtf16) throw new SyntaxError('is UTF-16; save it as UTF-8');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError('is not UTF-8; save it as UTF-8', { cause });
  }
}

/** @throws SyntaxError such as `line 3, column 5: expected a value; got "}" after a comma`. */
export function parseJson(text: string): unknown {
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    return JSON.parse(json) as unknown;
  } catch (cause) {
    const mistake = mistakeIn(json);
    // The engine decides what is wrong; ours only finds out where.
    if (mistake === undefined) throw cause;
    throw new SyntaxError(`${placeOf(json, mistake.at)}: ${mistake.text}`, { cause });
  }
}

interface Mistake {
  readonly at: number;
  readonly text: string;
}

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma or end' | 'end';

const token =
  /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\]:,]/y;

/** Reads on until a token is not what may stand there; undefined if all may. */
function mistakeIn(text: string): Mistake | undefined {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  let before = '';
  for (let at = skipSpace(text, 0); at < text.length; at = skipSpace(text, at + before.length)) {
    token.lastIndex = at;
    const found = token.exec(text)?.[0];
    const next: Expected | undefined =
      found === undefined ? undefined : after(found, expected, open);
    if (found === undefined || next === undefined)
      return { at, text: explain({ text, at, found, before, expected, open }) };
    expected = next;
    before = found;
  }
  if (expected === 'end') return undefined;
  return { at: text.length, text: `the text ends here; expected ${wordsFor(expected, open)}` };
}

/** What may follow `found`, if it may stand where `expected` is; keeps `open` up to date. */
function after(found: string, expected: Expected, open: ('{' | '[')[]): Expected | undefined {
  const value = (): Expected => (open.length === 0 ? 'end' : 'comma or end');
  const isKeyPlace = expected === 'key' || expected === 'key or }';
  if (found === '}' || found === ']') {
    const isOpen = open.at(-1) === (found === '}' ? '{' : '[');
    const mayEnd = ['comma or end', 'key or }', 'value or ]'].includes(expected);
    if (!isOpen || !mayEnd) return undefined;
    open.pop();
    return value();
  }
  if (isKeyPlace) return found.startsWith('"') ? 'colon' : undefined;
  if (expected === 'colon') return found === ':' ? 'value' : undefined;
  if (expected === 'comma or end') {
    if (found !== ',') return undefined;
    return open.at(-1) === '{' ? 'key' : 'value';
  }
  if (expected === 'end' || found === ',' || found === ':') return undefined;
  if (found !== '{' && found !== '[') return value();
  open.push(found);
  return found === '{' ? 'key or }' : 'value or ]';
}

interface Place {
  readonly text: string;
  readonly at: number;
  readonly found: string | undefined;
  readonly before: string;
  readonly expected: Expected;
  readonly open: readonly ('{' | '[')[];
}

function explain({ text, at, found, before, expected, open }: Place): string {
  if (/^(\/[/*]|#)/.test(text.slice(at, at + 2))) return 'JSON has no comments';
  if (before === ',' && (found === '}' || found === ']'))
    return `there must be no comma before ${found}`;
  if (text[at] === "'") return 'texts stand in double quotes';
  if (text[at] === '"' && found === undefined)
    return 'a text that is not closed, or has a line break, a tab or an unknown escape in it';
  return `expected ${wordsFor(expected, open)}; got ${excerptAt(text, at)}`;
}

function wordsFor(expected: Expected, open: readonly ('{' | '[')[]): string {
  const end = open.at(-1) === '{' ? '}' : ']';
  const words: Readonly<Record<Expected, string>> = {
    value: 'a value',
    'value or ]': 'a value or ]',
    key: 'a key in double quotes',
    'key or }': 'a key in double quotes or }',
    colon: 'a colon',
    'comma or end': `a comma or ${end}`,
    end: 'the end of the text',
  };
  return words[expected];
}

const excerptCharactersMax = 20;

/** A word, or one character; in the form of JSON, so that what can't be seen can. */
function excerptAt(text: string, at: number): string {
  const word = /^[\p{L}\p{N}_.-]+|^./su.exec(text.slice(at, at + excerptCharactersMax))?.[0] ?? '';
  return JSON.stringify(word);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (' \t\n\r'.includes(text.charAt(at)) && at < text.length) at++;
  return at;
}

function placeOf(text: string, at: number): string {
  const lines = text.slice(0, at).split(/\r\n|\n|\r/);
  return `line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
}
