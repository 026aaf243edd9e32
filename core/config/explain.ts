import type { z } from 'zod';
import { preview } from '../features/preview.js';

/** One mistake in a configuration: where, and what is allowed there. */
export interface ConfigProblem {
  /** `features.genres.kind`; `configuration` for the whole. */
  readonly path: string;
  /** `features.genres.kind: expected one of id, ids, …; got "foo"` */
  readonly text: string;
}

/** A config that is wrong in a hundred places is best read from the top. */
const problemsMax = 10;

/** The problems in the order of the schema, one for each place. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], input: unknown): ConfigProblem[] {
  const problems = new Map<string, ConfigProblem>();
  for (const issue of issues) {
    const path = pathText(issue.path);
    if (!problems.has(path)) problems.set(path, { path, text: `${path}: ${textOf(issue, input)}` });
  }
  return [...problems.values()].slice(0, problemsMax);
}

function textOf(issue: z.core.$ZodIssue, input: unknown): string {
  if (issue.code === 'unrecognized_keys') return issue.message;
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message;
  return `${issue.message}; got ${preview(valueAt(input, issue.path))}`;
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'configuration';
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`))
    .join('');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return value;
}
