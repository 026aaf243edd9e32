import type { ConfigChange, Effect } from '../../core/config/plan/change.js';
import { effects, restarts } from '../../core/config/plan/change.js';
import { forgottenBy } from '../../core/config/plan/plan.js';

/** A plan for people: a line for each change, the worst last, and what is to be done about it. */
export function planLines(changes: readonly ConfigChange[]): string[] {
  if (changes.length === 0) return ['nothing changes'];
  const width = Math.max(...changes.map(({ effect }) => effect.length));
  const lines = changes.map(
    ({ effect, path, before, after, why }) =>
      `${effect.padEnd(width)}  ${path}: ${valueText(before)} → ${valueText(after)}; ${why}`,
  );
  return [...lines, summary(changes)];
}

/** Too long: a list of words fills the screen. Too short: two values look alike. */
const valueLengthMax = 60;

function valueText(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > valueLengthMax ? `${text.slice(0, valueLengthMax)}…` : text;
}

function summary(changes: readonly ConfigChange[]): string {
  const counted = effects
    .map((effect): [Effect, number] => [
      effect,
      changes.filter((each) => each.effect === effect).length,
    ])
    .filter(([, count]) => count > 0)
    .map(([effect, count]) => `${count} ${effect}`);
  const forgotten = forgottenBy(changes);
  const isImpossible = changes.some(({ effect }) => effect === 'impossible');
  const allow = `; to be applied with --allow ${forgotten.map((name) => `forget:${name}`).join(',')}`;
  const verdict = isImpossible ? '; it can not be applied' : forgotten.length > 0 ? allow : '';
  return `${counted.join(', ')}; ${startsAgain(changes)}${verdict}`;
}

function startsAgain(changes: readonly ConfigChange[]): string {
  const most = Math.max(...changes.map((change) => restarts.indexOf(change.restarts)));
  return {
    actors: 'actors start again',
    hosts: 'actors start again, and hosts for some of it',
    servers: 'actors start again, and hosts with their servers for some of it',
  }[restarts[most]!];
}
