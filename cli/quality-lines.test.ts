import { expect, test } from '@jest/globals';
import { JudgedWindow } from '../core/model/judged-window.js';
import type { ActorStatus } from '../messages/actor-status.js';
import { alarmLines, qualityLines } from './quality-lines.js';

const trainer = (number: number, stats: object): ActorStatus =>
  ({ kind: 'trainer', address: `train.trainer.${number}`, stats }) as ActorStatus;

function windowOf(rows: number, seed: number) {
  const window = new JudgedWindow(10_000);
  for (let i = 0; i < rows; i++) {
    const label = (i * 7 + seed) % 10 < 2 ? 1 : 0;
    window.add(label ? -1 : -1.5 + (i % 3) / 2, label, 1, i % 47);
  }
  return window.counts;
}

test('what all trainers said before they learned it is one line for each outcome', () => {
  const actors = [
    trainer(0, { shown: { click: windowOf(500, 0) }, organic: { click: windowOf(50, 0) } }),
    trainer(1, { shown: { click: windowOf(700, 3) } }),
    trainer(2, {}),
  ];
  const [line, ...others] = qualityLines({ actors });
  expect(others).toEqual([]);
  expect(line).toMatch(
    /^quality of click, before the label, of the last 1,200: AUC 0\.\d{4}, within users 0\.\d{4}, log loss 0\.\d{4}, entropy \d\.\d{3}, calibration 1\.\d\d, rate 20\.\d\d %$/,
  );
  expect(qualityLines({ actors: [] })).toEqual([]);
});

test('alarms say since when they are', () => {
  const alarms = [{ name: 'drift.price', text: 'the values of price are others', sinceMs: 60_000 }];
  expect(alarmLines({ alarms }, 360_000)).toEqual([
    'ALARM drift.price, for 5 min: the values of price are others',
  ]);
  expect(alarmLines({}, 0)).toEqual([]);
});
