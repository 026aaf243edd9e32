import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ReplayReport } from '../../replay/replay-report.js';
import { actorKinds } from '../../messages/actor-kinds.js';
import { actorsOf } from '../../messages/actor-status.js';
import { writeEvents } from '../support/events-csv.js';
import { leanConfig } from '../support/lean-config.js';
import { StarlingUp, temporaryFolder } from '../support/starling-process.js';

const victims = ['ps-shard', 'trainer', 'joiner', 'dense-shard', 'serving-shard'];
const eventCount = 14_000;
/** Events a second, so that there are some until the last kind is killed. */
const pace = 400;
const killsMin = 20;
/** Of whoever knows how the events are made (support/events-csv.ts), nearly; undisturbed runs end at 0.80, too. */
const aucMin = 0.78;

/** So many kills, or fewer where the replay ends before; the draws are the same each time. */
async function killAtRandom(up: StarlingUp, killsMax: number): Promise<number> {
  let state = 7;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let kills = 0;
  while (!up.ended && kills < killsMax) {
    const status = await up.status();
    const alive = (status?.actors ?? []).filter(
      ({ kind, pid, state: life }) => victims.includes(kind) && pid !== null && life === 'ready',
    );
    const victim = alive[next(Math.max(1, alive.length))];
    if (victim) {
      try {
        process.kill(victim.pid!, 'SIGKILL');
        kills++;
      } catch {
        // Gone since the status was made.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, next(500)));
  }
  return kills;
}

describe('kill -9 during a replay', () => {
  let temporary: ReturnType<typeof temporaryFolder>;
  let cluster: StarlingUp | undefined;

  beforeEach(() => {
    temporary = temporaryFolder();
  });
  afterEach(async () => {
    await cluster?.stop();
    temporary.remove();
  });

  test('of one actor of each kind, one after the other, and then of any at random moments: each batch counts once everywhere, and it learns as well', async () => {
    const events = writeEvents(temporary.folder, eventCount);
    const reportFile = path.join(temporary.folder, 'report.json');
    const config = path.join(temporary.folder, 'cluster.config.json');
    writeFileSync(config, JSON.stringify(leanConfig));
    const up = new StarlingUp(
      ...[path.join(temporary.folder, 'state'), '--config', config],
      ...['--events', events, '--report', reportFile],
      ...['--speed', String(pace), '--max-lag', '100'],
    );
    cluster = up;
    await up.until('learning', ({ actors }) =>
      actorsOf(actors, 'trainer').some(({ stats }) => Number(stats.samples) > 200),
    );
    for (const kind of actorKinds) {
      const before = await up.until(`ready before the kill of a ${kind}`, ({ ready }) => ready);
      const victim = before.actors.find((actor) => actor.kind === kind)!;
      process.kill(victim.pid!, 'SIGKILL');
      await up.until(`ready again after the kill of ${victim.address}`, ({ actors }) =>
        actors.some(
          ({ address, epoch, state }) =>
            address === victim.address && epoch > victim.epoch && state === 'ready',
        ),
      );
    }
    const kills = actorKinds.length + (await killAtRandom(up, killsMin - actorKinds.length));
    const { code, output } = await up.finished;
    expect({ code, output }).toMatchObject({ code: 0 });
    const report = JSON.parse(readFileSync(reportFile, 'utf8')) as ReplayReport;
    expect(report.events).toMatchObject({ accepted: eventCount, open: 0 });
    expect(report.events.positives + report.events.negatives).toBe(eventCount);
    // Each batch in each partition and in the network exactly once is a law of these books (replay/conservation-laws.ts).
    expect(report.conservation.ok).toBe(true);
    expect(kills).toBeGreaterThanOrEqual(killsMin);
    expect(report.supervision.restarts).toBeGreaterThanOrEqual(killsMin);
    expect(report.quality.windows.at(-1)!.auc).toBeGreaterThan(aucMin);
  }, 300_000);
});
