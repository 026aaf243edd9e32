import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Wheel } from './pins.js';
import { libraryFile, unpackWheel, type TensorflowSource } from './source.js';

/** Until the first byte, and for an index. Too low: a slow mirror is taken for none. */
const answerMsMax = 20_000;
const fetchMsMax = 30 * 60_000;
const indexType = 'application/vnd.pypi.simple.v1+json';

export interface IndexSourceOptions {
  /** The simple index that pip is configured with; undefined: none is. */
  readonly indexUrl?: () => Promise<string | undefined>;
}

/** The same wheel without pip, where a simple index is configured as pip's is. */
export function indexSource({
  indexUrl = configuredIndex,
}: IndexSourceOptions = {}): TensorflowSource {
  return {
    name: 'PyPI wheel, from the configured index',
    async obtain(context) {
      const index = await indexUrl();
      if (index === undefined) throw new Error('no index is configured (PIP_INDEX_URL, pip.conf)');
      for (const wheel of context.pins.wheels) {
        context.log(`fetching ${wheel.project} ${wheel.version}`);
        const url = await wheelUrl(index, wheel);
        await fetchTo(url, path.join(context.downloads, wheel.file));
        await unpackWheel(context, wheel);
      }
      return path.join('tensorflow', libraryFile);
    },
  };
}

/** The first `index-url` of what pip reads, by its order: environment, user, machine. */
async function configuredIndex(): Promise<string | undefined> {
  const { PIP_INDEX_URL, PIP_CONFIG_FILE, XDG_CONFIG_HOME } = process.env;
  if (PIP_INDEX_URL) return PIP_INDEX_URL;
  const config = XDG_CONFIG_HOME || path.join(homedir(), '.config');
  const files = [
    ...(PIP_CONFIG_FILE ? [PIP_CONFIG_FILE] : []),
    path.join(config, 'pip', 'pip.conf'),
    path.join(homedir(), '.pip', 'pip.conf'),
    '/etc/pip.conf',
  ];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const found = /^\s*index-url\s*=\s*(\S+)/m.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

async function wheelUrl(index: string, { project, file }: Wheel): Promise<string> {
  const page = `${index.replace(/\/$/, '')}/${project}/`;
  const { url, headers } = addressOf(page);
  const response = await fetch(url, {
    headers: { ...headers, accept: `${indexType}, text/html;q=0.5` },
    signal: AbortSignal.timeout(answerMsMax),
  });
  if (!response.ok) throw new Error(`${shown(page)} answers ${response.status}`);
  const text = await response.text();
  const found = response.headers.get('content-type')?.includes('json')
    ? (JSON.parse(text) as { files: { filename: string; url: string }[] }).files.find(
        ({ filename }) => filename === file,
      )?.url
    : hrefOf(text, file);
  if (found === undefined) throw new Error(`${shown(page)} does not list ${file}`);
  const target = new URL(found, page);
  // Credentials of an index hold for files on the same host, as with pip.
  const base = new URL(page);
  if (target.host === base.host)
    [target.username, target.password] = [base.username, base.password];
  return target.href;
}

/** Of the older, HTML form of an index. */
function hrefOf(html: string, file: string): string | undefined {
  for (const [, href, text] of html.matchAll(/<a\b[^>]*\bhref="([^"]+)"[^>]*>([^<]*)<\/a>/g))
    if (text!.trim() === file) return href!.replaceAll('&amp;', '&');
  return undefined;
}

async function fetchTo(from: string, file: string): Promise<void> {
  const { url, headers } = addressOf(from);
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(fetchMsMax) });
  if (!response.ok || response.body === null)
    throw new Error(`${shown(from)} answers ${response.status}`);
  const body = Readable.fromWeb(response.body);
  await pipeline(body, createWriteStream(file));
}

/** fetch takes no credentials in an address. */
function addressOf(from: string): { url: string; headers: Record<string, string> } {
  const url = new URL(from);
  if (url.username === '') return { url: url.href, headers: {} };
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  [url.username, url.password] = ['', ''];
  const authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
  return { url: url.href, headers: { authorization } };
}

/** Without credentials. */
function shown(address: string): string {
  const { origin, pathname } = new URL(address);
  return `${origin}${pathname}`;
}
