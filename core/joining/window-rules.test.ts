import { describe, expect, test } from '@jest/globals';
import { at } from '../base/columns.js';
import { actionsOf, impressionsOf, MemoryJoinStore, oneOutcome } from './join-events.testkit.js';
import { JoinWindow } from './join-window.js';
import type { JoinOptions } from './types.js';
import type { RulesInForce } from './window-rules.js';
import { rulesOf } from './window-rules.js';

const first: JoinOptions = {
  ...oneOutcome(100),
  ...{ latenessMs: 10, copiesMs: 0, negativeRate: 1, bucketMs: 1 },
};
const longer: RulesInForce = {
  version: 2,
  rules: rulesOf({ ...first, ...oneOutcome(300) }),
};

type LogRecord = (window: JoinWindow) => void;

const offered =
  (requestId: string, atMs: number): LogRecord =>
  (window) =>
    window.observeImpressions(impressionsOf([{ requestId, item: 'i', atMs }]));
const clicked =
  (requestId: string, atMs: number): LogRecord =>
  (window) =>
    window.observeActions(actionsOf([{ requestId, item: 'i', atMs }]));
const ruled =
  (rules: RulesInForce): LogRecord =>
  (window) =>
    window.observeRules(rules);

/** r2 is a negative by the rules of before; of r3 and r4 it is known by those that follow. */
const log: readonly LogRecord[] = [
  offered('r1', 1_000),
  clicked('r1', 1_050),
  offered('r2', 1_010),
  offered('r3', 1_110),
  offered('r4', 1_125),
  ruled(longer),
  clicked('r3', 1_300),
  offered('r5', 1_430),
  clicked('r4', 1_420),
];

/** The log as a joiner reads it, from a store as it was after so many records of it. @returns what each record made. */
function read(stores: readonly MemoryJoinStore[], from: number, options = first) {
  const store = stores[from]!.copy();
  let window = restored(store, store.progress?.rules, options);
  const made: string[][] = [];
  const after: MemoryJoinStore[] = [];
  for (const record of log.slice(from)) {
    record(window);
    window.advance();
    const { samples, changes } = window.drain();
    store.commit(changes);
    after.push(store.copy());
    const { labels } = samples.outcomes['click']!;
    made.push(samples.requestIds.map((id, row) => `${id} ${at(labels, row)}`));
    if (window.isOver) window = restored(store, window.rules, options);
  }
  return { made, after };
}

function restored(
  store: MemoryJoinStore,
  { version, rules }: RulesInForce = { version: 1, rules: rulesOf(first) },
  options: JoinOptions,
): JoinWindow {
  const window = new JoinWindow({ ...options, ...rules, version }, store);
  const { progress, records } = store;
  if (progress) window.restore({ progress, records });
  return window;
}

describe('rules of a window', () => {
  const empty = new MemoryJoinStore();
  const { made, after } = read([empty], 0);

  test('change at their record: what is open then goes by the new ones', () => {
    expect(made).toEqual([[], ['r1 1'], [], [], ['r2 0'], [], ['r3 1'], [], ['r4 1']]);
  });

  test('change there for whoever reads the log again, from wherever', () => {
    const stores = [empty, ...after];
    for (let from = 0; from < log.length; from++)
      expect(read(stores, from).made).toEqual(made.slice(from));
  });

  test('are not changed by who is behind, nor by one of other outcomes', () => {
    const window = new JoinWindow({ ...first, version: 3 });
    window.observeRules(longer);
    const { outcomes } = longer.rules;
    const other = [{ ...outcomes[0]!, name: 'buy' }];
    window.observeRules({ version: 4, rules: { ...longer.rules, outcomes: other } });
    expect(window.isOver).toBe(false);
    expect(window.rules.version).toBe(3);
  });
});
