import type { EventRule, OutcomeRule } from '../core/joining/outcome-rules.js';
import type { RulesInForce, RulesRecord, WindowRules } from '../core/joining/window-rules.js';
import type { Fields } from './checks.js';
import { asFields, asMessage, flag, listOf, number, text, texts, wrong } from './checks.js';
import { protocolVersion } from './codec.js';

/** A record of JOIN: other rules are in force from here on (core/joining/window-rules.ts). */
export function rulesMessage({ version, rules, before }: RulesRecord) {
  return { v: protocolVersion, kind: 'rules', version, rules, before };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseRules(value: unknown): RulesRecord {
  const what = 'rules';
  const fields = asMessage(value, what);
  const before = inForce(asFields(fields['before'], `${what}.before`), `${what}.before`);
  return { ...inForce(fields, what), before };
}

function inForce(fields: Fields, what: string): RulesInForce {
  const place = `${what}.rules`;
  return {
    version: number(fields, 'version', what),
    rules: rules(asFields(fields['rules'], place), place),
  };
}

function rules(fields: Fields, what: string): WindowRules {
  const latenessMs = within(fields, 'latenessMs', what, [0, Number.MAX_SAFE_INTEGER]);
  const tells = asFields(fields['tells'], `${what}.tells`);
  const outcomes = listOf(fields, 'outcomes', what, outcome);
  if (outcomes.length === 0) throw wrong(what, 'outcomes', 'at least one', outcomes);
  const events = Object.entries(asFields(fields['events'], `${what}.events`));
  return {
    outcomes,
    events: Object.fromEntries(
      events.map(([type, rule]) => [type, eventRule(rule, `${what}.events.${type}`)]),
    ),
    latenessMs,
    organicWaitMs: within(fields, 'organicWaitMs', what, [0, latenessMs]),
    negativeRate: within(fields, 'negativeRate', what, [0, 1]),
    organic: flag(fields, 'organic', what),
    tells: {
      events: flag(tells, 'events', `${what}.tells`),
      shown: flag(tells, 'shown', `${what}.tells`),
      outcomes: flag(tells, 'outcomes', `${what}.tells`),
    },
  };
}

function outcome(value: unknown, what: string): OutcomeRule {
  const fields = asFields(value, what);
  const { given, sums, earlyMs } = fields;
  return {
    name: text(fields, 'name', what),
    from: texts(fields, 'from', what),
    windowMs: within(fields, 'windowMs', what, [1, Number.MAX_SAFE_INTEGER]),
    ...(earlyMs === undefined
      ? {}
      : { earlyMs: within(fields, 'earlyMs', what, [1, Number.MAX_SAFE_INTEGER]) }),
    ...(given === undefined ? {} : { given: text(fields, 'given', what) }),
    ...(sums === undefined ? {} : { sums: flag(fields, 'sums', what) }),
  };
}

function eventRule(value: unknown, what: string): EventRule {
  const fields = asFields(value, what);
  const { negative, undoes, weight } = fields;
  return {
    ...(negative === undefined ? {} : { negative: flag(fields, 'negative', what) }),
    ...(weight === undefined
      ? {}
      : { weight: within(fields, 'weight', what, [Number.MIN_VALUE, Number.MAX_VALUE]) }),
    ...(undoes === undefined ? {} : { undoes: text(fields, 'undoes', what) }),
  };
}

function within(
  fields: Fields,
  name: string,
  what: string,
  [from, to]: readonly [number, number],
): number {
  const value = number(fields, name, what);
  if (value >= from && value <= to) return value;
  throw wrong(what, name, `from ${from} to ${to}`, value);
}
