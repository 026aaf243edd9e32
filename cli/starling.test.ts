import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { commandsInFolder } from './commands-in-folder.testkit.js';

const { folder, starling } = commandsInFolder();

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
