/**
 * A configuration as its single values. Where the schema has a map of names, the rule of a value is the same for all of them, so its
 * pattern has a star in the place of the name.
 */
export interface Leaf {
  readonly path: string;
  readonly pattern: string;
  readonly value: unknown;
}

/** Maps by name, and the list that is one. */
const named: ReadonlySet<string> = new Set([
  'dataCenters',
  'features',
  'attributes.item',
  'attributes.user',
  'model.slots',
  'events',
  'outcomes',
  'score',
  'rates',
]);

export function leavesOf(value: unknown, path = '', pattern = ''): Leaf[] {
  if (!isMap(value) && !isNamedList(value, pattern)) return [{ path, pattern, value }];
  const entries = Array.isArray(value) ? value.map(byName) : Object.entries(value);
  return entries.flatMap(([name, inner]) => {
    const step = named.has(pattern) ? '*' : name;
    return leavesOf(inner, join(path, name), join(pattern, step));
  });
}

function join(path: string, step: string): string {
  return path === '' ? step : `${path}.${step}`;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNamedList(value: unknown, pattern: string): value is readonly { name: string }[] {
  return Array.isArray(value) && named.has(pattern);
}

function byName(each: unknown): [string, unknown] {
  return [(each as { readonly name: string }).name, each];
}
