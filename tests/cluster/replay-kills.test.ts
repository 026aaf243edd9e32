import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ReplayReport } from '../../replay/replay-report.js';
import { actorKinds } from '../../messages/actor-kinds.js';
import { actorsOf } from '../../messages/actor-status.js';
import { writeEvents } from '../support/events-csv.js';
import { StarlingUp, temporaryFolder } from '../support/starling-process.js';

const eventCount = 12_000;
/** Events a second, so that there are some until the last kind is killed. */
const pace = 400;
/** Of whoever knows how the events are made (support/events-csv.ts), nearly; undisturbed runs end at 0.80, too. */
const aucMin = 0.78;

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

  test('of one actor of each kind, one after the other: the replay completes and the books balance', async () => {
    const events = writeEvents(temporary.folder, eventCount);
    const reportFile = path.join(temporary.folder, 'report.json');
    const up = new StarlingUp(
      path.join(temporary.folder, 'state'),
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
    const { code, output } = await up.finished;
    expect({ code, output }).toMatchObject({ code: 0 });
    const report = JSON.parse(readFileSync(reportFile, 'utf8')) as ReplayReport;
    expect(report.events).toMatchObject({ accepted: eventCount, open: 0 });
    expect(report.events.positives + report.events.negatives).toBe(eventCount);
    expect(report.conservation.ok).toBe(true);
    expect(report.supervision.restarts).toBeGreaterThanOrEqual(actorKinds.length);
    expect(report.quality.windows.at(-1)!.auc).toBeGreaterThan(aucMin);
  }, 300_000);
});
