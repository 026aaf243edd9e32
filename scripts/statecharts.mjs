// The last part of docs/supervision.md: every machine of the repository, drawn from its own definition, so that the picture can't lie.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const skipped = new Set(['node_modules', 'dist', '.git', '.starling', 'coverage']);

/** Files of all machines, relative to `root`, sorted. */
export function machineFiles(root, folder = '') {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory())
        return skipped.has(entry.name) || entry.name.startsWith('.build-')
          ? []
          : machineFiles(root, file);
      return entry.name.endsWith('.machine.ts') ? [file] : [];
    })
    .sort();
}

const heading = '## Statecharts\n';

/** A page that has its charts at its end: `text` up to there as people wrote it, and the charts as the machines are. */
export async function withStatecharts(text, root, note) {
  const [prose] = text.split(heading);
  const charts = [];
  for (const file of machineFiles(root)) charts.push(await chartOf(root, file));
  const intro = [
    'The life cycles, as drawn from the machines themselves. A label reads `event [guard] / effects`; `after` is a timer',
    'named in the machine. Events that do not lead out of a state stand in the table, with what is done on entry.',
  ].join('\n');
  return `${prose}${heading}\n${note}\n\n${intro}\n\n${charts.join('\n\n')}\n`;
}

async function chartOf(root, file) {
  const compiled = path.join(root, 'dist', file.replace(/\.ts$/, '.js'));
  const exported = await import(pathToFileURL(compiled).href);
  const machines = Object.values(exported).filter((each) => each?.root?.states !== undefined);
  if (machines.length !== 1) throw new Error(`${file}: exports ${machines.length} machines, not 1`);
  const { root: top } = machines[0];
  const diagram = ['```mermaid', 'stateDiagram-v2', ...drawInside(top), ...drawExits(top), '```'];
  const about = `[${file}](../${file})`;
  return [`### ${top.machine.id}`, about, diagram.join('\n'), tableOf(top)].join('\n\n');
}

/** The states of `node` and their insides, without transitions. */
function drawInside(node) {
  const start = node.initial?.target?.[0];
  const lines = start === undefined ? [] : [`[*] --> ${idOf(start)}`];
  for (const child of Object.values(node.states)) {
    const inside = drawInside(child);
    lines.push(`state "${nameOf(child)}" as ${idOf(child)}${inside.length > 0 ? ' {' : ''}`);
    if (inside.length > 0) lines.push(...inside, '}');
    if (child.type === 'final') lines.push(`${idOf(child)} --> [*]`);
  }
  return lines.map((line) => `  ${line}`);
}

/** Transitions out of `node` and of all inside it. What the machine itself answers to is drawn from each of its states. */
function drawExits(node) {
  const own = transitionsOf(node).filter((transition) => !staysWithin(node, transition));
  const sources =
    node.parent === undefined
      ? Object.values(node.states).filter(({ type }) => type !== 'final')
      : [node];
  const arrows = own.flatMap((transition) =>
    sources.flatMap((source) =>
      transition.target.map((to) => `  ${idOf(source)} --> ${idOf(to)}: ${labelOf(transition)}`),
    ),
  );
  return [...arrows, ...Object.values(node.states).flatMap(drawExits)];
}

function tableOf(top) {
  const rows = statesInside(top).map((node) => [
    `\`${node.path.join('.')}\``,
    node.description ?? '',
    [
      ...node.entry
        .map(effectName)
        .filter(isOurs)
        .map((effect) => `entry / ${effect}`),
      ...transitionsOf(node)
        .filter((transition) => staysWithin(node, transition))
        .map((transition) => stayOf(transition)),
    ]
      .map((each) => `\`${each}\``)
      .join('<br>'),
  ]);
  return markdownTable(['state', 'meaning', 'within it'], rows);
}

function statesInside(node) {
  return Object.values(node.states)
    .filter(({ type }) => type !== 'history')
    .flatMap((child) => [child, ...statesInside(child)]);
}

function transitionsOf(node) {
  return [...node.transitions.values()].flat().concat(node.always ?? []);
}

/**
 * Whether a transition leads nowhere or only about inside a state that has some inside. Such an arrow would start and
 * end in the same box, which Mermaid draws badly or not at all.
 */
function staysWithin(node, { target }) {
  if (target === undefined) return true;
  if (node.parent === undefined || Object.keys(node.states).length === 0) return false;
  return target.every((to) => node.path.every((key, depth) => to.path[depth] === key));
}

function stayOf(transition) {
  const { target, actions } = transition;
  const effects = target === undefined && actions.length === 0 ? ' / nothing' : '';
  const to = target === undefined ? '' : ` → ${target.map((each) => each.path.join('.')).join()}`;
  return `${labelOf(transition)}${effects}${to}`;
}

function labelOf({ eventType, guard, actions }) {
  const guarded = guard === undefined ? '' : ` [${guardName(guard)}]`;
  const effects = actions.map(effectName).filter(isOurs).join(', ');
  return `${eventName(eventType)}${guarded}${effects === '' ? '' : ` / ${effects}`}`;
}

/** `xstate.after.backoff.child.restarting` is the timer `backoff`, and no event is a transition taken at once. */
function eventName(type) {
  const timer = /^xstate\.after\.([^.]+)\./.exec(type);
  if (timer) return `after ${timer[1]}`;
  return type === '' ? 'always' : type;
}

/** An effect with the fixed word that tells it from others of its name: `report ready`. */
function effectName(effect) {
  if (typeof effect === 'string') return effect;
  const { params } = effect;
  const words = typeof params === 'object' && params !== null ? Object.values(params) : [];
  return [effect.type, ...words.filter((word) => typeof word !== 'object')].join(' ');
}

/** Timers are started and cancelled by effects of the library, which go without saying. */
function isOurs(name) {
  return !name.startsWith('xstate.');
}

/** The combinators `not`, `and` and `or` are functions that know their parts. */
function guardName(guard) {
  if (typeof guard === 'string') return guard;
  if (typeof guard !== 'function') return guard.type;
  const parts = (guard.guards ?? []).map(guardName).join(', ');
  return parts === '' ? guard.name : `${guard.name}(${parts})`;
}

/** Mermaid knows no nested names, so the whole path makes one that is unique. */
function idOf(node) {
  return node.path.join('_').replaceAll('-', '_');
}

function nameOf(node) {
  return node.type === 'history' ? `${node.key} (as it was)` : node.key;
}

export function markdownTable(head, rows) {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i].length)));
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
