import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { actorsSchema } from '../core/config/sections.js';
import { actorKinds, hearStats, isActorKind, kindTable, scalableKinds } from './actor-kinds.js';
import { roles } from './roles.js';
import type { Figures } from './stats/figures.js';

const source = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));

describe('every kind of actor', () => {
  test.each(actorKinds)('%s has a folder with an entry, a table of figures and a role', (kind) => {
    expect(existsSync(source(`actors/${kind}/${kind}.ts`))).toBe(true);
    expect(existsSync(source(`messages/stats/${kind}.ts`))).toBe(true);
    expect(roles).toContain(kind);
  });

  test('has a count in the configuration, which has no others', () => {
    expect(Object.keys(actorsSchema.shape).sort()).toEqual([...actorKinds].sort());
    expect(Object.keys(actorsSchema.parse({})).sort()).toEqual([...actorKinds].sort());
  });

  test('is what the folders of actors are named after', () => {
    const folders = readdirSync(source('actors'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'shared')
      .map(({ name }) => name);
    expect(folders.sort()).toEqual([...actorKinds].sort());
  });

  test('can be scaled where nothing on disk or in streams is tied to its number', () => {
    expect(scalableKinds).toEqual([
      'processor',
      'joiner',
      'feature-store',
      'ps-shard',
      'trainer',
      'ranker',
      'recommender',
    ]);
  });

  test('is known by its word alone', () => {
    expect(actorKinds.every(isActorKind)).toBe(true);
    for (const other of ['oracle', 'toString', 1, undefined])
      expect(isActorKind(other)).toBe(false);
  });
});

describe.each(actorKinds)('the figures of %s', (kind) => {
  const figures: Figures = kindTable[kind].figures;

  test('say in a sentence what they are, and their unit as their name does', () => {
    for (const [name, { unit, help }] of Object.entries(figures)) {
      expect([name, help]).toEqual([name, expect.stringMatching(/^[A-Z0-9].*\.$/)]);
      expect([name, unit === 'bytes']).toEqual([name, /Bytes$/.test(name)]);
      if (/Ms$/.test(name)) expect(['ms', 'atMs']).toContain(unit);
    }
  });

  test('some of them are for a person', () => {
    expect(Object.values(figures).filter(({ label }) => label !== undefined)).not.toEqual([]);
  });

  test('are heard with those that every process has, and nothing else is', () => {
    const said = { serving: true, rssBytes: 1, cpuMs: 2, awayAt: 'west', oracle: 1 };
    expect(hearStats(kind, said)).toEqual({ serving: true, rssBytes: 1, cpuMs: 2, awayAt: 'west' });
  });
});
