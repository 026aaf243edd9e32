import type { FeatureDeclaration } from '../../features/feature-spec.js';
import { isAggregate } from '../../features/feature-spec.js';
import { joinPartitions } from '../join-partitions.js';
import type { ClusterConfig } from '../schema.js';
import type { ConfigChange, Verdict } from './change.js';
import { effects, impossible } from './change.js';
import { featureChanges, isSame } from './feature-changes.js';
import type { Leaf } from './leaves.js';
import { leavesOf } from './leaves.js';
import type { Rule } from './rules.js';
import { beginAnew, copyInto, entries, rules } from './rules.js';

/**
 * All changes from one configuration to another, each with what it does to what is there, the worst last.
 *
 * @param after as `continued` has it.
 */
export function planOf(before: ClusterConfig, after: ClusterConfig): ConfigChange[] {
  const from = told(before);
  const to = told(after);
  const optimizers = optimizerChanges(from, to);
  const values = valueChanges(from, to).filter(
    ({ path }) => !optimizers.some((other) => other.path === path),
  );
  const changes = [
    ...entryChanges(from, to),
    ...featureChanges(from.features, to.features),
    ...[...values, ...optimizers],
    ...joinerChanges(before, after),
  ];
  return changes.sort((a, b) => effects.indexOf(a.effect) - effects.indexOf(b.effect));
}

/** What goes on although the new configuration does not say it: into how many parts people are divided. */
export function continued(before: ClusterConfig, after: ClusterConfig): ClusterConfig {
  if (after.joining.partitions !== undefined) return after;
  const partitions = joinPartitions(before);
  // As many as joiners, as before: nothing need be said.
  if (before.joining.partitions === undefined && partitions === after.actors.joiner) return after;
  return { ...after, joining: { ...after.joining, partitions } };
}

/** Names by which what is forgotten is allowed, each once. */
export function forgottenBy(changes: readonly ConfigChange[]): string[] {
  return [...new Set(changes.flatMap(({ forgets }) => forgets ?? []))];
}

/** With the outcome that there is where none is named, and into how many parts people are divided. */
function told(config: ClusterConfig): ClusterConfig {
  const { outcomes, joining } = config;
  return {
    ...config,
    outcomes: Object.keys(outcomes).length > 0 ? outcomes : { click: { predict: 'chance' } },
    joining: { ...joining, partitions: joinPartitions(config) },
  };
}

const maps = ['events', 'outcomes', 'features'] as const;

function entryChanges(before: ClusterConfig, after: ClusterConfig): ConfigChange[] {
  return maps.flatMap((map) => {
    const { added, removed } = entries[map]!;
    const old: Readonly<Record<string, unknown>> = before[map];
    const now: Readonly<Record<string, unknown>> = after[map];
    return [
      ...missingFrom(now, old).map((name) => changeOf(`${map}.${name}`, name, added, { now })),
      ...missingFrom(old, now).map((name) => changeOf(`${map}.${name}`, name, removed, { old })),
      ...outcomesMoved(map, Object.keys(old), Object.keys(now)),
    ];
  });
}

type Entries = Readonly<Record<string, unknown>>;

function changeOf(
  path: string,
  name: string,
  rule: Rule,
  { old, now }: { readonly old?: Entries; readonly now?: Entries },
): ConfigChange {
  const before = old?.[name];
  const after = now?.[name];
  return { path, before, after, ...verdictOf(rule, { before, after, name }) };
}

/** Heads stand in the order of the outcomes, and the first one is what the figures of quality are about. */
function outcomesMoved(map: string, old: string[], now: string[]): ConfigChange[] {
  const isMoved = map === 'outcomes' && !isSame(old, now) && isSame(old.toSorted(), now.toSorted());
  if (!isMoved) return [];
  const verdict = impossible('heads stand in the order of the outcomes; keep it');
  return [{ path: map, before: old, after: now, ...verdict }];
}

function missingFrom(names: Entries, others: Entries): string[] {
  return Object.keys(names).filter((name) => !Object.hasOwn(others, name));
}

/** Of all but the features, and of what both have where it is in a map. */
function valueChanges(before: ClusterConfig, after: ClusterConfig): ConfigChange[] {
  const old = byPath(before);
  const now = byPath(after);
  const paths = new Set([...old.keys(), ...now.keys()]);
  return [...paths].flatMap((path) => {
    const from = old.get(path);
    const to = now.get(path);
    const { pattern } = (from ?? to)!;
    if (isSame(from?.value, to?.value) || isWithinEntry(pattern, path, before, after)) return [];
    const name = nameAt(pattern, path);
    const values = { before: from?.value, after: to?.value };
    return [{ path, ...values, ...verdictOf(rules[pattern]!, { ...values, name }) }];
  });
}

/** What the cluster has noted itself is no part of it. */
function byPath(config: ClusterConfig): Map<string, Leaf> {
  const isApart = ({ path }: Leaf): boolean => /^(features|lineage)\b/.test(path);
  const leaves = leavesOf(config).filter((leaf) => !isApart(leaf));
  return new Map(leaves.map((leaf) => [leaf.path, leaf]));
}

/** It is told of as a whole; so is what is said of the rows of a feature that comes or goes. */
function isWithinEntry(
  pattern: string,
  path: string,
  before: ClusterConfig,
  after: ClusterConfig,
): boolean {
  const ofRows = pattern.startsWith('model.slots.') ? 'features' : undefined;
  const map = ofRows ?? maps.find((each) => pattern.startsWith(`${each}.`));
  if (map === undefined) return false;
  const name = nameAt(pattern, path);
  return !(Object.hasOwn(before[map], name) && Object.hasOwn(after[map], name));
}

/** What stands in the path for the star of the pattern. A name may have dots in it. */
function nameAt(pattern: string, path: string): string {
  const star = pattern.indexOf('*');
  if (star < 0) return '';
  return path.slice(star, path.length - (pattern.length - star - 1));
}

function verdictOf(rule: Rule, difference: Parameters<Extract<Rule, (d: never) => Verdict>>[0]) {
  return typeof rule === 'function' ? rule(difference) : rule;
}

/** Of rows that go on, where it is said: for a feature, or for all. */
function optimizerChanges(before: ClusterConfig, after: ClusterConfig): ConfigChange[] {
  const forgotten = new Set(forgottenBy(featureChanges(before.features, after.features)));
  const found = new Map<string, ConfigChange>();
  for (const [name, feature] of Object.entries(before.features)) {
    if (!hasRows(feature) || forgotten.has(name) || !Object.hasOwn(after.features, name)) continue;
    const values = { before: optimizerOf(before, name), after: optimizerOf(after, name) };
    if (values.before === values.after) continue;
    const isOwn = [before, after].some(({ model }) => model.slots[name]?.optimizer !== undefined);
    const path = isOwn ? `model.slots.${name}.optimizer` : 'model.rows.optimizer';
    const text = `what one optimizer has noted beside each row says nothing to another; keep it, or ${beginAnew}`;
    found.set(path, { path, ...values, ...impossible(text) });
  }
  return [...found.values()];
}

function hasRows({ kind }: FeatureDeclaration): boolean {
  return kind !== 'dense' && kind !== 'history' && !isAggregate(kind);
}

function optimizerOf({ model: { rows, slots } }: ClusterConfig, name: string): string {
  return slots[name]?.optimizer ?? rows.optimizer;
}

function joinerChanges(before: ClusterConfig, after: ClusterConfig): ConfigChange[] {
  const partitions = joinPartitions(after);
  const { joiner } = after.actors;
  if (joiner <= partitions) return [];
  const text = `people are divided into ${partitions} for the life of a cluster, and no more joiners share them; ${copyInto}`;
  const values = { before: before.actors.joiner, after: joiner };
  return [{ path: 'actors.joiner', ...values, ...impossible(text) }];
}
