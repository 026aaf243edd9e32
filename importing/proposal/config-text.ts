import { type Role, roles } from '../field-names.js';
import type { ProposedEvents } from './event-types.js';
import type { Proposal, ProposedAttribute, ProposedFeature } from './propose.js';

/** A configuration as a person would write it: short, and with the reason beside what is not plain. */
export function configText(proposal: Proposal, name: string): string {
  const { events } = proposal;
  const blocks = [
    [`name: ${text(name)}, // Subjects and streams begin with it; one name per shop.`],
    timezoneLines(proposal),
    currencyLines(proposal),
    filesLines(proposal),
    eventsLines(events),
    outcomesLines(events),
    featuresLines(proposal.features),
    attributesLines(proposal),
  ];
  const body = blocks
    .filter((block) => block.length > 0)
    .map((block) => block.map(indented).join('\n'));
  return [
    `import { defineCluster } from 'starling/config';`,
    '',
    '/**',
    ` * Made by \`starling init\` of ${proposal.files.map(({ file }) => file.name).join(', ')}. Change what you know better; what is not said`,
    ' * has a default, and a mistake is named when the cluster starts.',
    ' */',
    'export default defineCluster({',
    body.join('\n\n'),
    '});',
    '',
  ].join('\n');
}

const indented = (line: string): string => (line === '' ? '' : `  ${line}`);

/** Of whatever a file may have in it. */
function text(value: string): string {
  const json = JSON.stringify(value)
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
  return /['"]/.test(value) ? json : `'${json.slice(1, -1)}'`;
}

const key = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : text(name));

function value(of: unknown): string {
  if (typeof of === 'string') return text(of);
  if (Array.isArray(of)) return `[${of.map(value).join(', ')}]`;
  if (typeof of === 'object' && of !== null) return object(of as Record<string, unknown>);
  return String(of);
}

function object(of: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(of).map(([name, each]) => `${key(name)}: ${value(each)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/** A word of a comment can't end it, and stays in its line. */
const comment = (words: string): string => `// ${words.replace(/\s+/g, ' ')}`;

function timezoneLines({ isZoneless }: Proposal): string[] {
  if (!isZoneless) return [];
  return [
    `timezone: 'UTC', // Of times that name no zone, as some of these do: yours, such as Europe/Berlin?`,
  ];
}

function currencyLines({ events, currencies }: Proposal): string[] {
  const isMoney = [...events.events.values()].some((event) => event.value !== undefined);
  if (!isMoney) return [];
  const [first = 'EUR', ...others] = currencies;
  const rates = Object.fromEntries(others.map((other) => [other, 1]));
  return [
    `currency: ${text(first)}, // Of values that name none.`,
    ...(others.length > 0
      ? [`rates: ${object(rates)}, // Say how much one of each is worth in ${first}.`]
      : []),
  ];
}

function filesLines({ files, threshold, events }: Proposal): string[] {
  const lines = roles.flatMap((role) => {
    const fields = new Map(
      files
        .filter(({ mapping }) => mapping.role === role)
        .flatMap(({ mapping }) => [...mapping.fields]),
    );
    if (fields.size === 0) return [];
    const isEvents = role === 'events';
    const more = isEvents && fields.has('rating') && threshold !== undefined ? { threshold } : {};
    const types = isEvents && events.named.size > 0 ? Object.fromEntries(events.named) : undefined;
    const notes = [
      ...('threshold' in more ? ['Rated so or better: liked.'] : []),
      ...(types ? ['`types`: what is written so in the file is of this type.'] : []),
    ];
    const said = { ...Object.fromEntries(fields), ...more, ...(types ? { types } : {}) };
    return [`  ${role}: ${object(said)},${notes.length > 0 ? ` ${comment(notes.join(' '))}` : ''}`];
  });
  return [
    comment('Which column is which, so that `starling import` needs no flags.'),
    'files: {',
    ...lines,
    '},',
  ];
}

function eventsLines({ events }: ProposedEvents): string[] {
  if (events.size === 0) return [];
  const lines = [...events].map(([type, { count, ...said }]) => {
    const why = said.negative
      ? ': says that somebody does not want it'
      : said.undoes
        ? ': takes it back'
        : '';
    return `  ${key(type)}: ${object(said)}, // ${count.toLocaleString('en-US')}${why}`;
  });
  return [comment('What people do.'), 'events: {', ...lines, '},'];
}

function outcomesLines({ outcomes, score }: ProposedEvents): string[] {
  if (outcomes.size === 0) return [];
  return [
    comment('What is predicted: within `window` of being shown, does one of `from` happen?'),
    'outcomes: {',
    ...[...outcomes].map(([name, outcome]) => `  ${key(name)}: ${object({ ...outcome })},`),
    '},',
    comment(
      'What a slate is ordered by: what each is worth when it happens. It may be changed while the cluster runs.',
    ),
    `score: ${object(Object.fromEntries(score))},`,
  ];
}

function featuresLines(features: readonly ProposedFeature[]): string[] {
  const lines = features.flatMap(({ name, declaration, why }) => [
    ...(why === undefined ? [] : [`  ${comment(sentence(why))}`]),
    `  ${key(name)}: ${object(declaration)},`,
  ]);
  return [comment('What the model looks at.'), 'features: {', ...lines, '},'];
}

const sentence = (words: string): string =>
  `${words.charAt(0).toUpperCase()}${words.slice(1)}${words.endsWith('.') ? '' : '.'}`;

function attributesLines({ attributes }: Proposal): string[] {
  const of = (entity: 'item' | 'user', list: readonly ProposedAttribute[]): string[] =>
    list.length === 0
      ? []
      : [
          `  ${entity}: {`,
          ...list.map(
            ({ name, type, why }) => `    ${key(name)}: ${text(type)}, ${comment(sentence(why))}`,
          ),
          '  },',
        ];
  const lines = [...of('item', attributes.item), ...of('user', attributes.user)];
  if (lines.length === 0) return [];
  return [
    comment('Stored, filtered on, and returned to who asks for it; the model does not look at it.'),
    'attributes: {',
    ...lines,
    '},',
  ];
}

/** Which columns were taken for what, for a person. */
export function takenLines({ files }: Proposal): string[] {
  const words: Readonly<Record<Role, string>> = {
    ...{ events: 'events', items: 'items', users: 'users', aliases: 'aliases' },
  };
  return files.map(({ file, mapping, rows }) => {
    const fields = [...mapping.fields].map(([field, column]) => `${field} = ${column}`).join(', ');
    return `${file.name}: ${rows.toLocaleString('en-US')} ${words[mapping.role]}; ${fields}`;
  });
}
