import { beforeEach, describe, expect, test } from '@jest/globals';
import base from '../cluster.config.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { names } from '../messages/default-names.testkit.js';
import { decodePeople, parsePeopleReply, peopleReply, type People } from '../messages/people.js';
import { system } from '../runtime/system.js';
import { admitPeople, type Admission } from './people.js';

const config = parseClusterConfig(base);
const kept = new Map<string, Uint8Array>();
const events = new Map<string, number>();

const bus = {
  ...system,
  names,
  bucketGet: async (_bucket: string, key: string) => kept.get(key),
  bucketPut: async (_bucket: string, key: string, bytes: Uint8Array) => {
    kept.set(key, bytes);
  },
  streamState: async (stream: string) => {
    const lastSequence = events.get(stream) ?? 0;
    // As after a trim: that nothing is left does not mean that nothing came.
    return { firstSequence: lastSequence + 1, lastSequence, messages: 0, bytes: 0 };
  },
};

beforeEach(() => {
  kept.clear();
  events.clear();
});

const admit = (admission: Admission): Promise<void> => admitPeople(admission, bus, config);
const now = (): People => decodePeople(kept.get('people')!);
const somethingCame = (stream = names.stream.raw('east')): void => void events.set(stream, 1);

describe('whose events a cluster learns from', () => {
  test.each(['audience', 'own'] as const)('%s may come again', async (people) => {
    await admit({ people });
    somethingCame();
    await admit({ people });
    expect(now()).toBe(people);
  });

  test.each([
    ['own', 'audience', 'the cluster has items, users or events of its own'],
    ['audience', 'own', 'the simulated audience has lived in this cluster'],
  ] as const)('after %s no %s', async (first, second, message) => {
    await admit({ people: first });
    somethingCame();
    const refused = admit({ people: second, takesUnknown: true });
    await expect(refused).rejects.toMatchObject({ code: 'AUDIENCE_MIXED' });
    await expect(refused).rejects.toThrow(message);
    expect(now()).toBe(first);
  });

  test.each([
    ['own', 'audience'],
    ['audience', 'own'],
  ] as const)('as long as nothing has come, %s makes room for %s', async (first, second) => {
    await admit({ people: first });
    await admit({ people: second });
    expect(now()).toBe(second);
  });

  test("what nobody has named is one's own, unless the default configuration starts it", async () => {
    somethingCame(names.stream.features);
    await expect(admit({ people: 'audience' })).rejects.toMatchObject({ code: 'AUDIENCE_MIXED' });
    expect(kept.size).toBe(0);
    await admit({ people: 'audience', takesUnknown: true });
    expect(now()).toBe('audience');
    kept.clear();
    await admit({ people: 'own' });
    expect(now()).toBe('own');
  });
});

test('the audience is told what it has to know of the cluster', () => {
  const told = JSON.parse(JSON.stringify(peopleReply(config))) as Record<string, unknown>;
  const { simulation, features, dataCenters } = parsePeopleReply(told);
  expect(simulation).toEqual(config.simulation);
  expect(features).toEqual(config.features);
  expect(dataCenters).toEqual(['east', 'west']);
  for (const wrong of [
    { dataCenters: [] },
    { simulation: 3 },
    { features: {}, simulation: { seed: -1 } },
  ])
    expect(() => parsePeopleReply({ ...told, ...wrong })).toThrow('people reply');
});
