#!/usr/bin/env node
// Pages that are tables of the code: docs/errors.md, docs/subjects.md, docs/roles.md, docs/blocks.md, and of docs/supervision.md the end. `npm run docs`
// writes them, a test compares.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { blockTables } from './block-reference.mjs';
import { markdownTable, withStatecharts } from './statecharts.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const note = '<!-- Made by `npm run docs` from the table in the code. -->';
const machineNote = '<!-- Made by `npm run docs` from the machines. -->';
const rolesIntro =
  'What each role may publish and subscribe to, as the server of the data center `east` enforces it in a cluster of `train` and `east`; all else is refused. The rest is in [security](security.md).';

export async function referencePages() {
  const { errorCodes } = await import(new URL('../dist/core/base/errors.js', import.meta.url));
  const { subjectTable } = await import(new URL('../dist/messages/subjects.js', import.meta.url));
  const { namesOf } = await import(new URL('../dist/messages/cluster-names.js', import.meta.url));
  const names = namesOf('starling');
  const errors = Object.entries(errorCodes).map(([code, { retryable, remedy }]) => [
    `\`${code}\``,
    retryable ? 'yes' : 'no',
    remedy,
  ]);
  const subjects = Object.values(subjectTable).map((row) => [
    `\`${names.cluster}.${row.template}\``,
    row.delivery,
    row.stream ? `\`${names.streamIn(row.stream, 'DC').replace(/_DC$/, '_<DC>')}\`` : '',
    row.sender,
    row.handler,
    row.meaning,
  ]);
  const { roles } = await import(new URL('../dist/messages/roles.js', import.meta.url));
  const { permissionsOf } = await import(
    new URL('../dist/messages/permissions.js', import.meta.url)
  );
  // As a server of `east` enforces it; `train` is where learning takes place.
  const place = { names, dataCenter: 'east', dataCenters: ['train', 'east'] };
  const code = (subjects) => subjects.map((each) => `\`${each}\``).join(', ');
  const permissions = roles.map((role) => {
    const { publish, subscribe } = permissionsOf(role, place);
    return `## ${role}\n\nPublishes: ${code(publish)}\n\nSubscribes: ${code(subscribe)}`;
  });
  return {
    'docs/roles.md': `# Roles\n\n${note}\n\n${rolesIntro}\n\n${permissions.join('\n\n')}\n`,
    'docs/supervision.md': await withStatecharts(
      readFileSync(path.join(root, 'docs/supervision.md'), 'utf8'),
      root,
      machineNote,
    ),
    'docs/blocks.md': `# Blocks of networks\n\n${note}\n\n${await blockTables(root)}\n`,
    'docs/errors.md': page(
      'Errors',
      'Every failure a caller can meet has a code; branch on it, never on the message. Errors come as `{"error": {"code", "message"}}`.',
      ['code', 'retry may help', 'what to do'],
      errors,
    ),
    'docs/subjects.md': page(
      'Subjects',
      'Every subject of the protocol, as it is in a cluster named `starling`, and the stream that keeps it. One of another name, `shop`, has `shop.recommend`, `SHOP_JOIN` and the bucket `SHOP_CLUSTER` ([why](decisions/0017-names-are-namespaces.md)). `request`: a queue group answers one caller. `stream`: JetStream keeps it, and its acknowledgement is the answer. `notice`: may be lost, something else makes good for it.',
      ['subject', 'delivery', 'stream', 'sender', 'handler', 'meaning'],
      subjects,
    ),
  };
}

function page(title, intro, head, rows) {
  return `# ${title}\n\n${note}\n\n${intro}\n\n${markdownTable(head, rows)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [file, text] of Object.entries(await referencePages())) {
    const before = (() => {
      try {
        return readFileSync(path.join(root, file), 'utf8');
      } catch {
        return '';
      }
    })();
    if (before !== text) writeFileSync(path.join(root, file), text);
    console.log(`${file} ${before === text ? 'is up to date' : 'written'}`);
  }
}
