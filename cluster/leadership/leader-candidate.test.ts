import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { StarlingError } from '../../core/base/errors.js';
import { encodeRecord, leaderKey } from '../../messages/hosts.js';
import { MemoryBucket } from '../../replication/memory-bucket.testkit.js';
import { LeaderCandidate } from './leader-candidate.js';

const leaseMs = 400;

/** Hosts of one cluster under one clock, and the story of who led. */
function hosts() {
  const clock = new ManualClock();
  const bucket = new MemoryBucket(clock);
  const story: string[] = [];
  const candidate = (host: string, patienceMs = 0): LeaderCandidate =>
    new LeaderCandidate({
      ...{ bus: bucket, host, life: `life of ${host}`, leaseMs, patienceMs },
      lead: async (term) => {
        story.push(`${host} begins ${term}`);
        return { stop: async () => void story.push(`${host} ends ${term}`) };
      },
      log: () => undefined,
    });
  return { bucket, clock, story, candidate };
}

describe('a candidate', () => {
  test('leads where nobody does, and goes on for as long as it renews', async () => {
    const { clock, story, candidate } = hosts();
    const [one, two] = [candidate('one'), candidate('two')];
    await one.start();
    await two.start();
    await clock.advance(20 * leaseMs);
    expect(story).toEqual(['one begins 1']);
    expect([one.leads, two.leads, two.leader?.host]).toEqual([true, false, 'one']);
  });

  test('that stops gives the lease back, and the next one leads at once', async () => {
    const { clock, story, candidate } = hosts();
    const [one, two] = [candidate('one'), candidate('two')];
    await one.start();
    await two.start();
    const stopped = one.stop();
    await clock.advance(0);
    await stopped;
    expect(story).toEqual(['one begins 1', 'one ends 1', 'two begins 2']);
  });

  test('follows a leader that has died when its lease has run out, and not before', async () => {
    const { bucket, clock, story, candidate } = hosts();
    const dead = { host: 'dead', life: 'long past', term: 4, resigned: false };
    await bucket.bucketPut('CLUSTER', leaderKey, encodeRecord(dead));
    const one = candidate('one');
    await one.start();
    await clock.advance(leaseMs - 1);
    expect(story).toEqual([]);
    await clock.advance(leaseMs);
    expect(story).toEqual(['one begins 5']);
  });

  test('waits longer where it should lead only if nobody nearer does', async () => {
    const { clock, story, candidate } = hosts();
    const [far, near] = [candidate('far', 200), candidate('near')];
    const starting = far.start();
    await near.start();
    await starting;
    await clock.advance(10 * leaseMs);
    expect(story).toEqual(['near begins 1']);
  });

  test('that has not heard yet that another leads is told so by the bucket, when it asks', async () => {
    const { bucket, clock, candidate } = hosts();
    const one = candidate('one');
    await one.start();
    await clock.advance(0);
    await one.confirm(1);
    // Two at a time, beside a renewal: it leads.
    await Promise.all([one.confirm(1), one.confirm(1), clock.advance(leaseMs)]);
    bucket.lagging = true;
    const usurper = { host: 'usurper', life: 'another', term: 7, resigned: false };
    await bucket.bucketPut('CLUSTER', leaderKey, encodeRecord(usurper));
    await expect(one.confirm(1)).rejects.toMatchObject({ code: 'FENCED' });
  });

  test('ends what it has begun when another one has a newer term, before it leads again', async () => {
    const { bucket, clock, story, candidate } = hosts();
    const one = candidate('one');
    await one.start();
    await clock.advance(0);
    const usurper = { host: 'usurper', life: 'another', term: 7, resigned: false };
    await bucket.bucketPut('CLUSTER', leaderKey, encodeRecord(usurper));
    await clock.advance(leaseMs / 2);
    expect(story).toEqual(['one begins 1', 'one ends 1']);
    await clock.advance(2 * leaseMs);
    expect(story.at(-1)).toBe('one begins 8');
  });

  test('goes on while the bucket is away, as nobody else can lead meanwhile', async () => {
    const { bucket, clock, story, candidate } = hosts();
    const [one, two] = [candidate('one'), candidate('two')];
    await one.start();
    await two.start();
    bucket.failure = new StarlingError('UNAVAILABLE', 'no leader of the bucket');
    await clock.advance(10 * leaseMs);
    bucket.failure = undefined;
    await clock.advance(10 * leaseMs);
    expect(story).toEqual(['one begins 1']);
    expect(one.leads).toBe(true);
  });

  test('knows that it has won, though the acknowledgement was lost', async () => {
    const { bucket, clock, story, candidate } = hosts();
    bucket.acknowledgementsLost = 1;
    bucket.lagging = true;
    const one = candidate('one');
    await one.start();
    await clock.advance(0);
    expect(story).toEqual(['one begins 1']);
  });

  test('renews on, though an acknowledgement of a renewal was lost', async () => {
    const { bucket, clock, story, candidate } = hosts();
    const [one, two] = [candidate('one'), candidate('two')];
    await one.start();
    await two.start();
    await clock.advance(0);
    bucket.acknowledgementsLost = 1;
    await clock.advance(10 * leaseMs);
    expect(story).toEqual(['one begins 1']);
  });
});
