import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCommand } from './run-command.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'starling-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command in an empty folder, in this process: each of its own would cost more than all that is tested. */
async function starling(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const kept = { cwd: process.cwd(), env: process.env };
  const said = { out: '', err: '' };
  process.chdir(folder);
  process.env = { ...process.env, STARLING_DEBUG: '', ...env };
  try {
    const code = await runCommand(args, {
      out: (line) => (said.out += `${line}\n`),
      err: (line) => (said.err += `${line}\n`),
    });
    return { code, ...said };
  } finally {
    process.chdir(kept.cwd);
    process.env = kept.env;
  }
}

/** The program as it is started, with something to read. */
function program(args: readonly string[], input: string): Promise<Ended> {
  const file = fileURLToPath(new URL('./starling.js', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...args], { cwd: folder });
    let out = '';
    let err = '';
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.stderr.on('data', (data: Buffer) => (err += data.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
    child.stdin.end(input);
  });
}

const commands = [
  ...['up', 'host', 'nats-config', 'status', 'recommend', 'rank', 'ingest', 'audience', 'events'],
  ...['settings', 'config', 'items', 'users', 'drain', 'undrain', 'doctor', 'profile'],
];

describe('the command line', () => {
  test('lists its commands', async () => {
    const { code, out, err } = await starling(['--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const name of commands) expect(out).toContain(`  ${name} `);
  });

  test('says its version', async () => {
    const file = new URL('../../package.json', import.meta.url);
    const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string };
    for (const asked of [['--version'], ['-v'], ['version']])
      expect(await starling(asked)).toEqual({ code: 0, out: `starling ${version}\n`, err: '' });
    const { out } = await starling(['--version', '--json']);
    expect(JSON.parse(out)).toEqual({ version, node: process.version });
  });

  test('has help by `help` too', async () => {
    const { out } = await starling(['status', '--help']);
    expect(await starling(['help', 'status'])).toEqual({ code: 0, out, err: '' });
    expect((await starling(['help', 'stauts'])).err).toContain('did you mean "status"?');
  });

  test.each(commands)('%s has help', async (name) => {
    const { code, out } = await starling([name, '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`Usage: starling ${name}`);
    expect(out).toContain('--json');
  });

  test.each([
    [[], 'Usage: starling'],
    [['stauts'], 'USAGE: there is no command "stauts"; did you mean "status"?'],
    [['status', '--jsno'], 'USAGE: status has no option --jsno; did you mean --json?'],
    [['status', '--zzzzzzzz'], 'see `starling status --help`'],
    [['status', 'extra'], 'USAGE: unexpected argument "extra"'],
    [['status', '--timeout', 'soon'], 'USAGE: --timeout: expected a duration'],
    [['status', '--state'], 'USAGE: '],
    [['recommend'], 'USAGE: recommend needs --user'],
    [['recommend', '--user', '1', '--k', 'many'], 'USAGE: --k: expected an integer'],
    [['recommend', '--user', '1', '--context', '[1]'], 'USAGE: --context: expected a JSON object'],
    [['rank', '--user', '1'], 'USAGE: rank needs --candidates'],
    [['ingest'], 'USAGE: the kind (event'],
    [['drain'], 'USAGE: <data center> is missing'],
    [
      ['settings', 'set', 'score'],
      'USAGE: settings: expected show, set <key> <value>, or unset <key>.',
    ],
    [['config', 'plan'], 'USAGE: config: expected plan FILE, apply FILE,'],
    [['config', 'show', 'last'], 'USAGE: --VERSION: expected an integer'],
    [['up', '--allow', 'brand'], 'USAGE: --allow: expected forget:NAME'],
    [['settings', 'set', 'score', '{view'], 'USAGE: settings: expected a value in JSON'],
    [
      ['users', 'merge', 'u1'],
      'USAGE: users: expected get <user> | export <user> | erase <user> | merge <from> <to>.',
    ],
    [['users', 'merge', 'u1', 'u1'], "USAGE: users: u1 can't be merged into itself."],
    [
      ['items', 'hide'],
      'USAGE: items: expected get|set|patch|hide|show|delete <item> [JSON] | load FILE.',
    ],
    [['items', 'patch', 'i1'], 'USAGE: items patch: expected attributes as JSON.'],
    [['items', 'hide', 'i1', '{}'], 'USAGE: items hide takes no attributes.'],
    [['undrain', 'east', 'west'], 'USAGE: unexpected argument "west"'],
    [['ingest', 'acton', '{}'], 'did you mean "action"?'],
    [['up', '--report', 'x.json'], 'USAGE: --report needs --events'],
    [['up', '--events', 'x.csv', '--audience'], 'USAGE: --audience does not go with --events'],
    [['up', '--audience', '--no-audience'], 'USAGE: --audience and --no-audience exclude'],
    [
      ['up', 'shop.config.ts'],
      'unexpected argument "shop.config.ts"; did you mean --config shop.config.ts?',
    ],
    [['recommend', 'u1'], 'unexpected argument "u1"; did you mean --user u1?'],
    [['events'], 'USAGE: events: expected send'],
    [['events', 'send', '{}', 'x.csv'], 'USAGE: events send: expected one JSON text or files'],
    [['audience', '--rate', '0'], 'USAGE: --rate: expected requests per second'],
    [['audience', '--seed', 'x'], 'USAGE: --seed: expected an integer'],
    [['up', '--events', 'x.csv', '--max-lag', 'few'], 'USAGE: --max-lag: expected an integer'],
    [['up', '--events', 'x.csv', '--speed', '0'], 'USAGE: --speed: expected a number above 0'],
    [['up', '--for', '10'], 'USAGE: --for: expected a duration'],
    [
      ['up', '--name', 'a.b'],
      'USAGE: --name: expected letters, digits, "_" and "-", at most 255 of them; got "a.b". Such as a-b.',
    ],
    [['host', '--name', ''], 'USAGE: --name: expected letters'],
    [['profile', '--seconds', '0'], 'USAGE: --seconds: expected a number from 0.1 to 120'],
    [['profile', '--out', 'x.pdf'], 'USAGE: --out: expected a file that ends in .cpuprofile or'],
    [['nats-config', '--out', 'x'], 'USAGE: nats-config needs --topology'],
    [['nats-config', '--topology', 'x.json'], 'USAGE: nats-config needs --out'],
  ])('%j is wrong usage', async (args, text) => {
    const { code, out, err } = await starling(args);
    expect(code).toBe(2);
    expect(err).toContain(text);
    expect(out).toBe('');
    expect(err).not.toContain('    at ');
  });

  test.each([
    ['status'],
    ['recommend', '--user', '1'],
    ['rank', '--user', '1', '--candidates', '2'],
    ['drain', 'east'],
  ])('%s without a cluster says so', async (...args) => {
    const { code, err } = await starling(args);
    expect(code).toBe(3);
    expect(err).toMatch(/^NOT_RUNNING: no cluster runs on .*Start a cluster with `starling up`/);
  });

  test('a server that does not answer counts as not running', async () => {
    const { code, err } = await starling(['status', '--nats', 'nats://127.0.0.1:9']);
    expect(code).toBe(3);
    expect(err).toMatch(/^UNAVAILABLE: /);
  });

  test('tells errors as JSON when asked to', async () => {
    const notRunning = await starling(['status', '--json']);
    expect(notRunning.code).toBe(3);
    expect(JSON.parse(notRunning.out)).toMatchObject({ error: { code: 'NOT_RUNNING' } });
    const usage = await starling(['recommend', '--json']);
    expect(usage.code).toBe(2);
    expect(JSON.parse(usage.out)).toMatchObject({ error: { code: 'USAGE' } });
  });

  test('shows the stack of an error only for debugging', async () => {
    const { err } = await starling(['status'], { STARLING_DEBUG: '1' });
    expect(err).toContain('    at ');
  });
});

describe('starling ingest', () => {
  async function file(name: string, text: string): Promise<string> {
    await writeFile(path.join(folder, name), text);
    return name;
  }

  test.each([
    [
      'action',
      'a.ndjson',
      '{"requestId":"r","item":1}\n{"requestId":"r"}\n',
      'FILE_INVALID: a.ndjson line 2: action.item',
    ],
    [
      'action',
      'b.ndjson',
      '{"requestId":"r","item":1}\n{oops\n',
      'FILE_INVALID: b.ndjson line 2: expected JSON',
    ],
    [
      'action',
      'c.csv',
      'requestId,item,label\nr,1,1\nr,2,7\n',
      'FILE_INVALID: c.csv line 3: action.label: expected 0 or 1',
    ],
    ['action', 'd.csv', 'requestId,item,colour\nr,1,red\n', 'FILE_INVALID: d.csv line 2: colour'],
    [
      'features',
      'e.csv',
      'film,year\n1,1995\n',
      'FILE_INVALID: e.csv line 2: expected a column item or user',
    ],
    [
      'features',
      'f.ndjson',
      '[{"entity":"film","id":1,"features":{}}]',
      'FILE_INVALID: f.ndjson: features.entity',
    ],
    ['impression', 'g.ndjson', '', 'FILE_INVALID: g.ndjson: is empty'],
  ])('%s from %s names the line and the field', async (type, name, text, expected) => {
    const { code, err } = await starling(['ingest', type, '--file', await file(name, text)]);
    expect(code).toBe(1);
    expect(err).toContain(expected);
  });

  test('checks the argument and standard input before it looks for a cluster', async () => {
    const argument = await starling(['ingest', 'action', '{"requestId":"r"}']);
    expect(argument).toMatchObject({
      code: 1,
      err: expect.stringContaining('the argument: action.item'),
    });
    const input = await program(['ingest', 'action'], '{"requestId":"r"}');
    expect(input).toMatchObject({
      code: 1,
      err: expect.stringContaining('standard input: action.item'),
    });
    const right = await program(['ingest', 'action'], '{"requestId":"r","item":1}');
    expect(right).toMatchObject({ code: 3, err: expect.stringContaining('NOT_RUNNING') });
  });

  test('takes a byte order mark for none of the text, and reads what it names; a replay names another encoding', async () => {
    const text = '\uFEFF{"requestId":"r","item":1}\n{"requestId":"s"}\n';
    const marked = await starling(['ingest', 'action', '--file', await file('m.ndjson', text)]);
    expect(marked.err).toContain('FILE_INVALID: m.ndjson line 2: action.item');
    const input = await program(['ingest', 'action'], text);
    expect(input.err).toContain('standard input line 2: action.item');
    await writeFile(path.join(folder, 'w.ndjson'), text, 'utf16le');
    const wide = await starling(['ingest', 'action', '--file', 'w.ndjson']);
    expect(wide.err).toContain('FILE_INVALID: w.ndjson line 2: action.item');
    await writeFile(path.join(folder, 'w.csv'), Buffer.from('feff0041000a', 'hex'));
    const csv = await starling(['up', '--events', 'w.csv']);
    expect(csv.err).toContain('FILE_INVALID: w.csv: is UTF-16; save it as UTF-8');
  });

  test('names a file that is not there', async () => {
    const { code, err } = await starling(['ingest', 'action', '--file', 'none.ndjson']);
    expect(code).toBe(1);
    expect(err).toContain('FILE_INVALID: none.ndjson: there is no such file');
  });
});

describe('starling up', () => {
  test('names the wrong line of an events file before anything is started', async () => {
    await writeFile(path.join(folder, 'events.csv'), 'timestamp,user,item,label\n1,2,3,9\n');
    const { code, err } = await starling(['up', '--events', 'events.csv']);
    expect(code).toBe(1);
    expect(err).toMatch(/^FILE_INVALID: events.csv line 2: label/);
  });

  test('names a column that is not declared', async () => {
    await writeFile(
      path.join(folder, 'colour.csv'),
      'timestamp,user,item,label,colour\n1,2,3,1,red\n',
    );
    const { code, err } = await starling(['up', '--events', 'colour.csv']);
    expect(code).toBe(1);
    expect(err).toMatch(/^UNKNOWN_FEATURE: .*colour/);
  });

  test.each([
    [
      'mark.config.json',
      '\uFEFF{"features": {"user": {"entity": "usr", "kind": "id"}}}',
      'features.user.entity',
    ],
    [
      'comma.config.json',
      '{\n  "features": {},\n}',
      'comma.config.json: line 3, column 1: there must be no comma before }',
    ],
    [
      'comment.config.json',
      '{\n  // ours\n  "features": {}}',
      'line 2, column 3: JSON has no comments',
    ],
  ])('reads %s as people write it', async (name, text, expected) => {
    await writeFile(path.join(folder, name), text);
    const { code, err } = await starling(['up', '--config', name]);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^CONFIG_INVALID/) });
    expect(err).toContain(expected);
  });

  test.each(['json', 'ts'])('names the encoding of a .%s configuration', async (ending) => {
    const name = `wide.config.${ending}`;
    await writeFile(path.join(folder, name), '\uFEFFexport default {}', 'utf16le');
    const { code, err } = await starling(['up', '--config', name]);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringContaining(`CONFIG_INVALID: ${name}: is UTF-16; save it as UTF-8`),
    });
  });

  test('names a configuration that is not there', async () => {
    const { code, err } = await starling(['up', '--config', 'none.config.ts']);
    expect(code).toBe(1);
    expect(err).toMatch(/^CONFIG_INVALID: none.config.ts/);
  });
});

describe('starling doctor', () => {
  test('reports findings as JSON, and its exit code says whether any failed', async () => {
    const { code, out } = await starling(['doctor', '--json']);
    const { ok, findings } = JSON.parse(out) as {
      ok: boolean;
      findings: { name: string; level: string }[];
    };
    expect(code).toBe(ok ? 0 : 1);
    expect(findings.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['node', 'config', 'nats-server', 'disk', 'backend', 'lmdb']),
    );
    expect(findings.find(({ name }) => name === 'lmdb')).toMatchObject({ level: 'ok' });
  });

  test('fails on a wrong configuration, with every other finding beside it', async () => {
    await writeFile(path.join(folder, 'wrong.config.json'), '{"features":{},"partitions":0}');
    const { code, out } = await starling(['doctor', '--config', 'wrong.config.json']);
    expect(code).toBe(1);
    expect(out).toMatch(/fail {2}config .*wrong.config.json/);
    expect(out).toMatch(/ok +node/);
  });

  /** A shell script that calls itself a nats-server, so this needs a POSIX system. */
  async function fakeServer(version: string): Promise<{ NATS_SERVER: string }> {
    const NATS_SERVER = path.join(folder, `nats-server-${version}`);
    await writeFile(NATS_SERVER, `#!/bin/sh\necho "nats-server: v${version}"\n`, { mode: 0o755 });
    return { NATS_SERVER };
  }

  test('warns of an old nats-server, says what is at risk and how to get a newer one', async () => {
    const old = await starling(['doctor'], await fakeServer('2.12.2'));
    expect(old.out).toMatch(/warn {2}nats-server +2\.12\.2 at .* is older than 2\.12\.3: .*lost/);
    expect(old.out).toContain('Let NATS_SERVER name a newer one.');
    const current = await starling(['doctor'], await fakeServer('2.12.3'));
    expect(current.out).toMatch(/ok +nats-server +2\.12\.3/);
  });

  test('fails where a newer nats-server has written the streams, or is needed by the configuration', async () => {
    const servers = path.join(folder, 'written', 'nats');
    await mkdir(servers, { recursive: true });
    await writeFile(path.join(servers, 'versions.json'), '{"train": "2.15.3"}');
    const env = await fakeServer('2.14.0');
    const written = await starling(['doctor', '--state', 'written'], env);
    expect(written.code).toBe(1);
    expect(written.out).toMatch(
      /fail {2}nats-server +the streams of train .* 2\.15\.3, and 2\.14\.0/,
    );
    await writeFile(
      path.join(folder, 'synced.config.json'),
      JSON.stringify({
        features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
        nats: { syncAlways: true },
      }),
    );
    const args = ['doctor', '--config', 'synced.config.json'];
    const synced = await starling(args, await fakeServer('2.9.10'));
    expect(synced.code).toBe(1);
    expect(synced.out).toMatch(/fail {2}nats-server .*: nats\.syncAlways needs 2\.10\.0 or newer/);
  });

  test('looks at the servers of --nats by their greeting', async () => {
    const greeting = 'INFO {"server_id":"X","version":"2.9.10"}\r\n';
    const server = createServer((socket) => socket.resume().end(greeting));
    // Who comes again, to ask the cluster, meets nobody rather than one that never signs it in.
    server.once('connection', () => server.close());
    const closed = once(server, 'close');
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const old = await starling(['doctor', '--nats', `nats://127.0.0.1:${port}`]);
    expect(old.out).toMatch(
      /warn {2}nats-server +2\.9\.10 at 127\.0\.0\.1:\d+ is older than 2\.12\.3/,
    );
    expect(old.out).toContain('docs/deployment.md');
    await closed;
    const env = { NATS_URL: `127.0.0.1:${port}` };
    const absent = await starling(['doctor'], env);
    expect(absent.code).toBe(1);
    expect(absent.out).toMatch(/fail {2}nats-server +no nats-server answers at 127\.0\.0\.1/);
  });
});

describe('starling host', () => {
  test('skips the byte order mark of an access file, and names its mistakes', async () => {
    await writeFile(path.join(folder, 'marked.json'), '\uFEFF{"dataCenters": [], "passwords": {}}');
    const marked = await starling(['host', '--access', 'marked.json', '--state', 's']);
    expect(marked.err).toMatch(/^CONFIG_INVALID: .*marked.json is no access file: .*dataCenters/s);
    await writeFile(path.join(folder, 'comma.json'), '{"dataCenters": [],}');
    const comma = await starling(['host', '--access', 'comma.json', '--state', 's']);
    expect(comma.err).toContain('comma.json: line 1, column 20: there must be no comma before }');
  });
});

describe('starling nats-config', () => {
  const dataCenters = {
    train: [{ server: 'n1' }],
    east: [{ server: 'e1' }],
    west: [{ server: 'w1' }],
  };

  async function topology(name: string, content: unknown): Promise<string[]> {
    await writeFile(path.join(folder, name), JSON.stringify(content));
    return ['nats-config', '--topology', name, '--out', `${name}.out`];
  }

  test('lists what it wrote, and prints no password', async () => {
    const args = await topology('t.json', { dataCenters });
    const { code, out, err } = await starling(args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('train: 1 server, one copy of each stream');
    for (const name of ['train/n1.conf', 'west/w1.conf', 'access.json'])
      expect(out).toContain(name);
    const json = await starling([...args, '--json']);
    expect(JSON.parse(json.out)).toMatchObject({
      folder: path.join(await realpath(folder), 't.json.out'),
      leftovers: [],
      dataCenters: [{ name: 'train', servers: 1, replicas: 1 }, { name: 'east' }, { name: 'west' }],
    });
    const kept = await readFile(path.join(folder, 't.json.out', 'credentials.json'), 'utf8');
    const { passwords } = JSON.parse(kept) as { passwords: Record<string, string> };
    for (const password of Object.values(passwords)) expect(out + json.out).not.toContain(password);
  });

  test('names what is wrong with the topology, and writes nothing', async () => {
    const args = await topology('wrong.json', { dataCenters: { ...dataCenters, west: [] } });
    const { code, err } = await starling(args);
    expect(code).toBe(1);
    expect(err).toMatch(/^CONFIG_INVALID: wrong.json: dataCenters.west: expected as many servers/);
    await expect(stat(path.join(folder, 'wrong.json.out'))).rejects.toThrow('ENOENT');
  });

  test('tells of servers that are no longer there', async () => {
    await starling(await topology('moved.json', { dataCenters }));
    const moved = { ...dataCenters, west: [{ server: 'w2' }] };
    const { code, err } = await starling(await topology('moved.json', { dataCenters: moved }));
    expect(code).toBe(0);
    expect(err).toContain('west/w1.conf is of an earlier topology');
  });
});
