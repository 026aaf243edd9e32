import { goldenMessages } from './golden-messages.js';
import { writeAll } from './golden-files.js';

/** `npm run golden`: today's bytes become the golden ones. What changed is a change of the wire: messages/HISTORY.md. */
const changed = writeAll(goldenMessages);
process.stdout.write(
  changed.length === 0 ? 'all golden files are as they were\n' : `written: ${changed.join(', ')}\n`,
);
