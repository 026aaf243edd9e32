import type { AggregateRule } from './kept-rules.js';

/** Under which states are stored. */
export const allKey = 'all';

export function stateKey(entity: 'user' | 'item', id: string): string {
  return `${entity}:${id}`;
}

export function personKey(person: string): string {
  return stateKey('user', person);
}

/** Of all who share a value. */
export function sharedKey({ key }: AggregateRule, value: number): string {
  return `value:${key}:${value}`;
}
