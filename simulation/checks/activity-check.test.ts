import { beforeEach, describe, expect, test } from '@jest/globals';
import { copiesMs } from '../../actors/joiner/open-window.js';
import { joinRulesOf } from '../../core/blueprint/join-rules.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { lanes, noActionFacts } from '../../core/joining/event-facts.js';
import { activityMessage } from '../../messages/activity.js';
import { encode } from '../../messages/codec.js';
import { declareStreams } from '../../messages/declared-streams.js';
import { names } from '../../messages/default-names.testkit.js';
import { actionsMessage, advanceMessage } from '../../messages/events.js';
import { simulatedConfig as config } from '../cluster/simulated-config.js';
import { MemoryServers } from '../nats/memory-servers.js';
import { Network } from '../nats/network.js';
import { SeededRandom } from '../time/seeded-random.js';
import { VirtualTime } from '../time/virtual-time.js';
import { ActivityCheck } from './activity-check.js';

const spec = featureSpecOf(config.features, config.lineage);
const { latenessMs } = config.joining;
const windowMs = Math.max(...joinRulesOf(config).outcomes.map((outcome) => outcome.windowMs));
const apartMs = windowMs + latenessMs + copiesMs;
const behindMs = apartMs + windowMs + latenessMs;
const atMs = 1_000_000;
let servers: MemoryServers;
let found: string[];

beforeEach(() => {
  const time = new VirtualTime();
  const random = new SeededRandom(1);
  const { dataCenters } = config;
  servers = new MemoryServers({
    ...{ time, random, network: new Network(time, random) },
    dataCenters: dataCenters.map(({ name }) => name),
  });
  for (const stream of declareStreams(names, { dataCenters, ingestMapped: true }))
    servers.declare(stream);
  found = [];
  const history = {
    newest: config,
    configOf: () => config,
    follow: (hear: (config: ClusterConfig) => void) => hear(config),
  };
  new ActivityCheck(servers, names, history, (what) => found.push(what));
});

function append(message: unknown): number {
  const stream = servers.stream(names.stream.join);
  return stream.append(names.subject.join(0), encode(message), {}, 0);
}

function advancesTo(watermarkMs: number, lane: number = lanes.live): void {
  append(advanceMessage({ watermarkMs, lane }));
}

/** It comes, and the joiner tells it. */
function happens(eventMs: number, lane: number = lanes.live): void {
  const sequence = append(
    actionsMessage(
      {
        ...{ requestIds: [''], items: ['i'], atMs: Float64Array.of(eventMs) },
        ...{ labels: Float32Array.of(1), acceptedAtMs: Float64Array.of(eventMs) },
        facts: { ...noActionFacts, ids: ['e'], users: ['u'], lanes: Uint8Array.of(lane) },
      },
      spec,
    ),
  );
  const what = { person: 'u', type: 'click', item: 'i', id: 'e', value: NaN, order: '' };
  const activity = { kind: 'event', ...what, atMs: eventMs } as const;
  const message = activityMessage({ source: 0, rows: [{ activity, sequence, index: 1 }] });
  const stream = servers.stream(names.stream.activity);
  stream.append(names.subject.activity(0), encode(message), {}, 0);
}

describe('an event is told once', () => {
  test('also where its copy comes as late as it is known', () => {
    happens(atMs);
    advancesTo(atMs + behindMs);
    happens(atMs);
    expect(found).toEqual(['told once']);
  });

  test('and twice where both come later than that', () => {
    advancesTo(atMs + behindMs + 1);
    happens(atMs);
    happens(atMs);
    expect(found).toEqual([]);
  });

  test('whatever another lane has come to', () => {
    advancesTo(atMs + behindMs + 1, lanes.live);
    happens(atMs, lanes.import);
    happens(atMs, lanes.import);
    expect(found).toEqual(['told once']);
  });

  test('where its time is that of its copy, give or take what copies may be apart', () => {
    happens(atMs);
    happens(atMs + apartMs + 1);
    expect(found).toEqual([]);
    happens(atMs + apartMs + 2);
    expect(found).toEqual(['told once']);
  });
});
