import { beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { SettingsFollower } from '../../actors/shared/settings-follower.js';
import { settingsNow } from '../../cluster/operations/change-settings.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { GivenSettingKey } from '../../core/config/settings.js';
import { encode } from '../../messages/codec.js';
import { names } from '../../messages/default-names.testkit.js';
import type { SettingsReply } from '../../messages/settings.js';
import { parseSettingsReply } from '../../messages/settings.js';
import type { ActorIdentity } from '../../runtime/actor.js';
import type { MemoryBus } from '../../simulation/nats/memory-bus.js';
import type { VirtualTime } from '../../simulation/time/virtual-time.js';
import { memoryWorld } from '../support/memory-world.js';

/** Who changes settings, and who follows their copy in his data center. */
const config = parseClusterConfig({
  features: { item: { entity: 'item', kind: 'id' } },
  events: { view: {}, purchase: {} },
  outcomes: { view: {}, purchase: { window: '7d' } },
  score: { view: 1 },
});
const { settings: stream } = names.stream;
const log = pino({ level: 'silent' });

let time: VirtualTime;
let bus: MemoryBus;
let connect: () => MemoryBus;
let changes: string[];
let failures: unknown[];
let operations = 0;

beforeEach(() => {
  const world = memoryWorld(1);
  ({ time, connect } = world);
  const limits = { maxAgeMs: 0, discard: 'old', duplicateWindowMs: 120_000 } as const;
  const subjects = [names.pattern('setting')];
  world.servers.declare({ name: stream, subjects, cluster: 'train', ...limits });
  const sources = [{ stream, subject: names.pattern('setting') }];
  const copy = names.stream.settingsAt('east');
  world.servers.declare({ name: copy, sources, cluster: 'train', ...limits });
  bus = connect();
  changes = [];
  failures = [];
});

function ask(
  change?: { key: GivenSettingKey; value: unknown; since?: number },
  operation = `o${++operations}`,
): Promise<SettingsReply> {
  const request = { operation, ...(change ? { change } : {}) };
  const ports = { bus, config, onChanged: (detail: string) => void changes.push(detail) };
  return time.run(
    settingsNow(request, ports).then((reply) => parseSettingsReply({ v: 2, ...reply })),
  );
}

async function follower(): Promise<SettingsFollower> {
  const identity: ActorIdentity = {
    ...{ address: 'east.ranker.0', kind: 'ranker', index: 0, epoch: 1 },
    ...{ dataCenter: 'east', partitions: [] },
  };
  const crash = (error: unknown): void => void failures.push(error);
  const made = new SettingsFollower({ bus: connect(), config, identity, log, crash });
  await time.run(made.start());
  return made;
}

describe('settings', () => {
  test('are as configured before the first one, and versioned by the log from then on', async () => {
    const configured = { score: { view: 1 }, exclude: config.serving.exclude };
    expect(await ask()).toEqual({ version: 0, settings: {}, refused: {}, configured });
    const score = { view: 1, purchase: 20 };
    expect(await ask({ key: 'score', value: score })).toMatchObject({
      ...{ version: 1, settings: { score } },
    });
    await ask({ key: 'exclude', value: { events: ['purchase'], within: '30d' } });
    expect(await ask()).toMatchObject({ version: 2, settings: { score } });
    const unset = await ask({ key: 'score', value: null });
    expect([unset.version, Object.keys(unset.settings)]).toEqual([3, ['exclude']]);
    expect(changes).toEqual([
      'score: {"view":1,"purchase":20}, version 1',
      'exclude: {"events":["purchase"],"within":"30d"}, version 2',
      'score: as configured, version 3',
    ]);
  });

  test('are refused where they are none, and nothing is written', async () => {
    const wrong = ask({ key: 'score', value: { purchas: 20 } });
    await expect(wrong).rejects.toThrow('did you mean "purchase"?');
    expect((await time.run(bus.streamState(stream))).lastSequence).toBe(0);
  });

  test('that are so already are not written again: who asks twice has asked once', async () => {
    await ask({ key: 'score', value: { view: 2 }, since: 0 }, 'once');
    await ask({ key: 'score', value: { view: 2 }, since: 0 }, 'once');
    expect((await ask({ key: 'exclude', value: null })).version).toBe(1);
    expect(changes).toHaveLength(1);
  });

  test('that somebody else has changed since are not overwritten', async () => {
    await ask({ key: 'score', value: { view: 2 } });
    const late = ask({ key: 'score', value: { view: 3 }, since: 0 });
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await ask({ key: 'score', value: { view: 3 }, since: 1 })).toMatchObject({ version: 2 });
    // Another key is nobody's business.
    await ask({ key: 'exclude', value: { within: '1h' }, since: 0 });
  });

  test('of two leaders at once, one is refused by the log', async () => {
    const set = (view: number) =>
      settingsNow(
        { operation: `o${++operations}`, change: { key: 'score', value: { view } } },
        { bus: connect(), config, onChanged: () => undefined },
      ).then(
        () => 'done',
        (error: { code: string }) => error.code,
      );
    const outcomes = await time.run(Promise.all([set(2), set(3)]));
    expect(outcomes.sort()).toEqual(['CONFLICT', 'done']);
  });
});

describe('who follows them', () => {
  test('has what was set before he started, and hears of changes', async () => {
    await ask({ key: 'score', value: { view: 2 } });
    await time.pass(1_000);
    const one = await follower();
    expect([one.version, one.config.score, one.text]).toEqual([
      ...[1, { view: 2 }, '{"score":{"view":2}}'],
    ]);
    await ask({ key: 'score', value: { purchase: 1 } });
    await ask({ key: 'exclude', value: { within: '1h' } });
    await time.pass(1_000);
    expect([one.version, one.config.score]).toEqual([3, { purchase: 1 }]);
    expect(one.config.serving.exclude.within).toBe('1h');
    const other = await follower();
    expect([other.version, other.config]).toEqual([one.version, one.config]);
    await ask({ key: 'score', value: null });
    await time.pass(1_000);
    expect([one.version, one.config.score]).toEqual([4, { view: 1 }]);
    await time.run(Promise.all([one.stop(), other.stop()]));
  });

  test('passes over what he can not read, or his configuration does not know', async () => {
    const one = await follower();
    expect([one.version, one.text, one.config]).toEqual([0, '', config]);
    const append = (message: object) =>
      time.run(bus.append(names.subject.setting('score'), encode(message)));
    await append({ v: 99 });
    await append({ v: 2, key: 'score', value: { cart: 1 } });
    await time.pass(1_000);
    expect([one.version, one.text, one.config.score]).toEqual([2, '', { view: 1 }]);
    await time.run(one.stop());
    expect(failures).toEqual([]);
  });
});
