import { describe, expect, test } from '@jest/globals';
import { names, subject } from '../../messages/default-names.testkit.js';
import type { Role } from '../../messages/roles.js';
import { permitsOf } from './permits.js';

const place = { names, dataCenter: 'east', dataCenters: ['train', 'east'] };
const of = (role: Role) => permitsOf(role, place);

describe('the permits of a role', () => {
  test('are those that a server holds it to', () => {
    expect(of('ranker').mayAsk(subject.lookup(3))).toBe(true);
    expect(of('ranker').mayAsk(subject.push(3))).toBe(false);
    expect(of('trainer').mayAsk(subject.push(3))).toBe(true);
    expect(of('serving-shard').mayServe(subject.lookup(3))).toBe(true);
    expect(of('ranker').mayServe(subject.lookup(3))).toBe(false);
  });

  test('do not reach further for a pattern than for its subjects', () => {
    const { mayServe } = of('serving-shard');
    expect(mayServe('starling.lookup.*')).toBe(true);
    expect(mayServe('starling.*.3')).toBe(false);
    expect(mayServe('starling.>')).toBe(false);
    expect(mayServe('starling.lookup')).toBe(false);
    expect(mayServe('starling.lookup.3.more')).toBe(false);
  });

  test('leave out what a role is refused', () => {
    expect(of('client').mayAsk('starling.ingest.event')).toBe(true);
    expect(of('client').mayAsk('starling.ingest.erase')).toBe(false);
  });
});
