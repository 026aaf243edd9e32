import { EventEmitter } from 'node:events';
import { describe, expect, jest, test } from '@jest/globals';
import { hearStats, type ActorKind, type HeardOf } from '../messages/actor-kinds.js';
import { actorStatus, type ActorRow, type ActorStatus } from '../messages/actor-status.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import type { AudienceFigures, SeriesPoint } from '../audience/audience-figures.js';
import { painter, sparkline, truncate, visibleLength } from './ansi.js';
import { startLiveView } from './live-view.js';
import type { LiveViewModel } from './live-view-model.js';
import { RateMeter, liveViewModel } from './live-view-model.js';
import { plainEvent, plainFigures, renderLiveView } from './live-view-rendering.js';

const escape = '\u001b';

function actor<K extends ActorKind>(
  dataCenter: string,
  kind: K,
  { stats, ...changes }: Partial<ActorRow> & { readonly stats?: HeardOf<K> } = {},
): ActorStatus {
  const row = {
    address: `${dataCenter}.${kind}.0`,
    kind,
    dataCenter,
    host: 'host-1',
    pid: 100,
    state: 'ready',
    epoch: 1,
    restarts: 0,
    sinceMs: 0,
    ...changes,
  } as const;
  return actorStatus(row, hearStats(kind, stats));
}

const exit: SupervisionEvent = {
  atMs: 60_000,
  address: 'train.trainer.0',
  type: 'exit',
  detail: 'signal SIGKILL',
  epoch: 1,
};
const ready: SupervisionEvent = {
  atMs: 61_000,
  address: 'train.trainer.0',
  type: 'ready',
  detail: '',
  epoch: 2,
  recoveryMs: 800,
};

function status(changes: Partial<ClusterStatus> = {}): ClusterStatus {
  return {
    name: 'starling',
    leader: 'host-1',
    term: 1,
    hosts: [],
    startedAtMs: 0,
    ready: false,
    dataCenters: [
      { name: 'train', role: 'training', state: 'healthy' },
      { name: 'east', role: 'inference', state: 'degraded' },
    ],
    natsServers: [{ dataCenter: 'east', pid: 77, url: 'nats://127.0.0.1:4222' }],
    actors: [
      actor('train', 'processor', { stats: { impressions: 900, actions: 900 } }),
      actor('train', 'ps-shard', { restarts: 2 }),
      actor('train', 'ps-shard', {
        address: 'train.ps-shard.1',
        state: 'restoring',
        restarts: 1,
        reason: 'exit code 1',
      }),
      actor('train', 'trainer', {
        stats: { samples: 500, batches: 20, steps: 20, backend: 'wasm' },
      }),
      actor('east', 'serving-shard', {
        stats: { rows: 1000, freshnessP50Ms: 31, freshnessP99Ms: 120.4 },
      }),
      actor('east', 'serving-shard', {
        address: 'east.serving-shard.1',
        stats: { freshnessP50Ms: 44, freshnessP99Ms: 90 },
      }),
      actor('east', 'ranker', { state: 'failed', reason: 'too many restarts' }),
    ],
    events: [exit, ready],
    ...changes,
  };
}

const period = {
  requests: 200,
  impressions: 2000,
  clicks: 810,
  ctr: 0.405,
  oracle: 0.648,
  random: 0.152,
};
const point = (ctr: number, endMs: number): SeriesPoint => ({ ...period, ctr, endMs });

function figures(changes: Partial<AudienceFigures> = {}): AudienceFigures {
  return {
    elapsedMs: 90_000,
    introduced: true,
    requests: 1801,
    inFlight: 1,
    skipped: 0,
    degraded: 0,
    rerouted: 0,
    errors: {},
    impressions: 18_010,
    clicks: 6000,
    recent: period,
    total: period,
    series: [point(0.15, 5_000), point(NaN, 10_000), point(0.648, 15_000)],
    latencyMs: { p50: 7.4, p99: 38 },
    ...changes,
  };
}

function model(
  changes: Partial<ClusterStatus> = {},
  audience: Partial<AudienceFigures> = {},
): LiveViewModel {
  return liveViewModel(status(changes), figures(audience), {
    throughput: { events: 412.4, samples: 203, batches: 9.54 },
    nowMs: 3_723_000,
    dashboardUrl: 'http://127.0.0.1:8080',
    next: 'npx starling recommend --user u1',
  });
}

describe('renderLiveView', () => {
  const lines = renderLiveView(model(), 120);
  const lineWith = (text: string): string => lines.find((line) => line.includes(text)) ?? '';

  test('names the cluster, how long it is up, and the dashboard', () => {
    expect(lines[0]).toBe('starling  up 01:02:03 · leader host-1 · http://127.0.0.1:8080');
  });

  test('shows each data center with its state and server, then a line per kind', () => {
    const head = lines.indexOf('● train training, healthy');
    expect(lines.slice(head, head + 6)).toEqual([
      '● train training, healthy',
      '  processor     ● 1/1',
      '  ps-shard      ● 1/2  3 restarts',
      '    ○ train.ps-shard.1 restoring: exit code 1',
      '  trainer       ● 1/1',
      '● east inference, degraded  nats://127.0.0.1:4222 (pid 77)',
    ]);
  });

  test('names the actor that is not ready, and why', () => {
    expect(lineWith('east.ranker.0')).toBe('    ○ east.ranker.0 failed: too many restarts');
  });

  test('shows throughput with the backend', () => {
    expect(lineWith('samples/s')).toBe(
      'throughput  412 events/s · 203 samples/s · 9.5 batches/s  (wasm)',
    );
  });

  test('shows the freshness of the slowest shard', () => {
    expect(lineWith('freshness')).toBe('freshness   east p50 44 ms p99 120 ms');
  });

  test('shows the click rate against oracle and random, and its course', () => {
    expect(lineWith('click rate')).toBe(
      'click rate  served 40.5 % · oracle 64.8 % · random 15.2 %  ▂ █',
    );
  });

  test('shows latency, and trouble only when there is some', () => {
    expect(lineWith('requests ')).toBe('requests    1801 · p50 7.4 ms p99 38 ms');
    const troubled = renderLiveView(
      model({}, { degraded: 2, skipped: 3, rerouted: 4, errors: { TIMEOUT: 5 } }),
      120,
    );
    expect(troubled).toContain(
      'requests    1801 · p50 7.4 ms p99 38 ms · 2 degraded · 4 rerouted · 3 skipped · 5 TIMEOUT',
    );
  });

  test('shows the last supervision events, the newest last', () => {
    const at = lines.findIndex((line) => line.endsWith('train.trainer.0 exit  signal SIGKILL'));
    expect(lines[at]).toMatch(/^\d\d:\d\d:\d\d train\.trainer\.0/);
    expect(lines[at + 1]).toMatch(/train\.trainer\.0 ready$/);
  });

  test('ends with what to try', () => {
    expect(lines.at(-1)).toContain('npx starling recommend --user u1');
    expect(lines.at(-1)).toContain('Ctrl-C');
  });

  test('says that nothing is known rather than a wrong number', () => {
    const none = { ...period, ctr: NaN, oracle: NaN, random: NaN };
    const empty = renderLiveView(
      {
        ...model(
          { actors: [], events: [] },
          { introduced: false, recent: none, series: [], latencyMs: { p50: NaN, p99: NaN } },
        ),
        throughput: { events: NaN, samples: NaN, batches: NaN },
      },
      120,
    );
    expect(empty).toContain('throughput  – events/s · – samples/s · – batches/s');
    expect(empty).toContain('freshness   –');
    expect(empty).toContain('click rate  served – · oracle – · random –');
    expect(empty).toContain('requests    waiting until the users and items are known');
  });

  test('has no line of an audience where there is none', () => {
    const alone = { ...model(), audience: undefined };
    const shown = renderLiveView(alone, 120).join('\n');
    expect(shown).not.toMatch(/click rate|requests|undefined/);
    expect(plainFigures(alone)).toMatch(/freshness east 44 ms\/120 ms$/);
  });

  test.each([1, 10, 40, 80])('no line is wider than %i columns, coloured or not', (width) => {
    for (const colours of [false, true]) {
      for (const line of renderLiveView(model(), width, { colours }))
        expect(visibleLength(line)).toBeLessThanOrEqual(width);
    }
  });

  test('on a small terminal healthy kinds share a line and the newest events stay', () => {
    const small = renderLiveView(model(), 120, { rows: 11 });
    expect(small.length).toBeLessThanOrEqual(11);
    expect(small).toContain('● train training, healthy  processor 1/1 ps-shard 1/2 trainer 1/1');
    expect(small).toContain('    ○ train.ps-shard.1 restoring: exit code 1');
    expect(small.some((line) => line.endsWith('ready'))).toBe(true);
    expect(small.some((line) => line.includes('SIGKILL'))).toBe(false);
    expect(small.at(-1)).toContain('Ctrl-C');
  });

  test('however small the terminal, no more rows are used', () => {
    expect(renderLiveView(model(), 120, { rows: 3 }).length).toBe(3);
  });

  test('colours only when wanted', () => {
    expect(lines.join('')).not.toContain(escape);
    const coloured = renderLiveView(model(), 120, { colours: true });
    expect(coloured.find((line) => line.includes('east.ranker.0'))).toContain(
      `${escape}[31mfailed${escape}[39m`,
    );
    expect(coloured.map((line) => line.replaceAll(/\u001b\[\d+m/g, ''))).toEqual(lines); // eslint-disable-line no-control-regex -- colour codes begin with it
  });

  test('of many actors in trouble the first few are named', () => {
    const actors = Array.from({ length: 9 }, (_unused, i) =>
      actor('east', 'ranker', { address: `east.ranker.${i}`, state: 'starting' }),
    );
    const crowded = renderLiveView(model({ actors }), 120);
    expect(crowded.filter((line) => line.includes('○'))).toHaveLength(4);
    expect(crowded).toContain('    … and 5 more');
  });
});

describe('plain lines', () => {
  test('figures fit on one line', () => {
    expect(plainFigures(model({}, { errors: { TIMEOUT: 2, OVERLOADED: 1 } }))).toBe(
      'up 01:02:03 · actors 5/7 ready · 3 restarts · 412 events/s · 203 samples/s · freshness east 44 ms/120 ms · ' +
        'click rate 40.5 % of oracle 64.8 %, random 15.2 % · 1801 requests · 3 errors (2 TIMEOUT, 1 OVERLOADED)',
    );
  });

  test('an event says when, who and what', () => {
    expect(plainEvent(exit)).toBe('1970-01-01T00:01:00.000Z train.trainer.0 exit signal SIGKILL');
  });
});

describe('RateMeter', () => {
  const trainer = (samples?: number) => [
    actor('train', 'trainer', { stats: samples === undefined ? {} : { samples, batches: 0 } }),
  ];

  test('what was counted before the first reading is no rate', () => {
    const meter = new RateMeter();
    expect(meter.observe(trainer(1000), 0).samples).toBeNaN();
    expect(meter.observe(trainer(1300), 1000).samples).toBe(300);
  });

  test('a restarted actor counts from zero', () => {
    const meter = new RateMeter();
    meter.observe(trainer(1000), 0);
    expect(meter.observe(trainer(50), 1000).samples).toBe(50);
    expect(meter.observe(trainer(150), 2000).samples).toBe(75);
  });

  test('the rate falls to zero within seconds when nothing happens', () => {
    const meter = new RateMeter();
    for (let second = 0; second <= 3; second++) meter.observe(trainer(second * 100), second * 1000);
    for (let second = 4; second <= 9; second++) meter.observe(trainer(300), second * 1000);
    expect(meter.observe(trainer(300), 10_000).samples).toBe(0);
  });

  test('readings a little further apart than the window make a rate', () => {
    const meter = new RateMeter();
    meter.observe(trainer(0), 0);
    expect(meter.observe(trainer(1_002), 5_010).samples).toBe(200);
    expect(meter.observe(trainer(3_006), 10_020).samples).toBe(400);
  });

  test('adds up the actors of a kind and what they count', () => {
    const meter = new RateMeter();
    const processors = (n: number) =>
      [0, 1].map((i) =>
        actor('train', 'processor', {
          address: `train.processor.${i}`,
          stats: { impressions: n, actions: n },
        }),
      );
    meter.observe(processors(0), 0);
    expect(meter.observe(processors(10), 1000).events).toBe(40);
  });

  test('a counter that is not told for a while has not fallen to zero', () => {
    const meter = new RateMeter();
    meter.observe(trainer(1000), 0);
    expect(meter.observe(trainer(), 1000).samples).toBe(0);
    expect(meter.observe(trainer(1200), 2000).samples).toBe(100);
  });
});

describe('terminal codes', () => {
  test('a cut text ends with an ellipsis and leaves no colour on', () => {
    const paint = painter(true);
    expect(truncate('starling', 8)).toBe('starling');
    expect(truncate('starling', 5)).toBe('star…');
    expect(truncate(`a ${paint('red', 'failed')} actor`, 5)).toBe(`a ${escape}[31mfa…${escape}[0m`);
    expect(truncate('starling', 0)).toBe('');
  });

  test('a sparkline is scaled to its top and shows the latest', () => {
    expect(sparkline([0, 0.5, 1, 2, NaN], 1, 10)).toBe('▁▅██ ');
    expect(sparkline([0, 1, 1], 1, 2)).toBe('██');
    expect(sparkline([0.1], 0, 5)).toBe(' ');
  });
});

describe('startLiveView', () => {
  function terminal(isTTY: boolean) {
    const written: string[] = [];
    const out = Object.assign(new EventEmitter(), {
      isTTY,
      columns: 100,
      rows: 50,
      write: (text: string) => written.push(text) > 0,
    });
    return { out: out as unknown as NodeJS.WriteStream, written, text: () => written.join('') };
  }
  const sources = { status: () => status(), audience: () => figures() };

  test('draws over its last picture and gives the cursor back', () => {
    jest.useFakeTimers();
    try {
      const { out, written, text } = terminal(true);
      const view = startLiveView({ ...sources, out, env: { NO_COLOR: '1' } });
      const height = written[1]!.split('\n').length - 1;
      jest.advanceTimersByTime(500);
      expect(written[2]!.startsWith(`\r${escape}[${height}A`)).toBe(true);
      view.stop();
      expect(text().startsWith(`${escape}[?25l`)).toBe(true);
      expect(text().endsWith(`${escape}[?25h`)).toBe(true);
      expect(text()).not.toContain(`${escape}[31m`);
      const count = written.length;
      jest.advanceTimersByTime(5_000);
      expect(written.length).toBe(count);
    } finally {
      jest.useRealTimers();
    }
  });

  test('starts on a clean screen after a resize, and fits into it', () => {
    const { out, written } = terminal(true);
    const view = startLiveView({ ...sources, out, env: {} });
    Object.assign(out, { columns: 30, rows: 10 });
    out.emit('resize');
    const picture = written.at(-1)!;
    expect(picture.startsWith(`${escape}[2J${escape}[H`)).toBe(true);
    expect(picture.split('\n').length - 1).toBeLessThanOrEqual(9);
    view.stop();
    expect(out.listenerCount('resize')).toBe(0);
  });

  test.each([
    ['a file', false, {}],
    ['a dumb terminal', true, { TERM: 'dumb' }],
  ])('into %s it writes plain lines, each event once', (_name, isTTY, env) => {
    jest.useFakeTimers();
    try {
      const { out, text } = terminal(isTTY);
      let events = [exit];
      const view = startLiveView({ ...sources, status: () => status({ events }), out, env });
      jest.advanceTimersByTime(2_000);
      events = [exit, ready];
      jest.advanceTimersByTime(2_000);
      events = [ready];
      jest.advanceTimersByTime(1_500);
      view.stop();
      const lines = text().trimEnd().split('\n');
      expect(lines.slice(0, 2)).toEqual([plainEvent(exit), plainEvent(ready)]);
      expect(lines.slice(2)).toHaveLength(2);
      expect(lines[2]).toContain('click rate 40.5 %');
      expect(text()).not.toContain(escape);
    } finally {
      jest.useRealTimers();
    }
  });
});
