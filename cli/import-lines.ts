import type { FileReport, ImportReport } from '../importing/import-report.js';
import type { Problem } from '../importing/problems.js';
import { table } from './text-table.js';

/** What was understood of the files, as a person reads it. */
export function importLines(report: ImportReport): string[] {
  return [...report.files.flatMap(fileLines), ...bookLines(report), ...warningLines(report)];
}

const count = (value: number): string => value.toLocaleString('en-US');
const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

const delimiters: Readonly<Record<string, string>> = {
  ...{ ',': 'comma', '\t': 'tab', ';': 'semicolon', '|': 'bar', ' ': 'blank' },
};

function fileLines(file: FileReport): string[] {
  return [
    `${file.name}: ${plural(file.rows, 'row')} of ${file.role} · ${formatOf(file)}`,
    ...columnLines(file),
    ...(file.times === undefined ? [] : [`  times: ${file.times}`]),
    ...file.notes.map((note) => `  ${note}`),
    ...missingLines(file),
    ...problemLines('left out', file.refused),
    ...problemLines('field left out', file.unreadable),
  ];
}

function formatOf({ format, compression, delimiter, encoding, decimalMark }: FileReport): string {
  const names = { delimited: 'text', json: 'JSON', parquet: 'Parquet' } as const;
  const between = delimiter && `separated by ${delimiters[delimiter] ?? JSON.stringify(delimiter)}`;
  const mark = decimalMark === ',' ? 'decimal comma' : undefined;
  return [
    names[format as keyof typeof names],
    ...[between, encoding?.toUpperCase(), compression, mark].filter((each) => each !== undefined),
  ].join(', ');
}

function columnLines({ columns }: FileReport): string[] {
  const named = columns.filter(
    ({ becomes }) => !['attribute', 'feature', 'context', 'not used'].includes(becomes),
  );
  const list = (kind: string): string =>
    columns
      .filter(({ becomes }) => becomes === kind)
      .map(({ column }) => column.replace(/^(attributes|features|context)\./, ''))
      .join(', ');
  const line = (title: string, text: string): string[] =>
    text === '' ? [] : [`  ${title}: ${text}`];
  return [
    `  columns: ${named.map(({ column, becomes }) => (column === becomes ? column : `${column} → ${becomes}`)).join(', ')}`,
    ...line('context', list('context')),
    ...line('features', list('feature')),
    ...line('attributes', list('attribute')),
    ...line('not used', list('not used')),
  ];
}

function missingLines({ missing }: FileReport): string[] {
  const found = Object.entries(missing);
  if (found.length === 0) return [];
  const texts = found.map(([column, times]) => `${column} (${count(times)})`);
  return [`  taken for none: ${texts.join(', ')}`];
}

function problemLines(what: string, problems: readonly Problem[]): string[] {
  return problems.flatMap(({ kind, count: times, first }) => [
    `  ${what}: ${kind}, ${plural(times, 'row')}`,
    ...first.map(
      ({ line, column, text }) =>
        `    line ${line}${column === undefined ? '' : `, column ${column}`}: ${text}`,
    ),
  ]);
}

/** Every row of the events is in one line. */
function bookLines({ counts, firstMs, lastMs }: ImportReport): string[] {
  const { eventRows, events, repeated, refusedEvents, timeless } = counts;
  const types = Object.entries(counts.byType).map(([type, n]) => [
    `  ${type === '' ? 'of no type' : type}`,
    count(n),
  ]);
  const rows: string[][] = [
    ['rows of events', count(eventRows)],
    ['events', count(events)],
    ...types,
    ['repeated (an id that was there before)', count(repeated)],
    ["left out, can't be read", count(refusedEvents)],
    ['left out, of a time that stands for none', count(timeless)],
  ];
  const facts: string[][] = [
    ['behind an earlier row', count(counts.behind)],
    ...(counts.unknownItems === undefined
      ? []
      : [['of items that no file has', count(counts.unknownItems)]]),
    [
      'without a user',
      `${count(counts.withoutUser)}, of which ${count(counts.namedLater)} are named by an alias`,
    ],
    ...(firstMs === undefined ? [] : [['from', `${iso(firstMs)} to ${iso(lastMs!)}`]]),
  ];
  const others: string[][] = (
    [
      ['items', counts.items],
      ['users', counts.users],
      ['aliases', counts.aliases],
      ['changes of items and users', counts.changes],
    ] as const
  )
    .filter(([, n]) => n > 0)
    .map(([name, n]) => [name, count(n)]);
  if (eventRows === 0) return table(['', ''], others).slice(1);
  return table(['', ''], [...rows, ...facts, ...others]).slice(1);
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** Fewer known items than this share of the events: most likely the wrong column, or the wrong file. */
const knownShareMin = 0.5;

function warningLines({ counts, asOfToday }: ImportReport): string[] {
  const { unknownItems, events } = counts;
  const known = unknownItems === undefined || events === 0 ? 1 : 1 - unknownItems / events;
  return [
    ...(known < knownShareMin
      ? [
          `WARNING: only ${(100 * known).toFixed(1)} % of the events are of items that the files of items have. Are the ids written alike?`,
        ]
      : []),
    ...(asOfToday.length > 0 && events > 0
      ? [`known only as of today, since no column says since when: ${asOfToday.join(', ')}`]
      : []),
  ];
}

/** Why nothing is imported. */
export function refusalText({ counts, files }: ImportReport): string {
  const [problem] = files.flatMap(({ name, refused }) =>
    refused.map((each) => ({ name, ...each })),
  );
  const { line, text } = problem!.first[0]!;
  return `${plural(counts.refused, 'row')} can't be read, the first: ${problem!.name} line ${line}: ${text}. Nothing was imported. Mend the file, or leave such rows out with --skip-bad; --dry-run lists them.`;
}
